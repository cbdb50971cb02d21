//! Rules about the use of access tokens, and about revocation at sign-out.

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

/// Sequential rejections of one token on one connection that make a violation: the client read each response before the
/// next call.
const MIN_REJECTIONS: usize = 3;

/// As [`MIN_REJECTIONS`], on several connections or before a refresh: calls that a page sent together may be queued.
const MIN_SCATTERED_REJECTIONS: usize = 10;

/// Userinfo calls with one token within [`MINUTE_MS`] that make a violation.
const MIN_CALLS_A_MINUTE: usize = 5;
const MINUTE_MS: i64 = 60_000;

/// Userinfo calls with one token, at any pace, that make a violation.
const MIN_CALLS: usize = 10;

/// The calls with an access token, each with its token.
fn uses(history: &History) -> impl Iterator<Item = (&ObservedCall, &str)> {
    let all = history.calls.iter();
    let all = all.filter(|call| matches!(call.kind, CallKind::Userinfo | CallKind::Api));
    all.filter_map(|call| Some((call, call.bearer()?)))
}

/// The rejections of each access token since the app last got new tokens.
#[derive(Default)]
struct Rejections<'a> {
    open: BTreeMap<&'a str, Vec<&'a ObservedCall>>,
    /// The access token that each access token replaced.
    predecessors: HashMap<&'a str, &'a str>,
    /// The replaced access tokens, and the first call that presented the successor.
    replaced: HashMap<&'a str, Option<u64>>,
    /// The ids of the rejections that the app ignored.
    ignored: Vec<u64>,
}

impl<'a> Rejections<'a> {
    /// Notes a rejected call. A replaced token counts only after its successor was used.
    fn reject(&mut self, token: &'a str, call: &'a ObservedCall) {
        let knows_better = match self.replaced.get(token) {
            Some(used) => used.is_some_and(|used| call.after >= used),
            None => true,
        };
        if knows_better {
            self.open.entry(token).or_default().push(call);
        }
    }

    /// Notes a call with an access token.
    fn present(&mut self, token: &'a str, call: &'a ObservedCall) {
        if let Some(old) = self.predecessors.get(token) {
            let used = self.replaced.entry(old).or_default();
            used.get_or_insert(call.id);
        }
    }

    /// Notes that a refresh replaced an access token.
    fn replace(&mut self, old: &'a str, new: &'a str) {
        self.predecessors.insert(new, old);
        self.replaced.insert(old, None);
    }

    /// Notes that the app gets new tokens: the rejections so far are forgiven, unless there were too many. If the user is
    /// known, only those of the same user.
    fn settle(&mut self, history: &History, call: &'a ObservedCall) {
        let refreshed_user = refreshed_user(history, call);
        let limit = if call.kind == CallKind::Refresh {
            MIN_SCATTERED_REJECTIONS
        } else {
            MIN_REJECTIONS
        };
        let ignored = &mut self.ignored;
        self.open.retain(|token, calls| {
            let user = user_of_token(history, token);
            let is_other = refreshed_user.is_some() && user.is_some() && refreshed_user != user;
            if !is_other && most_on_one_connection(calls) >= limit {
                ignored.extend(spaced_calls(calls));
            }
            is_other
        });
    }

    /// The ids of the rejections that the app ignored.
    fn end(mut self) -> Vec<u64> {
        for calls in self.open.into_values() {
            let all = spaced_calls(&calls);
            if most_on_one_connection(&calls) >= MIN_REJECTIONS
                || all.len() >= MIN_SCATTERED_REJECTIONS
            {
                self.ignored.extend(all);
            }
        }
        self.ignored
    }
}

/// Evaluated for each user: new tokens of one user forgive nothing of another.
fn expired_token_kept(history: &History) -> Option<Violation> {
    let mut rejections = Rejections::default();
    for call in &history.calls {
        match call.kind {
            CallKind::Authorize
            | CallKind::Code
            | CallKind::Refresh
            | CallKind::ClientCredentials
            | CallKind::Poll
            | CallKind::Device => {
                rejections.settle(history, call);
                if let Some((old, new)) =
                    replaced_by(history, call).zip(call.answered("access_token"))
                {
                    rejections.replace(old, new);
                }
            }
            _ => {
                let Some(token) = call.bearer() else {
                    continue;
                };
                if call.is_unauthorized() && !call.is_lost {
                    rejections.reject(token, call);
                } else {
                    rejections.present(token, call);
                }
            }
        }
    }
    Violation::new(rejections.end(), |count| {
        format!("went on presenting an access token after its refusal: {count} times")
    })
}

/// The user of a token whose origin is in the journal.
fn user_of_token(history: &History, token: &str) -> Option<i64> {
    history.calls.get(history.origin(token)?.by)?.user
}

/// The access token that this refresh replaced.
fn replaced_by<'a>(history: &'a History, call: &ObservedCall) -> Option<&'a str> {
    let origin = history.origin(call.param("refresh_token")?)?;
    history.calls.get(origin.by)?.answered("access_token")
}

/// The user that a sign-in or a refresh gets new tokens for, if known.
fn refreshed_user(history: &History, call: &ObservedCall) -> Option<i64> {
    let refreshed = || user_of_token(history, call.param("refresh_token")?);
    call.user.or_else(refreshed)
}

/// Parallel calls, and repetitions after a broken response, count once.
fn userinfo_every_call(history: &History) -> Option<Violation> {
    let mut asked: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for (call, token) in uses(history) {
        let is_asked = call.kind == CallKind::Userinfo && call.method == "GET";
        // A client may repeat a call after a broken response.
        if is_asked && call.is_success() && !call.is_faulty {
            let calls = asked.entry(token).or_default();
            if calls.last().is_none_or(|last| call.after >= last.id) {
                calls.push(call);
            }
        }
    }
    let within_a_minute = |some: &[&ObservedCall]| {
        (1..MINUTE_MS).contains(&(some[MIN_CALLS_A_MINUTE - 1].at - some[0].at))
    };
    let is_often = |calls: &Vec<&ObservedCall>| {
        calls.len() >= MIN_CALLS || calls.windows(MIN_CALLS_A_MINUTE).any(within_a_minute)
    };
    let often = asked.into_values().filter(is_often).flatten();
    Violation::new(often.map(|call| call.id).collect(), |count| {
        format!(
            "asked userinfo {count} times with the same access tokens: {MIN_CALLS} times with one, or {MIN_CALLS_A_MINUTE} within a minute"
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
