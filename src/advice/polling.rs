//! How does a device wait for its user (RFC 8628 §3.5)?

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};
use crate::model::client::Grant;
use crate::protocol::call::Endpoint;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "poll-too-fast",
        severity: Severity::Warning,
        why: "/device and /device-token together allow 20 calls a minute for all of an app's devices",
        mend: "wait for interval seconds between two polls, and for 5 more after each slow_down",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
        look: too_fast,
    },
    Rule {
        id: "poll-after-end",
        severity: Severity::Warning,
        why: "once the user has decided, or the code has run out, the answer does not change any more",
        mend: "stop at every answer but authorization_pending and slow_down; begin the flow anew where it ended badly",
        source: "https://www.rfc-editor.org/rfc/rfc8628#section-3.5",
        look: after_end,
    },
    Rule {
        id: "device-grant-at-token",
        severity: Severity::Error,
        why: "Civitai exchanges device codes at /device-token, where RFC 8628 has it at the token endpoint",
        mend: "poll POST /api/auth/oauth/device-token: give the library that as its token endpoint, for this flow alone",
        source: "https://developer.civitai.com/site/oauth",
        look: at_token,
    },
];

fn at_token(history: &History) -> Option<Sight> {
    let asked = history.seen.iter().filter(|one| {
        one.endpoint == Endpoint::Token && one.param("grant_type") == Some(Grant::DeviceCode.name())
    });
    Sight::of(asked.map(|one| one.id).collect(), |many| {
        format!(
            "asked the token endpoint by the device grant {}",
            times(many)
        )
    })
}

/// What is waited where the device's start was not seen, in milliseconds (RFC 8628 §3.2).
const INTERVAL: i64 = 5000;

/// What each `slow_down` adds.
const MORE: i64 = 5000;

/// The polls of each device, and the interval that it was told.
fn devices(history: &History) -> Vec<(i64, Vec<&Seen>)> {
    let mut intervals: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, one) in history.calls(Call::Device) {
        if let (Some(code), Some(interval)) =
            (one.answered("device_code"), one.answered_number("interval"))
        {
            intervals.insert(code, interval * 1000);
        }
    }
    let mut polls: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for (_, one) in history.calls(Call::Poll) {
        if let Some(code) = one.param("device_code") {
            polls.entry(code).or_default().push(one);
        }
    }
    let all = polls.into_iter();
    all.map(|(code, polls)| (intervals.get(code).copied().unwrap_or(INTERVAL), polls))
        .collect()
}

/// Whether the device was told that there is nothing more to wait for.
fn is_end(one: &Seen) -> bool {
    let goes_on = [
        "authorization_pending",
        "slow_down",
        "rate_limited",
        "temporarily_unavailable",
    ];
    match one.error() {
        Some(error) => !goes_on.contains(&error) && !one.is_passing_failure(),
        None => one.is_success() && !one.is_faulty,
    }
}

/// A clock that stands still tells no time: polls of one and the same moment say nothing.
fn too_fast(history: &History) -> Option<Sight> {
    let mut requests = Vec::new();
    let mut least = i64::MAX;
    for (mut interval, polls) in devices(history) {
        for pair in polls.windows(2) {
            let (before, one) = (pair[0], pair[1]);
            let is_slowed = before.error() == Some("slow_down");
            if is_slowed {
                interval += MORE;
            }
            let is_told = is_slowed || !before.is_faulty;
            let pause = one.pause_after(before);
            // A tenth for timers that are not exact.
            let pause = pause.filter(|pause| *pause < interval - interval / 10);
            if let Some(pause) = pause.filter(|_| is_told && !is_end(before)) {
                least = least.min(pause);
                requests.push(one.id);
            }
        }
    }
    Sight::of(requests, |many| {
        format!(
            "polled before the interval was over {}; the shortest pause was {least} ms",
            times(many)
        )
    })
}

fn after_end(history: &History) -> Option<Sight> {
    let mut requests = Vec::new();
    for (_, polls) in devices(history) {
        let Some(end) = polls.iter().find(|one| is_end(one)) else {
            continue;
        };
        // One that was under way when the end was answered could not know of it.
        let later = polls.iter().filter(|one| one.after >= end.id);
        requests.extend(later.map(|one| one.id));
    }
    Sight::of(requests, |many| {
        format!("polled after the flow had ended {}", times(many))
    })
}
