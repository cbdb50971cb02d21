//! One log line for each request of an app: the request, the response and, for a refusal, the cause.

use std::fmt;

use axum::http::StatusCode;
use serde_json::Value;
use tracing::Level;

use crate::advice::Explanation;
use crate::http::base_url::SandboxPrefix;
use crate::model::user::UserRef;
use crate::redact::{printable, redact_message, redact_text};
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Entry, is_refused};
use crate::sandbox::name::DEFAULT;

/// The tracing target of the lines, for filters of subscribers.
pub(crate) const TARGET: &str = "civitai_oauth_mock::requests";

/// A completed exchange to log.
pub(crate) struct LoggedExchange<'a> {
    pub(crate) entry: &'a Entry,
    /// Its number in the journal; None if the sandbox was reset meanwhile.
    pub(crate) id: Option<u64>,
    pub(crate) sandbox: &'a Sandbox,
    /// The origin of the server for a client on this machine.
    pub(crate) origin: &'a str,
}

/// Maximum length, in characters, of text that a client determines.
const MAX_TEXT_CHARS: usize = 300;

/// Writes the line: a warning for a refusal, else at info level.
pub(crate) fn write(line: &Line) {
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                status = line.status,
                error = line.error.as_deref(),
                method = line.method,
                path = line.path,
                client = line.client,
                user = line.user,
                milliseconds = line.milliseconds,
                request = line.request,
                cause = line.cause,
                page = line.page,
                "{line}"
            )
        };
    }
    if is_refused(line.status) {
        event!(Level::WARN);
    } else {
        event!(Level::INFO);
    }
}

/// The fields of a line.
pub(crate) struct Line {
    status: u16,
    error: Option<String>,
    method: String,
    path: String,
    client: Option<String>,
    user: Option<String>,
    milliseconds: u32,
    request: Option<u64>,
    /// The reason of the refusal.
    pub(crate) cause: Option<String>,
    /// URL of the page of the request.
    pub(crate) page: Option<String>,
}

impl Line {
    pub(crate) fn new(logged: &LoggedExchange<'_>) -> Self {
        let (entry, sandbox) = (logged.entry, logged.sandbox);
        let prefix = match sandbox.name() {
            DEFAULT => String::new(),
            name => SandboxPrefix::for_name(name),
        };
        let data = sandbox.data();
        let client = entry.client_id.as_deref().map(|id| {
            let known = data.find_client(id);
            known.map_or_else(|| plain(id), |client| plain(&client.name))
        });
        let user = entry.user_id.map(|id| {
            let known = data.find_user(&UserRef::Id(id));
            known.map_or_else(|| id.to_string(), |user| plain(&user.display_name()))
        });
        let is_refusal = is_refused(entry.status);
        Self {
            status: entry.status,
            error: entry.error().filter(|_| is_refusal).map(plain),
            method: plain(&entry.method),
            path: format!("{prefix}{}", plain(&entry.path)),
            client,
            user,
            milliseconds: entry.duration_ms,
            request: logged.id,
            cause: is_refusal.then(|| shortened(&cause(entry))),
            page: logged
                .id
                .map(|id| format!("{}{prefix}/_mock/requests/{id}", logged.origin)),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.status)?;
        if let Some(error) = &self.error {
            write!(f, " {error}")?;
        }
        write!(f, "  {} {}", self.method, self.path)?;
        let Some(cause) = &self.cause else {
            for name in [&self.client, &self.user].into_iter().flatten() {
                write!(f, "  {name}")?;
            }
            write!(f, "  {} ms", self.milliseconds)?;
            return match self.request {
                Some(id) => write!(f, "  #{id}"),
                None => Ok(()),
            };
        };
        match &self.client {
            Some(client) => write!(f, "  {client}: {cause}")?,
            None => write!(f, "  {cause}")?,
        }
        match &self.page {
            Some(page) => write!(f, "  -> {page}"),
            None => Ok(()),
        }
    }
}

/// The reason of the refusal: the rule if it is known, else the message of the response.
fn cause(entry: &Entry) -> String {
    if entry.status == 0 {
        let reset = entry
            .faults
            .iter()
            .find(|fault| fault.definition.effect.reset_connection);
        return match reset {
            Some(fault) => format!("fault {} reset the connection", fault.id),
            None => "the connection was reset".to_owned(),
        };
    }
    let reported = || {
        let message = entry.answer.as_ref().and_then(message)?;
        Some(redact_message(message).into_owned())
    };
    let by_status = || StatusCode::from_u16(entry.status).ok()?.canonical_reason();
    Explanation::new(entry)
        .map(|explanation| explanation.message)
        .or_else(reported)
        .or_else(|| by_status().map(str::to_owned))
        .unwrap_or_default()
}

/// The text of an error in the formats of OAuth, tRPC, problem documents and our own errors.
fn message(answer: &Value) -> Option<&str> {
    let keys = ["error_description", "detail", "message", "title"];
    let text = keys.iter().find_map(|key| answer.get(key)?.as_str());
    text.or_else(|| answer.get("error").and_then(message))
        .or_else(|| answer.get("json").and_then(message))
        .or_else(|| answer.get(0).and_then(message))
}

/// Text that the client sent, such as a path or a name, as a line shows it.
fn plain(text: &str) -> String {
    shortened(&redact_text(text))
}

/// Redacted text without control characters, truncated to the maximum length.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_characters_no_secrets_and_an_end() {
        assert_eq!(
            plain("a\u{1b}[31m\nb\u{202e}c"),
            "a\\u{1b}[31m\\nb\\u{202e}c"
        );
        assert_eq!(plain("it's \"é\" \\ ok"), "it's \"é\" \\ ok");
        assert_eq!(plain("/x?code=c"), "/x?code=%5Bredacted%5D");
        assert_eq!(plain("civitai_00ff"), "[redacted]");
        assert_eq!(plain(&"x".repeat(5000)).chars().count(), MAX_TEXT_CHARS + 1);
    }

    #[test]
    fn the_text_of_every_kind_of_error_is_found() {
        for answer in [
            serde_json::json!({ "error": "x", "error_description": "text" }),
            serde_json::json!({ "title": "Forbidden", "detail": "text" }),
            serde_json::json!({ "code": "BAD_REQUEST", "message": "text" }),
            serde_json::json!([{ "error": { "json": { "message": "text" } } }]),
        ] {
            assert_eq!(message(&answer), Some("text"));
        }
        assert_eq!(message(&serde_json::json!({ "error": "x" })), None);
    }
}
