//! Rules about polling in the device flow (RFC 8628 §3.5).

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::model::client::Grant;
use crate::protocol::endpoint::Endpoint;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "poll-too-fast",
        severity: Severity::Warning,
        rationale: "/device and /device-token together allow 20 calls a minute for all of an app's devices",
        fix: "wait for interval seconds between two polls, and for 5 more after each slow_down",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
        check: poll_too_fast,
    },
    Rule {
        id: "poll-after-end",
        severity: Severity::Warning,
        rationale: "once the user has decided, or the code has run out, the answer does not change any more",
        fix: "stop at every answer but authorization_pending and slow_down; begin the flow anew where it ended badly",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
        check: poll_after_end,
    },
    Rule {
        id: "device-grant-at-token",
        severity: Severity::Error,
        rationale: "Civitai exchanges device codes at /device-token, where RFC 8628 has it at the token endpoint",
        fix: "poll POST /api/auth/oauth/device-token: give the library that as its token endpoint, for this flow alone",
        source: "https://developer.civitai.com/site/oauth",
        check: device_grant_at_token,
    },
];

fn device_grant_at_token(history: &History) -> Option<Violation> {
    let asked = history.calls.iter().filter(|call| {
        call.endpoint == Endpoint::Token
            && call.param("grant_type") == Some(Grant::DeviceCode.name())
    });
    Violation::new(asked.map(|call| call.id).collect(), |count| {
        format!(
            "asked the token endpoint by the device grant {}",
            times(count)
        )
    })
}

/// The polling interval if the start of the flow is not in the journal (RFC 8628 §3.2).
const DEFAULT_INTERVAL_MS: i64 = 5000;

/// The increase of the interval with each `slow_down`.
const SLOW_DOWN_MS: i64 = 5000;

/// The polls of each device, with the interval that the server returned.
fn devices(history: &History) -> Vec<(i64, Vec<&ObservedCall>)> {
    let mut intervals: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, call) in history.calls_of(CallKind::Device) {
        if let (Some(code), Some(interval)) = (
            call.answered("device_code"),
            call.answered_number("interval"),
        ) {
            intervals.insert(code, interval * 1000);
        }
    }
    let mut polls: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for (_, call) in history.calls_of(CallKind::Poll) {
        if let Some(code) = call.param("device_code") {
            polls.entry(code).or_default().push(call);
        }
    }
    let all = polls.into_iter();
    all.map(|(code, polls)| {
        (
            intervals.get(code).copied().unwrap_or(DEFAULT_INTERVAL_MS),
            polls,
        )
    })
    .collect()
}

/// Whether the response is final.
fn is_end(call: &ObservedCall) -> bool {
    let goes_on = [
        "authorization_pending",
        "slow_down",
        "rate_limited",
        "temporarily_unavailable",
    ];
    match call.error() {
        Some(error) => !goes_on.contains(&error) && !call.is_temporary_failure(),
        None => call.is_success() && !call.is_faulty,
    }
}

/// Polls at the same time of a stopped clock are not compared.
fn poll_too_fast(history: &History) -> Option<Violation> {
    let mut requests = Vec::new();
    let mut least = i64::MAX;
    for (mut interval, polls) in devices(history) {
        for pair in polls.windows(2) {
            let (before, call) = (pair[0], pair[1]);
            let is_slowed = before.error() == Some("slow_down");
            if is_slowed {
                interval += SLOW_DOWN_MS;
            }
            let is_told = is_slowed || !before.is_faulty;
            let pause = call.pause_after(before);
            // 10 % tolerance for inexact timers.
            let pause = pause.filter(|pause| *pause < interval - interval / 10);
            if let Some(pause) = pause.filter(|_| is_told && !is_end(before)) {
                least = least.min(pause);
                requests.push(call.id);
            }
        }
    }
    Violation::new(requests, |count| {
        format!(
            "polled before the interval was over {}; the shortest pause was {least} ms",
            times(count)
        )
    })
}

fn poll_after_end(history: &History) -> Option<Violation> {
    let mut requests = Vec::new();
    for (_, polls) in devices(history) {
        let Some(end) = polls.iter().find(|call| is_end(call)) else {
            continue;
        };
        // Polls in flight when the final response was sent do not count.
        let later = polls.iter().filter(|call| call.after >= end.id);
        requests.extend(later.map(|call| call.id));
    }
    Violation::new(requests, |count| {
        format!("polled after the flow had ended {}", times(count))
    })
}
