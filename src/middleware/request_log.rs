//! Recording of exchanges: the journal entry, and a log line if the exchange is one with an app.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use tracing::Level;

use super::log_line::{self, Line, LoggedExchange, TARGET};
use crate::http::state::ServerState;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Entry, StoredExchange, is_refused};

/// The header with the reason of a refusal.
const REASON: HeaderName = HeaderName::from_static("x-mock-reason");

/// The header with the URL of the page of the request.
const REQUEST: HeaderName = HeaderName::from_static("x-mock-request");

/// Adds an exchange to the journal, logs it, and returns the headers of a refusal.
pub(crate) struct Recorder {
    pub(crate) sandbox: Sandbox,
    pub(crate) state: Arc<ServerState>,
    /// When the request arrived, in system time.
    pub(crate) arrived_at: Timestamp,
    /// Receives the id of a loopback request.
    pub(crate) recorded_id: Option<Arc<AtomicU64>>,
}

/// The headers of a refused response that name the reason and the page of the request. The body stays Civitai's.
#[derive(Debug)]
pub(crate) struct ReasonHeaders {
    reason: HeaderValue,
    /// None if the journal is off or was reset.
    request: Option<HeaderValue>,
}

impl ReasonHeaders {
    fn new(reason: &str, page: Option<&str>) -> Option<Self> {
        let mut text = String::with_capacity(reason.len());
        for char in reason.chars() {
            if matches!(char, ' '..='~') {
                text.push(char);
            } else {
                text.extend(char.escape_unicode());
            }
        }
        Some(Self {
            reason: HeaderValue::from_str(&text).ok()?,
            request: page.and_then(|page| HeaderValue::from_str(page).ok()),
        })
    }

    /// The response with the headers.
    pub(crate) fn insert(headers: Option<Self>, mut response: Response) -> Response {
        if let Some(Self { reason, request }) = headers {
            let all = response.headers_mut();
            all.insert(REASON, reason);
            if let Some(request) = request {
                all.insert(REQUEST, request);
            }
        }
        response
    }
}

impl Recorder {
    /// Adds an exchange, whose response is sent after `remaining`. Returns the headers of a refusal.
    pub(crate) fn add(
        &self,
        mut exchange: StoredExchange,
        remaining: Duration,
    ) -> Option<ReasonHeaders> {
        let (_, now) = self.sandbox.clock.now_and_system();
        let elapsed = now.0.saturating_sub(self.arrived_at.0);
        let elapsed = Duration::from_millis(elapsed.try_into().unwrap_or(0));
        let duration_ms = (elapsed + remaining).as_millis();
        exchange.duration_ms = duration_ms.try_into().unwrap_or(u32::MAX);
        let (endpoint, status) = (exchange.endpoint, exchange.status);
        let has_headers = is_refused(status) && self.sandbox.settings().reason_headers;
        let is_logged = is_logged(endpoint, status);
        let entry = (is_logged || has_headers).then(|| exchange.to_entry());
        let id = self.sandbox.record(exchange);
        let id = id.filter(|_| !self.sandbox.journal.is_off());
        if let (Some(slot), Some(id)) = (&self.recorded_id, id) {
            slot.store(id, Ordering::Relaxed);
        }
        let entry = entry?;
        let line = Line::new(&LoggedExchange {
            entry: &entry,
            id,
            sandbox: &self.sandbox,
            origin: &self.state.base_url(),
        });
        if is_logged && is_from_app(&entry) {
            log_line::write(&line);
        }
        let reason = line.cause.as_deref().filter(|_| has_headers)?;
        ReasonHeaders::new(reason, line.page.as_deref())
    }
}

/// Whether the log level is enabled and the endpoint is logged. Checked before the entry is built, so that an unlogged
/// exchange costs nothing.
fn is_logged(endpoint: Endpoint, status: u16) -> bool {
    let is_enabled = if is_refused(status) {
        tracing::enabled!(target: TARGET, Level::WARN)
    } else {
        tracing::enabled!(target: TARGET, Level::INFO)
    };
    is_enabled
        && match endpoint {
            page if page.is_page() => false,
            // Browsers request icons, and users explore; only a refused request may be an app with a wrong URL.
            Endpoint::Other => is_refused(status),
            _ => true,
        }
}

/// Whether the path may be an app's attempt to call an endpoint.
fn is_from_app(entry: &Entry) -> bool {
    let path = entry.path.as_str();
    entry.endpoint != Endpoint::Other
        || ["/api/", "/v1/", "/v2/", "/.well-known/o"]
            .iter()
            .any(|folder| path.starts_with(folder))
        || path.contains("oauth")
}
