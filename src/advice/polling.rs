//! Rules about polling in the device flow (RFC 8628 §3.5).

use std::collections::{BTreeMap, HashMap};

use super::history::History;
use super::rule::{Violation, advice_rules, times};
use crate::advice::call::{CallKind, ObservedCall};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;

advice_rules! { RULES {
    /// A device polls faster than `interval`, or than `slow_down` allows.
    DEVICE_POLL_TOO_FAST "device-poll-too-fast" Warning poll_too_fast {
        rationale: "polls before the interval has passed can get slow_down, and use up the rate limit (difference device-rate-limits)",
        fix: "wait for interval seconds between polls, and 5 more after each slow_down",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
    }
    /// A device polls after a final response.
    DEVICE_POLL_AFTER_END "device-poll-after-end" Warning poll_after_end {
        rationale: "the response is final after the user has decided or the code has expired",
        fix: "stop polling at any response other than authorization_pending and slow_down; start a new flow after an error",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
    }
    /// The device grant is sent to the token endpoint.
    DEVICE_GRANT_AT_TOKEN "device-grant-at-token" Error device_grant_at_token {
        rationale: "Civitai exchanges device codes at /device-token; RFC 8628 does so at the token endpoint",
        fix: "poll POST /api/auth/oauth/device-token: configure it as the library's token endpoint for this flow only",
        source: "https://developer.civitai.com/site/oauth",
    }
} }

fn device_grant_at_token(history: &History) -> Option<Violation> {
    let requests = history.calls.iter().filter(|call| {
        call.endpoint == Endpoint::Token
            && call.param("grant_type") == Some(GrantType::DeviceCode.name())
    });
    Violation::repeated(requests, "sent the device grant to the token endpoint")
}

/// The polling interval if the start of the flow is not in the journal (RFC 8628 §3.2).
const DEFAULT_INTERVAL_MS: i64 = 5000;

/// The increase of the interval with each `slow_down`.
const SLOW_DOWN_MS: i64 = 5000;

/// The polls of each device code.
fn polls_by_device(history: &History) -> BTreeMap<&str, Vec<&ObservedCall>> {
    let mut polls: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for call in history.calls_of(CallKind::Poll) {
        if let Some(code) = call.param("device_code") {
            polls.entry(code).or_default().push(call);
        }
    }
    polls
}

/// The intervals that the server returned, by device code.
fn intervals_ms(history: &History) -> HashMap<&str, i64> {
    let starts = history.calls_of(CallKind::Device);
    starts
        .filter_map(|start| Some((start.answered("device_code")?, start.interval_ms?)))
        .collect()
}

/// Whether the response is final.
fn is_end(call: &ObservedCall) -> bool {
    let not_final = [
        "authorization_pending",
        "slow_down",
        "rate_limited",
        "temporarily_unavailable",
    ];
    match call.error() {
        Some(error) => !not_final.contains(&error) && !call.is_temporary_failure(),
        None => call.is_success() && !call.is_faulty,
    }
}

/// Polls at the same time of a frozen clock are not compared. 10 % tolerance for inexact timers.
fn poll_too_fast(history: &History) -> Option<Violation> {
    let intervals_ms = intervals_ms(history);
    let (mut requests, mut shortest_ms) = (Vec::new(), i64::MAX);
    for (code, polls) in polls_by_device(history) {
        let mut interval_ms = intervals_ms
            .get(code)
            .copied()
            .unwrap_or(DEFAULT_INTERVAL_MS);
        for pair in polls.windows(2) {
            let (before, call) = (pair[0], pair[1]);
            if is_end(before) {
                break;
            }
            if before.error() == Some("slow_down") {
                interval_ms = interval_ms.saturating_add(SLOW_DOWN_MS);
            }
            // The app may repeat a poll whose response a fault withheld.
            if !before.is_lost
                && let Some(pause) = call.pause_after(before)
                && pause < interval_ms - interval_ms / 10
            {
                shortest_ms = shortest_ms.min(pause);
                requests.push(call.id);
            }
        }
    }
    Violation::new(requests, |count| {
        format!(
            "polled before the interval had passed {}; the shortest pause was {shortest_ms} ms",
            times(count)
        )
    })
}

fn poll_after_end(history: &History) -> Option<Violation> {
    let mut late: Vec<&ObservedCall> = Vec::new();
    for polls in polls_by_device(history).into_values() {
        let Some(end) = polls.iter().find(|call| is_end(call)) else {
            continue;
        };
        // Polls in flight when the final response was sent do not count.
        let later = polls.iter().filter(|call| call.last_completed_id >= end.id);
        late.extend(later);
    }
    Violation::repeated(late, "polled after the flow had ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, device, poll, reported, token_request};

    fn pending() -> TestCall {
        poll("d1").answered(400, json!({ "error": "authorization_pending" }))
    }

    #[test]
    fn poll_before_the_interval_is_reported() {
        let calls = [device("d1", 5), pending(), pending().pause_ms(4000)];
        assert_eq!(reported(&DEVICE_POLL_TOO_FAST, calls), [3]);
        let slow_down = poll("d1").answered(400, json!({ "error": "slow_down" }));
        let calls = [device("d1", 5), slow_down, pending().pause_ms(5000)];
        assert_eq!(reported(&DEVICE_POLL_TOO_FAST, calls), [3]);
    }

    #[test]
    fn polls_at_the_interval_are_not_reported() {
        let calls = [
            device("d1", 5),
            pending(),
            pending().pause_ms(5000),
            poll("d1").pause_ms(4900),
        ];
        assert!(reported(&DEVICE_POLL_TOO_FAST, calls).is_empty());
    }

    #[test]
    fn poll_after_a_final_response_is_reported() {
        let denied = || poll("d1").answered(400, json!({ "error": "access_denied" }));
        assert_eq!(
            reported(&DEVICE_POLL_AFTER_END, [poll("d1"), denied()]),
            [2]
        );
        assert_eq!(reported(&DEVICE_POLL_AFTER_END, [denied(), denied()]), [2]);
        assert!(reported(&DEVICE_POLL_AFTER_END, [poll("d1"), denied().parallel()]).is_empty());
    }

    #[test]
    fn device_grant_at_the_token_endpoint_is_reported() {
        let call = token_request("urn:ietf:params:oauth:grant-type:device_code");
        assert_eq!(reported(&DEVICE_GRANT_AT_TOKEN, [call]), [1]);
    }
}
