//! The hook for the log: which exchanges it is called for, and what it is given. `control/request_log.rs` writes the line.

use std::sync::Arc;

use tracing::Level;

use crate::protocol::call::Endpoint;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Entry, StoredExchange};
use crate::server::App;

/// The target of the lines, by which a subscriber chooses them.
pub(crate) const TARGET: &str = "civitai_oauth_mock::requests";

/// An exchange that is over.
pub(crate) struct Logged<'a> {
    pub(crate) entry: &'a Entry,
    /// Its number in the journal, unless the sandbox was reset meanwhile.
    pub(crate) id: Option<u64>,
    /// How long the answer took.
    pub(crate) milliseconds: i64,
    pub(crate) sandbox: &'a Sandbox,
    /// The origin of the server for somebody on this machine.
    pub(crate) origin: &'a str,
}

/// What writes the line.
pub(crate) type WriteLine = fn(&Logged<'_>);

/// Adds an exchange to the journal, and has its line written.
pub(crate) struct Recorder {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: Arc<App>,
    pub(crate) write_line: WriteLine,
    /// When the request came, in the system's time.
    pub(crate) began: Timestamp,
}

impl Recorder {
    pub(crate) fn add(&self, exchange: StoredExchange) {
        let is_wanted = is_wanted(exchange.endpoint(), exchange.status());
        let entry = is_wanted.then(|| exchange.to_entry());
        let id = self.sandbox.record(exchange);
        let Some(entry) = entry.filter(is_of_an_app) else {
            return;
        };
        let (_, now) = self.sandbox.clock.read();
        (self.write_line)(&Logged {
            entry: &entry,
            id,
            milliseconds: (now.0 - self.began.0).max(0),
            sandbox: &self.sandbox,
            origin: &self.app.base_url(),
        });
    }
}

/// Whether the answer refused the request, or a fault broke it off.
pub(crate) fn is_refused(status: u16) -> bool {
    status == 0 || status >= 400
}

/// Whether somebody listens, and the exchange is one with an app. Before this is asked, an exchange has cost nothing.
fn is_wanted(endpoint: Endpoint, status: u16) -> bool {
    let is_heard = if is_refused(status) {
        tracing::enabled!(target: TARGET, Level::WARN)
    } else {
        tracing::enabled!(target: TARGET, Level::INFO)
    };
    is_heard
        && match endpoint {
            Endpoint::Home | Endpoint::Login | Endpoint::Logout => false,
            // A browser asks for icons, and people look around; an app that misses its endpoint is refused.
            Endpoint::Other => is_refused(status),
            _ => true,
        }
}

/// Whether the path may be an app's attempt at an endpoint.
fn is_of_an_app(entry: &Entry) -> bool {
    let path = entry.path.as_str();
    entry.endpoint != Endpoint::Other
        || ["/api/", "/v1/", "/v2/", "/.well-known/o"]
            .iter()
            .any(|folder| path.starts_with(folder))
        || path.contains("oauth")
}
