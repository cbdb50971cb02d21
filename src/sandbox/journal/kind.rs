//! Kinds of exchanges, as the console groups them, and their numbers.

use super::capture::Facts;
use crate::protocol::endpoint::{CivitaiServer, Endpoint, EndpointSpec};

/// The kind of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeKind {
    /// A browser loads a page or sends its form, or asks for permission of CORS.
    Page,
    /// A request of an app that was not refused.
    App,
    /// A request of an app that was refused, or whose connection a fault cut; and a redirect to the app with an error, such as
    /// `access_denied`.
    Refused,
}

/// Paths that only browsers request.
const BROWSER_PATHS: [&str; 4] = [
    "/user/account",
    "/favicon.ico",
    "/apple-touch-icon",
    "/robots.txt",
];

/// Whether the response is an error, or a fault cut the connection (status 0).
pub(crate) fn is_refused(status: u16) -> bool {
    status == 0 || status >= 400
}

impl ExchangeKind {
    /// `accept` is the header. `is_pending` means the error `authorization_pending`, after which a device polls again.
    /// `redirects_with_error` means a redirect that reports an error to the app.
    pub(super) fn new(
        facts: &Facts,
        path: &str,
        accept: Option<&str>,
        is_pending: bool,
        redirects_with_error: bool,
    ) -> Self {
        if redirects_with_error {
            return Self::Refused;
        }
        let is_browser = match EndpointSpec::find(path) {
            _ if facts.is_preflight => true,
            Some(spec) => spec.server == CivitaiServer::Pages,
            None => {
                let is_read = accept.is_some_and(|accept| accept.contains("text/html"));
                facts.endpoint == Endpoint::Other
                    && (is_read || BROWSER_PATHS.iter().any(|page| path.starts_with(page)))
            }
        };
        if is_browser {
            Self::Page
        } else if is_refused(facts.status) && !is_pending {
            Self::Refused
        } else {
            Self::App
        }
    }
}

/// How many stored exchanges there are, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KindCounts {
    pub(crate) refused: u64,
    /// Requests of apps that were not refused.
    pub(crate) answered: u64,
    pub(crate) pages: u64,
}

impl KindCounts {
    /// Requests of apps.
    pub(crate) fn app(self) -> u64 {
        self.refused + self.answered
    }

    pub(crate) fn all(self) -> u64 {
        self.app() + self.pages
    }

    fn count_of(&mut self, kind: ExchangeKind) -> &mut u64 {
        match kind {
            ExchangeKind::Refused => &mut self.refused,
            ExchangeKind::App => &mut self.answered,
            ExchangeKind::Page => &mut self.pages,
        }
    }

    pub(super) fn add_all(&mut self, other: Self) {
        self.refused += other.refused;
        self.answered += other.answered;
        self.pages += other.pages;
    }

    pub(super) fn add(&mut self, kind: ExchangeKind) {
        *self.count_of(kind) += 1;
    }

    pub(super) fn remove(&mut self, kind: ExchangeKind) {
        let count = self.count_of(kind);
        *count = count.saturating_sub(1);
    }
}
