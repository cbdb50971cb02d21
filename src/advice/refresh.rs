//! Rules about refreshes.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall, most_on_one_connection, spaced_calls};
use crate::contract::Difference;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "refresh-reused",
        severity: Severity::Error,
        rationale: "a refresh token works once: its answer brings the next one, and whoever keeps the old one is signed out",
        fix: "store the new refresh token before the new access token is used, in the same transaction as the old one is \
               taken out; and where two parts of the app may refresh at the same time, let one do it for all",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
        check: refresh_reused,
    },
    Rule {
        id: "refresh-race",
        severity: Severity::Error,
        rationale: "of two refreshes of one grant at once one is refused, and the app that believes the refusal signs the person out",
        fix: "let one refresh be under way for each grant, and let everybody else wait for its answer (single flight); \
               across processes, by a lock",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
        check: refresh_race,
    },
    Rule {
        id: "refresh-refused-again",
        severity: Severity::Error,
        rationale: "a refresh token that was refused stays refused, and every try counts: the person waits for what will not come",
        fix: "take invalid_grant for final: forget the tokens, and have the person sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
        check: refresh_refused_again,
    },
    Rule {
        id: "refresh-early",
        severity: Severity::Warning,
        rationale: "a token that is hardly used is refreshed: with many people that is many calls for nothing, and /token allows 20 \
              a minute",
        fix: "keep the access token with the moment at which it runs out, and refresh shortly before that, or when a call \
               is answered with 401",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.1",
        check: refresh_early,
    },
    Rule {
        id: "refresh-every-call",
        severity: Severity::Warning,
        rationale: "a refresh for every call doubles the calls, and /token allows 20 a minute",
        fix: "use the access token until it runs out; expires_in says when",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-1.5",
        check: refresh_every_call,
    },
];

/// Refreshes in a row with at most one call each that make a violation.
const MIN_REFRESHES: usize = 3;

/// Tokens with a shorter lifetime are not checked: many apps refresh one minute before expiry.
const MIN_LIFETIME_MS: i64 = 600_000;

/// The refreshes with each refresh token.
fn refreshes_by_token(history: &History) -> BTreeMap<&str, Vec<&ObservedCall>> {
    let mut presented: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for (_, call) in history.calls_of(CallKind::Refresh) {
        if let Some(token) = call.param("refresh_token") {
            presented.entry(token).or_default().push(call);
        }
    }
    presented
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
        for call in others {
            let is_parallel = call.after < rotation.id && rotation.after < call.id;
            if is_parallel || call.id > rotation.id {
                found.push(Reuse {
                    rotation,
                    second_use: call,
                    is_parallel,
                });
            }
        }
    }
    found
}

fn violation(
    history: &History,
    is_parallel: bool,
    summary: impl FnOnce(usize) -> String,
) -> Option<Violation> {
    let mut reuses = reuses(history);
    reuses.retain(|found| found.is_parallel == is_parallel);
    let count = reuses.len();
    let requests = reuses
        .iter()
        .flat_map(|found| [found.rotation.id, found.second_use.id]);
    Violation::new(requests.collect(), |_| summary(count))
}

fn refresh_reused(history: &History) -> Option<Violation> {
    violation(history, false, |count| {
        format!(
            "presented a refresh token that had been rotated {}",
            times(count)
        )
    })
}

fn refresh_race(history: &History) -> Option<Violation> {
    violation(history, true, |count| {
        format!(
            "sent a second refresh of the same grant before the first was answered {}",
            times(count)
        )
    })
}

/// The most sequential tries with a rejected refresh token on one connection, where the app read each response before the
/// next try.
const MAX_TRIES: usize = 2;

/// As [`MAX_TRIES`], on several connections: other parts of the app may not have known of the rejection.
const MAX_SCATTERED_TRIES: usize = 4;

/// Other rules check tokens that were rotated.
fn refresh_refused_again(history: &History) -> Option<Violation> {
    let is_refused = |call: &&&ObservedCall| call.error() == Some("invalid_grant") && !call.is_lost;
    let (mut requests, mut tries) = (Vec::new(), 0);
    for uses in refreshes_by_token(history).into_values() {
        if uses.iter().any(|call| call.is_success()) {
            continue;
        }
        let refused: Vec<&ObservedCall> = uses.iter().filter(is_refused).copied().collect();
        let all = spaced_calls(&refused);
        if most_on_one_connection(&refused) > MAX_TRIES || all.len() > MAX_SCATTERED_TRIES {
            tries += all.len() - 1;
            requests.extend(all);
        }
    }
    Violation::new(requests, |_| {
        format!(
            "sent a refresh token again that had been refused {}",
            times(tries)
        )
    })
}

/// A refresh of an access token that was still valid.
struct EarlyRefresh<'a> {
    refresh: &'a ObservedCall,
    /// Age of the access token.
    age_ms: i64,
    lifetime_ms: i64,
    /// Number of calls with the access token.
    calls: usize,
}

/// The first refresh with each refresh token, if the access token was still valid as far as the app knew.
fn early_refreshes(history: &History) -> Vec<EarlyRefresh<'_>> {
    let (mut calls, mut refused) = (HashMap::new(), HashMap::new());
    for call in &history.calls {
        if let (CallKind::Userinfo | CallKind::Api, Some(token)) = (call.kind, call.bearer()) {
            *calls.entry(token).or_insert(0) += 1;
            if call.is_unauthorized() || (call.is_faulty && !call.is_success()) {
                refused.entry(token).or_insert(call.id);
            }
        }
    }
    let (mut presented, mut found) = (HashSet::new(), Vec::new());
    for (_, refresh) in history.calls_of(CallKind::Refresh) {
        let Some(token) = refresh.param("refresh_token") else {
            continue;
        };
        // A refresh may be there to narrow the scope.
        let narrows = refresh.decision(Difference::RefreshScope);
        if !presented.insert(token) || narrows.is_some_and(|decision| decision.other_side_differs) {
            continue;
        }
        let age = history.age(token, refresh.at);
        let Some((age, life)) = age.filter(|(_, life)| *life >= MIN_LIFETIME_MS) else {
            continue;
        };
        let origin = history
            .origin(token)
            .and_then(|origin| history.calls.get(origin.by));
        let Some(origin) = origin.filter(|origin| !origin.is_faulty) else {
            continue;
        };
        let access = origin.answered("access_token").unwrap_or_default();
        let was_refused = refused.get(access).is_some_and(|id| *id < refresh.id);
        // A stopped clock shows no age. An app may replace a token that a control operation ended.
        if !was_refused && age > 0 && !history.was_ended_by_control(origin.id, refresh.id) {
            found.push(EarlyRefresh {
                refresh,
                age_ms: age,
                lifetime_ms: life,
                calls: calls.get(access).copied().unwrap_or_default(),
            });
        }
    }
    found
}

fn refresh_early(history: &History) -> Option<Violation> {
    let mut all = early_refreshes(history);
    all.retain(|early| early.age_ms < early.lifetime_ms / 10);
    let oldest = all.iter().map(|early| early.age_ms).max();
    let oldest = oldest.unwrap_or_default();
    let life = all.iter().map(|early| early.lifetime_ms).max();
    let life = life.unwrap_or_default();
    Violation::new(
        all.iter().map(|early| early.refresh.id).collect(),
        |count| {
            format!(
                "refreshed {} an access token in the first tenth of its life: {} s old at the most, of {} s",
                times(count),
                oldest / 1000,
                life / 1000
            )
        },
    )
}

fn refresh_every_call(history: &History) -> Option<Violation> {
    let all = early_refreshes(history);
    let is_hasty =
        |early: &EarlyRefresh<'_>| early.age_ms < early.lifetime_ms / 2 && early.calls <= 1;
    let runs = all.split(|early| !is_hasty(early));
    let habits = runs.filter(|run| run.len() >= MIN_REFRESHES);
    let requests = habits.flatten().map(|early| early.refresh.id).collect();
    Violation::new(requests, |count| {
        format!("refreshed {count} times in a row after one call or none")
    })
}
