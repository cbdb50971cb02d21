//! When does the app refresh, and with which token?

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

/// So many refreshes for a call each are a habit.
const HABIT: usize = 3;

/// Who refreshes a minute before the end, as many do, would do so in the first tenth of a shorter life; in milliseconds.
const LEAST_LIFE: i64 = 600_000;

/// The refreshes with each refresh token.
fn presented(history: &History) -> BTreeMap<&str, Vec<&ObservedCall>> {
    let mut presented: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for (_, call) in history.calls_of(CallKind::Refresh) {
        if let Some(token) = call.param("refresh_token") {
            presented.entry(token).or_default().push(call);
        }
    }
    presented
}

/// The later uses of rotated refresh tokens: which rotated it, which came again, and whether the two overlapped: each
/// began before the other was answered. No clock decides that: an answer is written to the journal before it is sent.
fn again(history: &History) -> Vec<(&ObservedCall, &ObservedCall, bool)> {
    let mut found = Vec::new();
    for uses in presented(history).values() {
        // An answer that a fault has touched may never have reached the app: it is right to try again.
        let Some(rotation) = uses.iter().find(|call| call.is_success()) else {
            continue;
        };
        if rotation.is_faulty {
            continue;
        }
        // Nor is one to be blamed whose caller may have given up and tried again.
        let others = uses
            .iter()
            .filter(|call| call.id != rotation.id && !call.is_lost);
        for call in others {
            let at_once = call.after < rotation.id && rotation.after < call.id;
            if at_once || call.id > rotation.id {
                found.push((*rotation, *call, at_once));
            }
        }
    }
    found
}

fn sight(
    history: &History,
    at_once: bool,
    summary: impl FnOnce(usize) -> String,
) -> Option<Violation> {
    let pairs = again(history);
    let pairs: Vec<_> = pairs.iter().filter(|(_, _, is)| *is == at_once).collect();
    let count = pairs.len();
    let requests = pairs
        .iter()
        .flat_map(|(rotation, call, _)| [rotation.id, call.id]);
    Violation::new(requests.collect(), |_| summary(count))
}

fn refresh_reused(history: &History) -> Option<Violation> {
    sight(history, false, |count| {
        format!(
            "presented a refresh token that had been rotated {}",
            times(count)
        )
    })
}

fn refresh_race(history: &History) -> Option<Violation> {
    sight(history, true, |count| {
        format!(
            "sent a second refresh of the same grant before the first was answered {}",
            times(count)
        )
    })
}

/// More tries than this with a refused refresh token are a mistake on one connection, where each answer was read before
/// the next try.
const TRIES: usize = 2;

/// The same on several connections, where other parts of the app may not have known of the refusal.
const SCATTERED_TRIES: usize = 4;

/// Of a token that was rotated, the other rules speak.
fn refresh_refused_again(history: &History) -> Option<Violation> {
    let is_refused = |call: &&&ObservedCall| call.error() == Some("invalid_grant") && !call.is_lost;
    let (mut requests, mut tries) = (Vec::new(), 0);
    for uses in presented(history).into_values() {
        if uses.iter().any(|call| call.is_success()) {
            continue;
        }
        let refused: Vec<&ObservedCall> = uses.iter().filter(is_refused).copied().collect();
        let all = spaced_calls(&refused);
        if most_on_one_connection(&refused) > TRIES || all.len() > SCATTERED_TRIES {
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

/// A refresh that nothing asked for: when it was sent, by the life of the access token, and how many calls that made.
struct Unasked<'a> {
    refresh: &'a ObservedCall,
    age: i64,
    life: i64,
    calls: usize,
}

/// The first refreshes with each refresh token whose access token was still good, as far as the app was told.
fn unasked(history: &History) -> Vec<Unasked<'_>> {
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
        // A refresh that narrows the scope is for that.
        let narrows = refresh.decision(Difference::RefreshScope);
        if !presented.insert(token) || narrows.is_some_and(|decision| decision.otherwise) {
            continue;
        }
        let age = history.age(token, refresh.at);
        let Some((age, life)) = age.filter(|(_, life)| *life >= LEAST_LIFE) else {
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
        // A clock that stands still tells no age, and a token that a control call has ended is rightly replaced.
        if !was_refused && age > 0 && !history.was_ended_by_control(origin.id, refresh.id) {
            found.push(Unasked {
                refresh,
                age,
                life,
                calls: calls.get(access).copied().unwrap_or_default(),
            });
        }
    }
    found
}

fn refresh_early(history: &History) -> Option<Violation> {
    let mut all = unasked(history);
    all.retain(|call| call.age < call.life / 10);
    let oldest = all.iter().map(|call| call.age).max().unwrap_or_default();
    let life = all.iter().map(|call| call.life).max().unwrap_or_default();
    Violation::new(all.iter().map(|call| call.refresh.id).collect(), |count| {
        format!(
            "refreshed {} an access token in the first tenth of its life: {} s old at the most, of {} s",
            times(count),
            oldest / 1000,
            life / 1000
        )
    })
}

fn refresh_every_call(history: &History) -> Option<Violation> {
    let all = unasked(history);
    let is_hasty = |call: &Unasked<'_>| call.age < call.life / 2 && call.calls <= 1;
    let runs = all.split(|call| !is_hasty(call));
    let habits = runs.filter(|run| run.len() >= HABIT);
    let requests = habits.flatten().map(|call| call.refresh.id).collect();
    Violation::new(requests, |count| {
        format!("refreshed {count} times in a row after one call or none")
    })
}
