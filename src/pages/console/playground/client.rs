//! Requests of the app, sent to the server itself through all middleware, and their text for the page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use axum::http::{HeaderValue, Method, Uri};
use serde_json::Value;

use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::root_service::{CollectedResponse, RootService};

/// A request of the app. It has secrets, as its response does: neither has `Debug`.
#[derive(Clone, Default)]
pub(crate) struct AppRequest {
    pub(crate) path: &'static str,
    pub(crate) query: Vec<(&'static str, String)>,
    /// The form of a POST; without one, the request is a GET.
    pub(crate) form: Option<Vec<(&'static str, String)>>,
    pub(crate) bearer: Option<String>,
    /// Whether it has the cookies of the user's browser.
    pub(crate) has_cookies: bool,
}

/// A request and its response, as text.
#[derive(Clone)]
pub(crate) struct CapturedExchange {
    /// Its id in the journal, if it was recorded.
    pub(crate) id: Option<u64>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) request: String,
    /// The curl command that repeats it; `None` for requests of the browser.
    pub(crate) curl: Option<String>,
    /// The status and selected headers.
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) is_success: bool,
    /// The body, if it is JSON. The steps of a run do not have it.
    pub(crate) json: Value,
}

/// The most bytes of a request, and of a response, that a run keeps.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The text, cut if it is too long.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let length = text.len();
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        push(&mut text, format_args!("\n… ({length} bytes in all)"));
    }
    text
}

/// The response headers that the page shows.
const SHOWN_HEADERS: [&str; 5] = [
    "content-type",
    "location",
    "retry-after",
    "access-control-allow-origin",
    "cache-control",
];

impl AppRequest {
    /// Sends it.
    pub(crate) async fn send(
        &self,
        service: &RootService,
        context: &RequestContext,
    ) -> CapturedExchange {
        let body = self.form.as_ref().map(|form| encoded(form));
        let mut request = Request::new(Body::from(body.clone().unwrap_or_default()));
        let target = context.base.path(&self.path_and_query());
        *request.uri_mut() = target
            .parse::<Uri>()
            .expect("a prefix and a path of ours are a URI");
        let headers = request.headers_mut();
        if body.is_some() {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
        }
        let bearer = self.bearer.as_ref().map(|token| format!("Bearer {token}"));
        if let Some(Ok(bearer)) = bearer.as_deref().map(HeaderValue::from_str) {
            headers.insert(AUTHORIZATION, bearer);
        }
        for name in [HOST, COOKIE] {
            if let Some(value) = context.headers.get(&name)
                && (self.has_cookies || name != COOKIE)
            {
                headers.insert(name, value.clone());
            }
        }
        if body.is_some() {
            *request.method_mut() = Method::POST;
        }
        let sent = service.send(request).await;
        let (head, text, is_success) = match &sent.response {
            None => {
                let closed = "The connection was closed without a response.";
                (closed.to_owned(), String::new(), false)
            }
            Some(answer) => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let is_good = answer.parts.status.is_success() && answer.is_complete;
                (head(answer), text, is_good)
            }
        };
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let pretty = || serde_json::to_string_pretty(&json).expect("a JSON value is JSON");
        CapturedExchange {
            id: sent.id,
            method: self.method().to_owned(),
            path: self.path.to_owned(),
            request: cut(self.shown(&context.base)),
            curl: Some(cut(self.curl(&context.base))),
            head: cut(head),
            body: cut(if json.is_null() { text } else { pretty() }),
            is_success,
            json,
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        if self.form.is_some() { "POST" } else { "GET" }
    }

    fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.to_owned();
        }
        format!("{}?{}", self.path, encoded(&self.query))
    }

    pub(crate) fn url(&self, base: &BaseUrl) -> String {
        format!("{base}{}", self.path_and_query())
    }

    /// The request as text.
    pub(crate) fn shown(&self, base: &BaseUrl) -> String {
        let mut shown = format!("{} {}", self.method(), self.url(base));
        if let Some(token) = &self.bearer {
            push(&mut shown, format_args!("\nAuthorization: Bearer {token}"));
        }
        if let Some(form) = &self.form {
            shown += "\nContent-Type: application/x-www-form-urlencoded\n";
            for (name, value) in form {
                push(&mut shown, format_args!("\n{name}={value}"));
            }
        }
        shown
    }

    /// The curl command that sends the request.
    pub(crate) fn curl(&self, base: &BaseUrl) -> String {
        let mut line = format!("curl -gi {}", quoted(&self.url(base)));
        if let Some(token) = &self.bearer {
            push(
                &mut line,
                format_args!(
                    " \\\n  -H {}",
                    quoted(&format!("Authorization: Bearer {token}"))
                ),
            );
        }
        for (name, value) in self.form.iter().flatten() {
            push(
                &mut line,
                format_args!(
                    " \\\n  --data-urlencode {}",
                    quoted(&format!("{name}={value}"))
                ),
            );
        }
        line
    }
}

/// The status and selected headers of a response.
fn head(answer: &CollectedResponse) -> String {
    let mut head = answer.parts.status.to_string();
    for name in SHOWN_HEADERS {
        if let Some(value) = answer.parts.headers.get(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            push(&mut head, format_args!("\n{name}: {value}"));
        }
    }
    if !answer.is_complete {
        head += "\n(the connection was closed before the end of the body)";
    }
    head
}

fn encoded(form: &[(&'static str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

pub(crate) fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    use std::fmt::Write;
    text.write_fmt(more)
        .expect("writing to a String cannot fail");
}

/// A word of a shell command, in single quotes.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_for_a_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
