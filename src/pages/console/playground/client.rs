//! Requests of the app, sent to the server itself through all middleware, and their text for the page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, Method, Uri};
use serde_json::Value;

use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::root_service::RootService;

/// A request of the app. It has secrets, as its response does: neither has `Debug`.
#[derive(Clone, Default)]
pub(crate) struct AppRequest {
    pub(crate) path: &'static str,
    /// The form of a POST; without one, the request is a GET.
    pub(crate) form: Option<Vec<(&'static str, String)>>,
    pub(crate) bearer: Option<String>,
}

/// A request and its response, as text.
#[derive(Clone)]
pub(crate) struct CapturedExchange {
    pub(crate) request: String,
    /// The curl command that repeats it; `None` for requests of the browser.
    pub(crate) curl: Option<String>,
    /// The status line and selected headers.
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) good: bool,
    /// The body, if it is JSON.
    pub(crate) json: Value,
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
        let target = context.base.path(self.path);
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
        if let Some(host) = context.headers.get(HOST) {
            headers.insert(HOST, host.clone());
        }
        if body.is_some() {
            *request.method_mut() = Method::POST;
        }
        let (head, text, good) = match service.send(request).await {
            None => (
                "The connection was closed without a response.".to_owned(),
                String::new(),
                false,
            ),
            Some(answer) => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let mut head = answer.parts.status.to_string();
                for name in SHOWN_HEADERS {
                    if let Some(value) = answer.parts.headers.get(name) {
                        push(
                            &mut head,
                            format_args!("\n{name}: {}", String::from_utf8_lossy(value.as_bytes())),
                        );
                    }
                }
                if !answer.is_complete {
                    head += "\n(the connection was closed before the end of the body)";
                }
                (
                    head,
                    text,
                    answer.parts.status.is_success() && answer.is_complete,
                )
            }
        };
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let pretty = || serde_json::to_string_pretty(&json).expect("a JSON value is JSON");
        CapturedExchange {
            request: self.shown(&context.base, body.as_deref()),
            curl: Some(self.curl(&context.base)),
            head,
            body: if json.is_null() { text } else { pretty() },
            good,
            json,
        }
    }

    fn shown(&self, base: &BaseUrl, body: Option<&str>) -> String {
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut shown = format!("{method} {base}{}", self.path);
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

    fn curl(&self, base: &BaseUrl) -> String {
        let mut line = format!("curl -gi {}", quoted(&format!("{base}{}", self.path)));
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
