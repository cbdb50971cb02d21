//! Rate limits: fixed windows of the sandbox's clock, which begin with the first counted request. Refused requests count.
//! The endpoint decides which requests share a window.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::refusal_cause::RefusalCause;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

const WINDOW_MS: i64 = 60_000;

/// The most windows per sandbox, about 2 MB.
const MAX_WINDOWS: usize = 10_000;

/// Longer keys are hashed. User ids, UUIDs and addresses fit.
const MAX_KEY_BYTES: usize = 64;

/// A rate limit. Each has its own windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    /// `/authorize`, per user.
    Authorize,
    /// `/token`, per client or per address.
    Token,
    /// `/revoke`, per address.
    Revoke,
    /// `/device` and `/device-token` together, per client, as recorded in 2026-08.
    DeviceFlow,
    /// `/device`, per address.
    Device,
    /// `/device-token`, per address.
    DeviceToken,
    /// `/device-token`, per device code.
    DeviceCode,
    /// `/introspect`, per address.
    Introspect,
    /// `/introspect`, per client that has authenticated.
    IntrospectClient,
}

impl Limit {
    /// What is counted together, as a sentence names it.
    fn counted(self) -> &'static str {
        match self {
            Self::Authorize => "authorize requests of one user",
            Self::Token => "token requests of one client or address",
            Self::Revoke => "revoke requests of one address",
            Self::DeviceFlow => "device requests of one client",
            Self::Device => "requests of one address that start a device flow",
            Self::DeviceToken => "polls of one address",
            Self::DeviceCode => "polls with one device code",
            Self::Introspect => "introspect requests of one address",
            Self::IntrospectClient => "introspect requests of one client",
        }
    }

    /// The cause of a refusal by this limit.
    pub(crate) fn cause(self) -> RefusalCause {
        RefusalCause::RateLimited {
            counted: self.counted(),
            requests_per_minute: self.allowance(),
        }
    }

    /// The most requests per window.
    fn allowance(self) -> u32 {
        match self {
            Self::Authorize => 10,
            Self::Token | Self::Revoke | Self::DeviceFlow | Self::DeviceCode => 20,
            Self::Device => 30,
            Self::IntrospectClient => 60,
            Self::Introspect => 120,
            Self::DeviceToken => 240,
        }
    }
}

/// The windows of one sandbox, at most [`MAX_WINDOWS`].
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<HashMap<Key, RateWindow>>);

/// The limit, and the user, client or address. Long keys are replaced by their SHA-256.
type Key = (Limit, Box<str>);

#[derive(Debug)]
struct RateWindow {
    began: Timestamp,
    requests: u32,
}

impl RateWindow {
    /// A clock that was moved back ends windows too.
    fn has_ended(&self, now: Timestamp) -> bool {
        !(0..WINDOW_MS).contains(&now.0.saturating_sub(self.began.0))
    }
}

/// Removes the windows that have ended, and the older half of the others if they are many: the next removal is far away,
/// so that a request costs little on average.
fn make_room(windows: &mut HashMap<Key, RateWindow>, now: Timestamp) {
    windows.retain(|_, window| !window.has_ended(now));
    if windows.len() > MAX_WINDOWS / 2 {
        let mut began: Vec<Timestamp> = windows.values().map(|window| window.began).collect();
        let middle = began.len() / 2 - 1;
        let (_, middle, _) = began.select_nth_unstable(middle);
        windows.retain(|_, window| window.began > *middle);
    }
}

impl RateLimits {
    fn windows(&self) -> MutexGuard<'_, HashMap<Key, RateWindow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request. Returns whether it is within the limit.
    pub(crate) fn allow(&self, limit: Limit, key: &str, now: Timestamp) -> bool {
        let key = if key.len() > MAX_KEY_BYTES {
            SecretHash::new(key).to_hex().into()
        } else {
            key.into()
        };
        let mut windows = self.windows();
        if windows.len() >= MAX_WINDOWS {
            make_room(&mut windows, now);
        }
        let new = || RateWindow {
            began: now,
            requests: 0,
        };
        let window = windows.entry((limit, key)).or_insert_with(new);
        if window.has_ended(now) {
            *window = new();
        }
        window.requests = window.requests.saturating_add(1);
        window.requests <= limit.allowance()
    }

    /// Resets all windows.
    pub(crate) fn clear(&self) {
        *self.windows() = HashMap::new();
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
            .filter(|_| limits.allow(Limit::Authorize, "2", at(5)))
            .count();
        assert_eq!(admitted, 10);
        assert!(
            limits.allow(Limit::Authorize, "3", at(5)),
            "another key has its own window"
        );
        assert!(!limits.allow(Limit::Authorize, "2", at(64)));
        assert!(limits.allow(Limit::Authorize, "2", at(65)));
    }

    #[test]
    fn windows_are_bounded_and_long_keys_are_hashed() {
        let limits = RateLimits::default();
        let long = |number: usize| format!("{number}{}", "x".repeat(60_000));
        // The odd numbers begin first.
        for number in 0..MAX_WINDOWS + 10 {
            let key = if number % 100 == 0 {
                long(number)
            } else {
                number.to_string()
            };
            assert!(limits.allow(Limit::Token, &key, Timestamp(i64::from(number % 2 == 0))));
            assert!(limits.windows().len() <= MAX_WINDOWS);
        }
        let windows = limits.windows();
        assert_eq!(
            windows.len(),
            MAX_WINDOWS / 2 + 10,
            "the older half made room"
        );
        let longest = windows.keys().map(|(_, key)| key.len()).max();
        assert!(longest.is_some_and(|longest| longest <= MAX_KEY_BYTES));
        drop(windows);
        let refused = (0..30).filter(|_| !limits.allow(Limit::Token, &long(1), Timestamp(1)));
        assert_eq!(refused.count(), 10, "a hashed key has one window");
    }

    #[test]
    fn ended_windows_make_room_for_others() {
        let limits = RateLimits::default();
        let at = |number: usize, now| {
            assert!(limits.allow(Limit::Revoke, &number.to_string(), Timestamp(now)));
        };
        (0..MAX_WINDOWS).for_each(|number| at(number, 0));
        at(MAX_WINDOWS, WINDOW_MS);
        assert_eq!(limits.windows().len(), 1);
        // All began at the same time.
        (0..MAX_WINDOWS).for_each(|number| at(number, 2 * WINDOW_MS));
        assert!(limits.windows().len() <= MAX_WINDOWS);
    }
}
