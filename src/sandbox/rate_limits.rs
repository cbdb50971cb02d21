//! Rate limits: fixed windows of the sandbox's clock, which begin with the first counted request. Refused requests count.
//! The endpoint decides which requests share a window.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The windows of one sandbox: at most [`MAX_WINDOWS`], and those that end first go first.
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<Windows>);

#[derive(Debug, Default)]
struct Windows {
    open: HashMap<Key, Window>,
    /// The windows in the order in which they began; at least one entry for each.
    queue: VecDeque<(Key, Timestamp)>,
}

/// The limit, and the user, client or address. Long keys are replaced by their SHA-256.
type Key = (Limit, Arc<str>);

#[derive(Debug)]
struct Window {
    began: Timestamp,
    requests: u32,
}

/// Whether a window that began then has ended. A clock that was moved back ends windows too.
fn has_ended(began: Timestamp, now: Timestamp) -> bool {
    !(0..WINDOW_MS).contains(&now.0.saturating_sub(began.0))
}

impl Windows {
    /// Removes the oldest windows: those that have ended, and those for which there is no room. Each window is looked at
    /// once, however many there are.
    fn remove_oldest(&mut self, now: Timestamp) {
        while let Some((key, began)) = self.queue.front() {
            if !has_ended(*began, now) && self.queue.len() < MAX_WINDOWS {
                return;
            }
            // A later window of the same key stays.
            if self.open.get(key).is_some_and(|open| open.began == *began) {
                self.open.remove(key);
            }
            self.queue.pop_front();
        }
    }

    /// The window of a key, which begins now if there is none.
    fn at(&mut self, key: Key, now: Timestamp) -> &mut Window {
        let queue = &mut self.queue;
        let mut begin = |key: &Key| {
            queue.push_back((key.clone(), now));
            Window {
                began: now,
                requests: 0,
            }
        };
        match self.open.entry(key) {
            Entry::Occupied(known) => {
                let key = has_ended(known.get().began, now).then(|| known.key().clone());
                let window = known.into_mut();
                if let Some(key) = key {
                    *window = begin(&key);
                }
                window
            }
            Entry::Vacant(free) => {
                let window = begin(free.key());
                free.insert(window)
            }
        }
    }
}

impl RateLimits {
    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request. Returns whether it is within the limit.
    pub(crate) fn allow(&self, limit: Limit, key: &str, now: Timestamp) -> bool {
        let key: Arc<str> = if key.len() > MAX_KEY_BYTES {
            SecretHash::new(key).to_hex().into()
        } else {
            key.into()
        };
        let mut windows = self.windows();
        windows.remove_oldest(now);
        let window = windows.at((limit, key), now);
        window.requests = window.requests.saturating_add(1);
        window.requests <= limit.allowance()
    }

    /// Resets all windows.
    pub(crate) fn clear(&self) {
        *self.windows() = Windows::default();
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
        for number in 0..MAX_WINDOWS + 10 {
            let key = if number % 100 == 0 {
                long(number)
            } else {
                number.to_string()
            };
            assert!(limits.allow(Limit::Token, &key, Timestamp(0)));
        }
        let windows = limits.windows();
        assert_eq!(
            (windows.open.len(), windows.queue.len()),
            (MAX_WINDOWS, MAX_WINDOWS)
        );
        let longest = windows.open.keys().map(|(_, key)| key.len()).max();
        assert!(longest.is_some_and(|longest| longest <= MAX_KEY_BYTES));
        drop(windows);
        let refused = (0..30).filter(|_| !limits.allow(Limit::Token, &long(0), Timestamp(1)));
        assert_eq!(refused.count(), 10, "a hashed key has one window");
        limits.allow(Limit::Token, "later", Timestamp(WINDOW_MS + 1));
        let windows = limits.windows();
        assert_eq!((windows.open.len(), windows.queue.len()), (1, 1));
    }

    #[test]
    fn a_clock_that_is_moved_to_and_fro_leaves_no_queue_behind() {
        let limits = RateLimits::default();
        for round in 0..3 * i64::try_from(MAX_WINDOWS).unwrap() {
            let now = Timestamp(if round % 2 == 0 { 0 } else { 2 * WINDOW_MS });
            assert!(limits.allow(Limit::Revoke, "here", now));
            assert!(limits.windows().queue.len() <= MAX_WINDOWS);
            assert_eq!(limits.windows().open.len(), 1);
        }
    }
}
