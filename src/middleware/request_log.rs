//! Recording of exchanges: the journal entry, and a log line if the exchange is one with an app.

use std::sync::Arc;

use tracing::Level;

use super::log_line::{self, LoggedExchange, TARGET, is_refused};
use crate::http::state::ServerState;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Entry, StoredExchange};

/// Adds an exchange to the journal and logs it.
pub(crate) struct Recorder {
    pub(crate) sandbox: Sandbox,
    pub(crate) state: Arc<ServerState>,
    /// When the request arrived, in system time.
    pub(crate) arrived_at: Timestamp,
}

impl Recorder {
    pub(crate) fn add(&self, exchange: StoredExchange) {
        let is_logged = is_logged(exchange.endpoint(), exchange.status());
        let entry = is_logged.then(|| exchange.to_entry());
        let id = self.sandbox.record(exchange);
        let Some(entry) = entry.filter(is_from_app) else {
            return;
        };
        let (_, now) = self.sandbox.clock.read();
        log_line::write(&LoggedExchange {
            entry: &entry,
            id,
            milliseconds: (now.0 - self.arrived_at.0).max(0),
            sandbox: &self.sandbox,
            origin: &self.state.base_url(),
        });
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
