//! Rules about refreshes.

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Violation, advice_rules, times};
use crate::advice::call::{CallKind, ObservedCall, sequential};

advice_rules! { RULES {
    /// A rotated refresh token is used again, after the rotation was answered.
    REFRESH_TOKEN_REUSED "refresh-token-reused" Error refresh_token_reused {
        rationale: "a refresh token works once: the response contains the next one, and a user whose app still uses the old one is signed out",
        fix: "store the new refresh token before you use the new access token; if two parts of the app can refresh \
            at the same time, refresh in one place",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
    }
    /// Two refreshes with one token overlap.
    REFRESH_RACE "refresh-race" Error refresh_race {
        rationale: "if two refreshes of one grant run in parallel, one is rejected, and an app that trusts the rejection signs the user out",
        fix: "run one refresh per grant at a time and let all other callers wait for its response (single flight); \
            use a lock across processes",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
    }
    /// A rejected refresh token is sent twice more, each time after the previous rejection.
    REFRESH_RETRIED_AFTER_REJECTION "refresh-retried-after-rejection" Error refresh_refused_again {
        rationale: "a rejected refresh token stays invalid, each attempt counts towards the rate limit, and the user waits in vain",
        fix: "treat invalid_grant as final: delete the tokens and have the user sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    }
} }

/// The refreshes with each refresh token.
fn refreshes_by_token(history: &History) -> BTreeMap<&str, Vec<&ObservedCall>> {
    let mut refreshes: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for call in history.calls_of(CallKind::Refresh) {
        if let Some(token) = call.param("refresh_token") {
            refreshes.entry(token).or_default().push(call);
        }
    }
    refreshes
}

/// A further use of a rotated refresh token.
struct Reuse<'a> {
    /// The refresh that rotated the token.
    rotation: &'a ObservedCall,
    second_use: &'a ObservedCall,
    /// Whether each of the two started before the other was answered. No clock decides that: a response is written to the
    /// journal before it is sent.
    is_parallel: bool,
}

fn reuses(history: &History) -> Vec<Reuse<'_>> {
    let mut found = Vec::new();
    for uses in refreshes_by_token(history).values() {
        // A response that a fault changed may not have reached the app, which may then try again.
        let Some(rotation) = uses.iter().find(|call| call.is_success()) else {
            continue;
        };
        if rotation.is_faulty {
            continue;
        }
        // As for the first use: a fault may have withheld the response from the app.
        let others = uses
            .iter()
            .filter(|call| call.id != rotation.id && !call.is_lost);
        for second_use in others {
            let is_parallel = second_use.last_completed_id < rotation.id
                && rotation.last_completed_id < second_use.id;
            if is_parallel || second_use.id > rotation.id {
                found.push(Reuse {
                    rotation,
                    second_use,
                    is_parallel,
                });
            }
        }
    }
    found
}

fn refresh_token_reused(history: &History) -> Option<Violation> {
    reuse_violation(history, false, "reused a rotated refresh token")
}

fn refresh_race(history: &History) -> Option<Violation> {
    let did = "sent a second refresh of the same grant before the response to the first";
    reuse_violation(history, true, did)
}

fn reuse_violation(history: &History, is_parallel: bool, did: &str) -> Option<Violation> {
    let mut reuses = reuses(history);
    reuses.retain(|reuse| reuse.is_parallel == is_parallel);
    let requests = reuses
        .iter()
        .flat_map(|reuse| [reuse.rotation.id, reuse.second_use.id]);
    Violation::new(requests.collect(), |_| {
        format!("{did} {}", times(reuses.len()))
    })
}

/// The rejections of one refresh token, one after another, that make a violation.
const MIN_REJECTIONS: usize = 3;

/// Tokens that were rotated are left to the other rules.
fn refresh_refused_again(history: &History) -> Option<Violation> {
    let (mut requests, mut count) = (Vec::new(), 0);
    for uses in refreshes_by_token(history).into_values() {
        if uses.iter().any(|call| call.is_success()) {
            continue;
        }
        let is_rejected =
            |call: &&ObservedCall| call.error() == Some("invalid_grant") && !call.is_lost;
        let rejections = sequential(uses.into_iter().filter(is_rejected));
        if rejections.len() >= MIN_REJECTIONS {
            count += rejections.len() - 1;
            requests.extend(rejections.iter().map(|call| call.id));
        }
    }
    Violation::new(requests, |_| {
        format!("sent a rejected refresh token again {}", times(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, authorize, exchange, refresh, reported};

    fn rejected(token: &str) -> TestCall {
        refresh(token, "").answered(400, json!({ "error": "invalid_grant" }))
    }

    #[test]
    fn rotation_is_not_reported() {
        let calls = [
            authorize("c1"),
            exchange("c1"),
            refresh("refresh-c1", "r2"),
            refresh("refresh-r2", "r3"),
        ];
        assert!(reported(&REFRESH_TOKEN_REUSED, calls).is_empty());
    }

    #[test]
    fn second_use_of_a_rotated_token_is_reported() {
        let calls = [refresh("r1", "r2"), rejected("r1")];
        assert_eq!(reported(&REFRESH_TOKEN_REUSED, calls), [1, 2]);
    }

    #[test]
    fn overlapping_refreshes_are_reported_as_a_race() {
        let calls = [refresh("r1", "r2"), rejected("r1").parallel()];
        assert_eq!(reported(&REFRESH_RACE, calls), [1, 2]);
    }

    #[test]
    fn third_rejection_of_one_token_is_reported() {
        let calls = |count| {
            reported(
                &REFRESH_RETRIED_AFTER_REJECTION,
                (0..count).map(|_| rejected("r1")),
            )
        };
        assert!(calls(2).is_empty());
        assert_eq!(calls(3), [1, 2, 3]);
    }

    #[test]
    fn parallel_rejections_and_those_of_other_tokens_are_not_reported() {
        let parallel = [
            rejected("r1"),
            rejected("r1").parallel(),
            rejected("r1").parallel(),
        ];
        assert!(reported(&REFRESH_RETRIED_AFTER_REJECTION, parallel).is_empty());
        let others = ["r1", "r2", "r3"].map(rejected);
        assert!(reported(&REFRESH_RETRIED_AFTER_REJECTION, others).is_empty());
    }
}
