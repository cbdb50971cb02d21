//! When does the app refresh, and with which token?

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen, most_on_one_connection, rounds};
use crate::contract::Difference;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "refresh-reused",
        severity: Severity::Error,
        why: "a refresh token works once: its answer brings the next one, and whoever keeps the old one is signed out",
        mend: "store the new refresh token before the new access token is used, in the same transaction as the old one is \
               taken out; and where two parts of the app may refresh at the same time, let one do it for all",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
        look: reused,
    },
    Rule {
        id: "refresh-race",
        severity: Severity::Error,
        why: "of two refreshes of one grant at once one is refused, and the app that believes the refusal signs the person out",
        mend: "let one refresh be under way for each grant, and let everybody else wait for its answer (single flight); \
               across processes, by a lock",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
        look: race,
    },
    Rule {
        id: "refresh-refused-again",
        severity: Severity::Error,
        why: "a refresh token that was refused stays refused, and every try counts: the person waits for what will not come",
        mend: "take invalid_grant for final: forget the tokens, and have the person sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
        look: refused_again,
    },
    Rule {
        id: "refresh-early",
        severity: Severity::Warning,
        why: "a token that is hardly used is refreshed: with many people that is many calls for nothing, and /token allows 20 \
              a minute",
        mend: "keep the access token with the moment at which it runs out, and refresh shortly before that, or when a call \
               is answered with 401",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.1",
        look: early,
    },
    Rule {
        id: "refresh-every-call",
        severity: Severity::Warning,
        why: "a refresh for every call doubles the calls, and /token allows 20 a minute",
        mend: "use the access token until it runs out; expires_in says when",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-1.5",
        look: every_call,
    },
];

/// So many refreshes for a call each are a habit.
const HABIT: usize = 3;

/// Who refreshes a minute before the end, as many do, would do so in the first tenth of a shorter life; in milliseconds.
const LEAST_LIFE: i64 = 600_000;

/// The refreshes with each refresh token.
fn presented(history: &History) -> BTreeMap<&str, Vec<&Seen>> {
    let mut presented: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for (_, one) in history.calls(Call::Refresh) {
        if let Some(token) = one.param("refresh_token") {
            presented.entry(token).or_default().push(one);
        }
    }
    presented
}

/// The later uses of rotated refresh tokens: which rotated it, which came again, and whether the two overlapped: each
/// began before the other was answered. No clock decides that: an answer is written to the journal before it is sent.
fn again(history: &History) -> Vec<(&Seen, &Seen, bool)> {
    let mut found = Vec::new();
    for uses in presented(history).values() {
        // An answer that a fault has touched may never have reached the app: it is right to try again.
        let Some(rotation) = uses.iter().find(|one| one.is_success()) else {
            continue;
        };
        if rotation.is_faulty {
            continue;
        }
        // Nor is one to be blamed whose caller may have given up and tried again.
        let others = uses
            .iter()
            .filter(|one| one.id != rotation.id && !one.is_lost);
        for one in others {
            let at_once = one.after < rotation.id && rotation.after < one.id;
            if at_once || one.id > rotation.id {
                found.push((*rotation, *one, at_once));
            }
        }
    }
    found
}

fn sight(history: &History, at_once: bool, summary: impl FnOnce(usize) -> String) -> Option<Sight> {
    let pairs = again(history);
    let pairs: Vec<_> = pairs.iter().filter(|(_, _, is)| *is == at_once).collect();
    let many = pairs.len();
    let requests = pairs
        .iter()
        .flat_map(|(rotation, one, _)| [rotation.id, one.id]);
    Sight::of(requests.collect(), |_| summary(many))
}

fn reused(history: &History) -> Option<Sight> {
    sight(history, false, |many| {
        format!(
            "presented a refresh token that had been rotated {}",
            times(many)
        )
    })
}

fn race(history: &History) -> Option<Sight> {
    sight(history, true, |many| {
        format!(
            "sent a second refresh of the same grant before the first was answered {}",
            times(many)
        )
    })
}

/// More tries than this with a refused refresh token are a mistake on one connection, where each answer was read before
/// the next try.
const TRIES: usize = 2;

/// The same on several connections, where other parts of the app may not have known of the refusal.
const SCATTERED_TRIES: usize = 4;

/// Of a token that was rotated, the other rules speak.
fn refused_again(history: &History) -> Option<Sight> {
    let is_refused = |one: &&&Seen| one.error() == Some("invalid_grant") && !one.is_lost;
    let (mut requests, mut tries) = (Vec::new(), 0);
    for uses in presented(history).into_values() {
        if uses.iter().any(|one| one.is_success()) {
            continue;
        }
        let refused: Vec<&Seen> = uses.iter().filter(is_refused).copied().collect();
        let all = rounds(&refused);
        if most_on_one_connection(&refused) > TRIES || all.len() > SCATTERED_TRIES {
            tries += all.len() - 1;
            requests.extend(all);
        }
    }
    Sight::of(requests, |_| {
        format!(
            "sent a refresh token again that had been refused {}",
            times(tries)
        )
    })
}

/// A refresh that nothing asked for: when it was sent, by the life of the access token, and how many calls that made.
struct Unasked<'a> {
    refresh: &'a Seen,
    age: i64,
    life: i64,
    calls: usize,
}

/// The first refreshes with each refresh token whose access token was still good, as far as the app was told.
fn unasked(history: &History) -> Vec<Unasked<'_>> {
    let (mut calls, mut refused) = (HashMap::new(), HashMap::new());
    for one in &history.seen {
        if let (Call::Userinfo | Call::Api, Some(token)) = (one.call, one.bearer()) {
            *calls.entry(token).or_insert(0) += 1;
            if one.is_unauthorized() || (one.is_faulty && !one.is_success()) {
                refused.entry(token).or_insert(one.id);
            }
        }
    }
    let (mut presented, mut found) = (HashSet::new(), Vec::new());
    for (_, refresh) in history.calls(Call::Refresh) {
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
        let birth = history
            .birth(token)
            .and_then(|birth| history.seen.get(birth.by));
        let Some(birth) = birth.filter(|birth| !birth.is_faulty) else {
            continue;
        };
        let access = birth.answered("access_token").unwrap_or_default();
        let was_refused = refused.get(access).is_some_and(|id| *id < refresh.id);
        // A clock that stands still tells no age, and a token that a control call has ended is rightly replaced.
        if !was_refused && age > 0 && !history.was_meddled(birth.id, refresh.id) {
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

fn early(history: &History) -> Option<Sight> {
    let mut all = unasked(history);
    all.retain(|one| one.age < one.life / 10);
    let oldest = all.iter().map(|one| one.age).max().unwrap_or_default();
    let life = all.iter().map(|one| one.life).max().unwrap_or_default();
    Sight::of(all.iter().map(|one| one.refresh.id).collect(), |many| {
        format!(
            "refreshed {} an access token in the first tenth of its life: {} s old at the most, of {} s",
            times(many),
            oldest / 1000,
            life / 1000
        )
    })
}

fn every_call(history: &History) -> Option<Sight> {
    let all = unasked(history);
    let is_hasty = |one: &Unasked<'_>| one.age < one.life / 2 && one.calls <= 1;
    let runs = all.split(|one| !is_hasty(one));
    let habits = runs.filter(|run| run.len() >= HABIT);
    let requests = habits.flatten().map(|one| one.refresh.id).collect();
    Sight::of(requests, |many| {
        format!("refreshed {many} times in a row after one call or none")
    })
}
