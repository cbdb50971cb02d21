//! Was that one request too many? Fixed windows of the sandbox's clock; they begin with the first request
//! that is counted, and refused requests count. Which requests share a window is the endpoint's question.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::protocol::time::Timestamp;

const WINDOW_MS: i64 = 60_000;

/// Past this many windows, those that are over are forgotten.
const MANY: usize = 10_000;

/// What is limited. Each has windows of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    /// `/authorize`, per user.
    Authorize,
    /// `/token`, per client or per address.
    Token,
    /// `/revoke`, per address.
    Revoke,
    /// `/device` and `/device-token` together, per client.
    Device,
}

impl Limit {
    /// Requests per window.
    fn allowance(self) -> u32 {
        match self {
            Self::Authorize => 10,
            Self::Token | Self::Revoke | Self::Device => 20,
        }
    }
}

/// The windows of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<HashMap<(Limit, String), (Timestamp, u32)>>);

impl RateLimits {
    /// Counts a request, and tells whether it is within the limit.
    pub(crate) fn admit(&self, limit: Limit, key: &str, now: Timestamp) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began: Timestamp| now.0 < began.0 || now.0 - began.0 >= WINDOW_MS;
        if windows.len() > MANY {
            windows.retain(|_, (began, _)| !is_over(*began));
        }
        let (began, count) = windows.entry((limit, key.to_owned())).or_insert((now, 0));
        if is_over(*began) {
            (*began, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= limit.allowance()
    }

    /// Forgets every request.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_request_and_counts_the_refused() {
        let limits = RateLimits::default();
        let at = |seconds: i64| Timestamp(seconds * 1000);
        let admitted = (0..30)
            .filter(|_| limits.admit(Limit::Authorize, "2", at(5)))
            .count();
        assert_eq!(admitted, 10);
        assert!(
            limits.admit(Limit::Authorize, "3", at(5)),
            "another key has its own window"
        );
        assert!(!limits.admit(Limit::Authorize, "2", at(64)));
        assert!(limits.admit(Limit::Authorize, "2", at(65)));
    }
}
