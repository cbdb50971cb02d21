//! How does the app use an access token, and does it give it back?

use std::collections::{BTreeMap, HashMap};

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen, most_on_one_connection, rounds};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "expired-token-kept",
        severity: Severity::Error,
        why: "an access token that was refused stays refused: an hour after sign-in the app stops working, and goes on asking",
        mend: "when a call is answered with 401, refresh once and try again; when that is refused, sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6750#section-3.1",
        look: kept,
    },
    Rule {
        id: "userinfo-every-call",
        severity: Severity::Warning,
        why: "who the person is does not change between two calls, and each one waits for it",
        mend: "ask userinfo once, when somebody signs in, and keep the answer with the session",
        source: "https://openid.net/specs/openid-connect-core-1_0.html#UserInfo",
        look: userinfo,
    },
    Rule {
        id: "expires-in-ignored",
        severity: Severity::Hint,
        why: "an app that looks at expires_in refreshes before the first call fails – unless a test has moved this server's \
              clock, which the app's does not follow",
        mend: "keep the moment at which the access token runs out, and refresh shortly before it",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.1",
        look: expires_in,
    },
    Rule {
        id: "revoke-missing",
        severity: Severity::Hint,
        why: "a refresh token that nobody revokes lives for 30 days after the person has signed out",
        mend: "at sign-out, send the refresh token to /revoke with client_id, and client_secret if the app has one; Civitai answers 200 \
               whatever happens: show the person the way to /user/account, too",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2",
        look: no_revoke,
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
fn uses(history: &History) -> impl Iterator<Item = (&Seen, &str)> {
    let all = history.seen.iter();
    let all = all.filter(|one| matches!(one.call, Call::Userinfo | Call::Api));
    all.filter_map(|one| Some((one, one.bearer()?)))
}

/// The refusals of each access token since the app last got new tokens.
#[derive(Default)]
struct Refusals<'a> {
    open: BTreeMap<&'a str, Vec<&'a Seen>>,
    /// The access token that each one has replaced.
    predecessors: HashMap<&'a str, &'a str>,
    /// The access tokens that were replaced, and the first call that presented the successor.
    replaced: HashMap<&'a str, Option<u64>>,
    /// The refusals that the app should have heeded.
    ignored: Vec<u64>,
}

impl<'a> Refusals<'a> {
    /// A refused call. After its successor was used, a token is presented in spite of better knowledge.
    fn refuse(&mut self, token: &'a str, one: &'a Seen) {
        let knows_better = match self.replaced.get(token) {
            Some(used) => used.is_some_and(|used| one.after >= used),
            None => true,
        };
        if knows_better {
            self.open.entry(token).or_default().push(one);
        }
    }

    /// A call with an access token.
    fn present(&mut self, token: &'a str, one: &'a Seen) {
        if let Some(old) = self.predecessors.get(token) {
            let used = self.replaced.entry(old).or_default();
            used.get_or_insert(one.id);
        }
    }

    /// A refresh has replaced an access token.
    fn replace(&mut self, old: &'a str, new: &'a str) {
        self.predecessors.insert(new, old);
        self.replaced.insert(old, None);
    }

    /// The app gets new tokens, for one person where it says so: what was refused before is settled, unless it was refused
    /// too often.
    fn settle(&mut self, history: &History, one: &'a Seen) {
        let mender = mender(history, one);
        let limit = if one.call == Call::Refresh {
            IN_A_ROW
        } else {
            AGAIN
        };
        let ignored = &mut self.ignored;
        self.open.retain(|token, calls| {
            let person = person(history, token);
            let is_other = mender.is_some() && person.is_some() && mender != person;
            if !is_other && most_on_one_connection(calls) >= limit {
                ignored.extend(rounds(calls));
            }
            is_other
        });
    }

    /// The refusals that the app should have heeded.
    fn end(mut self) -> Vec<u64> {
        for calls in self.open.into_values() {
            let all = rounds(&calls);
            if most_on_one_connection(&calls) >= AGAIN || all.len() >= IN_A_ROW {
                self.ignored.extend(all);
            }
        }
        self.ignored
    }
}

/// What one person's new tokens settle, they do not settle for another.
fn kept(history: &History) -> Option<Sight> {
    let mut refusals = Refusals::default();
    for one in &history.seen {
        match one.call {
            Call::Authorize
            | Call::Code
            | Call::Refresh
            | Call::ClientCredentials
            | Call::Poll
            | Call::Device => {
                refusals.settle(history, one);
                if let Some((old, new)) =
                    replaced_by(history, one).zip(one.answered("access_token"))
                {
                    refusals.replace(old, new);
                }
            }
            _ => {
                let Some(token) = one.bearer() else {
                    continue;
                };
                if one.is_unauthorized() && !one.is_lost {
                    refusals.refuse(token, one);
                } else {
                    refusals.present(token, one);
                }
            }
        }
    }
    Sight::of(refusals.end(), |many| {
        format!("went on presenting an access token after its refusal: {many} times")
    })
}

/// Whom a token was issued for, as far as its birth was seen.
fn person(history: &History, token: &str) -> Option<i64> {
    history.seen.get(history.birth(token)?.by)?.user
}

/// The access token that this refresh has replaced.
fn replaced_by<'a>(history: &'a History, one: &Seen) -> Option<&'a str> {
    let birth = history.birth(one.param("refresh_token")?)?;
    history.seen.get(birth.by)?.answered("access_token")
}

/// For whom a sign-in or a refresh brings new tokens; nobody where it does not say so.
fn mender(history: &History, one: &Seen) -> Option<i64> {
    let refreshed = || person(history, one.param("refresh_token")?);
    one.user.or_else(refreshed)
}

/// Those who were asked while another was under way, or again because the answer was broken, count once.
fn userinfo(history: &History) -> Option<Sight> {
    let mut asked: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for (one, token) in uses(history) {
        let is_asked = one.call == Call::Userinfo && one.method == "GET";
        // A broken answer is rightly asked for again.
        if is_asked && one.is_success() && !one.is_faulty {
            let calls = asked.entry(token).or_default();
            if calls.last().is_none_or(|last| one.after >= last.id) {
                calls.push(one);
            }
        }
    }
    let within_a_minute = |some: &[&Seen]| (1..MINUTE).contains(&(some[OFTEN - 1].at - some[0].at));
    let is_often =
        |calls: &Vec<&Seen>| calls.len() >= MANY || calls.windows(OFTEN).any(within_a_minute);
    let often = asked.into_values().filter(is_often).flatten();
    Sight::of(often.map(|one| one.id).collect(), |many| {
        format!(
            "asked userinfo {many} times with the same access tokens: {MANY} times with one, or {OFTEN} within a minute"
        )
    })
}

fn expires_in(history: &History) -> Option<Sight> {
    let late = uses(history).filter_map(|(one, token)| {
        let (age, life) = history.age(token, one.at)?;
        (one.is_unauthorized() && !one.is_faulty && age >= life).then_some((one.id, age - life))
    });
    let (requests, late): (Vec<u64>, Vec<i64>) = late.unzip();
    let latest = late.into_iter().max().unwrap_or_default();
    Sight::of(requests, |many| {
        let late = latest / 1000;
        format!(
            "presented an access token after it had run out {}, {late} s late at the most",
            times(many)
        )
    })
}

fn no_revoke(history: &History) -> Option<Sight> {
    if history.calls(Call::Revoke).next().is_some() {
        return None;
    }
    let mut sign_ins: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for (_, one) in history
        .calls(Call::Code)
        .filter(|(_, one)| one.is_success())
    {
        if let Some(user) = one.user {
            sign_ins.entry(user).or_default().push(one.id);
        }
    }
    let again = sign_ins.into_values().filter(|ids| ids.len() > 1);
    Sight::of(again.flatten().collect(), |many| {
        format!(
            "was signed in to {many} times by people who had been there before, and never revoked a token"
        )
    })
}
