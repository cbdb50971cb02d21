//! How does the app use an access token, and does it give it back?

use std::collections::{BTreeMap, HashMap};

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall, most_on_one_connection, spaced_calls};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "expired-token-kept",
        severity: Severity::Error,
        rationale: "an access token that was refused stays refused: an hour after sign-in the app stops working, and goes on asking",
        fix: "when a call is answered with 401, refresh once and try again; when that is refused, sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6750#section-3.1",
        check: expired_token_kept,
    },
    Rule {
        id: "userinfo-every-call",
        severity: Severity::Warning,
        rationale: "who the person is does not change between two calls, and each one waits for it",
        fix: "ask userinfo once, when somebody signs in, and keep the answer with the session",
        source: "https://openid.net/specs/openid-connect-core-1_0.html#UserInfo",
        check: userinfo_every_call,
    },
    Rule {
        id: "expires-in-ignored",
        severity: Severity::Hint,
        rationale: "an app that looks at expires_in refreshes before the first call fails – unless a test has moved this server's \
              clock, which the app's does not follow",
        fix: "keep the moment at which the access token runs out, and refresh shortly before it",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.1",
        check: expires_in_ignored,
    },
    Rule {
        id: "revoke-missing",
        severity: Severity::Hint,
        rationale: "a refresh token that nobody revokes lives for 30 days after the person has signed out",
        fix: "at sign-out, send the refresh token to /revoke with client_id, and client_secret if the app has one; Civitai answers 200 \
               whatever happens: show the person the way to /user/account, too",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2",
        check: revoke_missing,
    },
];

/// This many refusals of one token, one after another on one connection, are no accident: each was read before the next
/// call.
const AGAIN: usize = 3;

/// The same on several connections, or before a refresh: calls of a page that were sent together stand in a queue.
const IN_A_ROW: usize = 10;

/// So often within a minute is on every call; and so often with one token is no longer once for each sign-in, however
/// slowly.
const OFTEN: usize = 5;
const MINUTE: i64 = 60_000;
const MANY: usize = 10;

/// Calls with an access token, and the token.
fn uses(history: &History) -> impl Iterator<Item = (&ObservedCall, &str)> {
    let all = history.calls.iter();
    let all = all.filter(|call| matches!(call.kind, CallKind::Userinfo | CallKind::Api));
    all.filter_map(|call| Some((call, call.bearer()?)))
}

/// The refusals of each access token since the app last got new tokens.
#[derive(Default)]
struct Refusals<'a> {
    open: BTreeMap<&'a str, Vec<&'a ObservedCall>>,
    /// The access token that each one has replaced.
    predecessors: HashMap<&'a str, &'a str>,
    /// The access tokens that were replaced, and the first call that presented the successor.
    replaced: HashMap<&'a str, Option<u64>>,
    /// The refusals that the app should have heeded.
    ignored: Vec<u64>,
}

impl<'a> Refusals<'a> {
    /// A refused call. After its successor was used, a token is presented in spite of better knowledge.
    fn refuse(&mut self, token: &'a str, call: &'a ObservedCall) {
        let knows_better = match self.replaced.get(token) {
            Some(used) => used.is_some_and(|used| call.after >= used),
            None => true,
        };
        if knows_better {
            self.open.entry(token).or_default().push(call);
        }
    }

    /// A call with an access token.
    fn present(&mut self, token: &'a str, call: &'a ObservedCall) {
        if let Some(old) = self.predecessors.get(token) {
            let used = self.replaced.entry(old).or_default();
            used.get_or_insert(call.id);
        }
    }

    /// A refresh has replaced an access token.
    fn replace(&mut self, old: &'a str, new: &'a str) {
        self.predecessors.insert(new, old);
        self.replaced.insert(old, None);
    }

    /// The app gets new tokens, for one person where it says so: what was refused before is settled, unless it was refused
    /// too often.
    fn settle(&mut self, history: &History, call: &'a ObservedCall) {
        let refreshed_user = refreshed_user(history, call);
        let limit = if call.kind == CallKind::Refresh {
            IN_A_ROW
        } else {
            AGAIN
        };
        let ignored = &mut self.ignored;
        self.open.retain(|token, calls| {
            let person = person(history, token);
            let is_other = refreshed_user.is_some() && person.is_some() && refreshed_user != person;
            if !is_other && most_on_one_connection(calls) >= limit {
                ignored.extend(spaced_calls(calls));
            }
            is_other
        });
    }

    /// The refusals that the app should have heeded.
    fn end(mut self) -> Vec<u64> {
        for calls in self.open.into_values() {
            let all = spaced_calls(&calls);
            if most_on_one_connection(&calls) >= AGAIN || all.len() >= IN_A_ROW {
                self.ignored.extend(all);
            }
        }
        self.ignored
    }
}

/// What one person's new tokens settle, they do not settle for another.
fn expired_token_kept(history: &History) -> Option<Violation> {
    let mut refusals = Refusals::default();
    for call in &history.calls {
        match call.kind {
            CallKind::Authorize
            | CallKind::Code
            | CallKind::Refresh
            | CallKind::ClientCredentials
            | CallKind::Poll
            | CallKind::Device => {
                refusals.settle(history, call);
                if let Some((old, new)) =
                    replaced_by(history, call).zip(call.answered("access_token"))
                {
                    refusals.replace(old, new);
                }
            }
            _ => {
                let Some(token) = call.bearer() else {
                    continue;
                };
                if call.is_unauthorized() && !call.is_lost {
                    refusals.refuse(token, call);
                } else {
                    refusals.present(token, call);
                }
            }
        }
    }
    Violation::new(refusals.end(), |count| {
        format!("went on presenting an access token after its refusal: {count} times")
    })
}

/// Whom a token was issued for, as far as its origin was seen.
fn person(history: &History, token: &str) -> Option<i64> {
    history.calls.get(history.origin(token)?.by)?.user
}

/// The access token that this refresh has replaced.
fn replaced_by<'a>(history: &'a History, call: &ObservedCall) -> Option<&'a str> {
    let origin = history.origin(call.param("refresh_token")?)?;
    history.calls.get(origin.by)?.answered("access_token")
}

/// For whom a sign-in or a refresh brings new tokens; nobody where it does not say so.
fn refreshed_user(history: &History, call: &ObservedCall) -> Option<i64> {
    let refreshed = || person(history, call.param("refresh_token")?);
    call.user.or_else(refreshed)
}

/// Those who were asked while another was under way, or again because the answer was broken, count once.
fn userinfo_every_call(history: &History) -> Option<Violation> {
    let mut asked: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for (call, token) in uses(history) {
        let is_asked = call.kind == CallKind::Userinfo && call.method == "GET";
        // A broken answer is rightly asked for again.
        if is_asked && call.is_success() && !call.is_faulty {
            let calls = asked.entry(token).or_default();
            if calls.last().is_none_or(|last| call.after >= last.id) {
                calls.push(call);
            }
        }
    }
    let within_a_minute =
        |some: &[&ObservedCall]| (1..MINUTE).contains(&(some[OFTEN - 1].at - some[0].at));
    let is_often = |calls: &Vec<&ObservedCall>| {
        calls.len() >= MANY || calls.windows(OFTEN).any(within_a_minute)
    };
    let often = asked.into_values().filter(is_often).flatten();
    Violation::new(often.map(|call| call.id).collect(), |count| {
        format!(
            "asked userinfo {count} times with the same access tokens: {MANY} times with one, or {OFTEN} within a minute"
        )
    })
}

fn expires_in_ignored(history: &History) -> Option<Violation> {
    let late = uses(history).filter_map(|(call, token)| {
        let (age, life) = history.age(token, call.at)?;
        (call.is_unauthorized() && !call.is_faulty && age >= life).then_some((call.id, age - life))
    });
    let (requests, late): (Vec<u64>, Vec<i64>) = late.unzip();
    let latest = late.into_iter().max().unwrap_or_default();
    Violation::new(requests, |count| {
        let late = latest / 1000;
        format!(
            "presented an access token after it had run out {}, {late} s late at the most",
            times(count)
        )
    })
}

fn revoke_missing(history: &History) -> Option<Violation> {
    if history.calls_of(CallKind::Revoke).next().is_some() {
        return None;
    }
    let mut sign_ins: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for (_, call) in history
        .calls_of(CallKind::Code)
        .filter(|(_, call)| call.is_success())
    {
        if let Some(user) = call.user {
            sign_ins.entry(user).or_default().push(call.id);
        }
    }
    let again = sign_ins.into_values().filter(|ids| ids.len() > 1);
    Violation::new(again.flatten().collect(), |count| {
        format!(
            "was signed in to {count} times by people who had been there before, and never revoked a token"
        )
    })
}
