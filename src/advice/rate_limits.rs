//! Rule about rate limits.

use std::collections::HashMap;

use super::history::History;
use super::rule::{Violation, advice_rules};
use crate::advice::call::{CallKind, ObservedCall};

advice_rules! { RULES {
    /// The same request is sent again after a 429 response, before `Retry-After` has passed, or one second without it.
    RATE_LIMIT_IGNORED "rate-limit-ignored" Warning rate_limit_ignored {
        rationale: "rejected requests also count: an app that continues to send requests stays rate-limited",
        fix: "after a 429 response, wait for the time in Retry-After, or until the minute has passed",
        source: "https://www.rfc-editor.org/rfc/rfc6585#section-4",
    }
} }

/// The wait after a 429 response without `Retry-After`.
const DEFAULT_WAIT_MS: i64 = 1000;

/// Whether a call came before the wait after a 429 response had passed. 10 % tolerance for inexact timers.
fn is_too_soon(limited: &ObservedCall, call: &ObservedCall) -> bool {
    let wait_ms = limited.retry_after_ms.unwrap_or(DEFAULT_WAIT_MS);
    let pause = call.pause_after(limited);
    pause.is_some_and(|pause| pause < wait_ms - wait_ms / 10)
}

/// Parallel callers wait independently: each repetition follows the oldest 429 response that its sender can have read.
/// Navigations are left out: browsers reload.
fn rate_limit_ignored(history: &History) -> Option<Violation> {
    let mut limited: HashMap<u64, Vec<&ObservedCall>> = HashMap::new();
    let mut early: Vec<&ObservedCall> = Vec::new();
    for call in &history.calls {
        if matches!(call.kind, CallKind::Authorize | CallKind::Other) {
            continue;
        }
        if let Some(waiting) = limited.get_mut(&call.digest)
            && let Some(at) = waiting
                .iter()
                .position(|one| call.can_know_response_of(one))
            && is_too_soon(waiting.remove(at), call)
        {
            early.push(call);
        }
        if call.status == Some(429) {
            limited.entry(call.digest).or_default().push(call);
        }
    }
    Violation::repeated(early, "repeated a request too early after a 429 response")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, api, reported};

    fn limited() -> TestCall {
        api("a1").answered(429, json!({ "error": "rate_limited" }))
    }

    #[test]
    fn repetition_before_the_wait_is_reported() {
        let calls = [limited().retry_after(30), api("a1").pause_ms(26_000)];
        assert_eq!(reported(&RATE_LIMIT_IGNORED, calls), [2]);
        let calls = [limited(), api("a1").pause_ms(800)];
        assert_eq!(reported(&RATE_LIMIT_IGNORED, calls), [2]);
    }

    #[test]
    fn repetition_after_the_wait_is_not_reported() {
        let calls = [limited().retry_after(30), api("a1").pause_ms(30_000)];
        assert!(reported(&RATE_LIMIT_IGNORED, calls).is_empty());
        assert!(reported(&RATE_LIMIT_IGNORED, [limited(), api("a1").pause_ms(1000)]).is_empty());
    }

    #[test]
    fn other_requests_are_not_reported() {
        let calls = [limited().retry_after(30), api("a2").pause_ms(100)];
        assert!(reported(&RATE_LIMIT_IGNORED, calls).is_empty());
    }

    #[test]
    fn parallel_callers_that_wait_are_not_reported() {
        let second = limited().parallel().pause_ms(300);
        let calls = [
            limited(),
            second,
            limited().pause_ms(800),
            api("a1").pause_ms(300),
        ];
        assert!(reported(&RATE_LIMIT_IGNORED, calls).is_empty());
    }

    #[test]
    fn repetition_under_a_stopped_clock_is_not_reported() {
        assert!(reported(&RATE_LIMIT_IGNORED, [limited(), api("a1").pause_ms(0)]).is_empty());
    }
}
