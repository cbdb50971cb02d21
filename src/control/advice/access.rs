//! How does the app use an access token, and does it give it back?

use std::collections::{BTreeMap, HashSet};

use super::history::History;
use super::seen::{Call, Seen, rounds};
use super::{Rule, Severity, Sight, times};

pub(super) const RULES: &[Rule] = &[
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
        mend: "at sign-out, send the refresh token to /revoke with client_id and client_secret; Civitai answers 200 whatever happens, and \
               a public app has no say there: tell the person of /user/account",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2",
        look: no_revoke,
    },
];

/// So many refusals, each known before the next call, are more than an accident; and so many where the calls came so
/// quickly that they may have been on their way together.
const AGAIN: usize = 3;
const IN_A_ROW: usize = 10;

/// As long as an app may take to refresh, while it goes on calling; in milliseconds.
const MENDING: i64 = 250;

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

/// Whoever mends it by a refresh or a new sign-in is accused only of what came before with pauses: calls that were on
/// their way are refused together, and seldom look as if they were. What mends it for one person mends nothing for others.
fn kept(history: &History) -> Option<Sight> {
    let mut refusals: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    let (mut requests, mut replaced) = (Vec::new(), HashSet::new());
    for one in &history.seen {
        match one.call {
            Call::Authorize
            | Call::Code
            | Call::Refresh
            | Call::ClientCredentials
            | Call::Poll
            | Call::Device => {
                let mender = mender(history, one);
                if one.is_success() {
                    replaced.extend(refusals.keys().copied());
                    replaced.extend(replaced_by(history, one));
                }
                refusals.retain(|token, calls| {
                    let person = person(history, token);
                    let is_other = mender.is_some() && person.is_some() && mender != person;
                    if !is_other {
                        let paused = rounds(calls, MENDING);
                        if paused.len() >= AGAIN {
                            requests.extend(paused);
                        }
                    }
                    is_other
                });
            }
            _ if one.is_unauthorized() && !one.is_lost => {
                if let Some(token) = one.bearer() {
                    refusals.entry(token).or_default().push(one);
                }
            }
            _ => {}
        }
    }
    for (token, calls) in refusals {
        let (paused, quick) = (rounds(&calls, MENDING), rounds(&calls, 0));
        // Of calls that stood in a queue while the token was replaced, the pauses tell.
        let is_loop = quick.len() >= IN_A_ROW && !replaced.contains(token);
        if paused.len() >= AGAIN || is_loop {
            requests.extend(quick);
        }
    }
    Sight::of(requests, |many| {
        format!(
            "went on presenting an access token that was refused: {many} times, without a refresh in between"
        )
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
