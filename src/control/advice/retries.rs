//! What does the app do when it is refused for now?

use std::collections::HashMap;

use super::history::History;
use super::seen::{Call, REACTION, Seen};
use super::{Rule, Severity, Sight, times};
use crate::protocol::call::Endpoint;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "rate-limit-ignored",
        severity: Severity::Warning,
        why: "what is refused counts, too: an app that goes on asking stays locked out",
        mend: "after a 429 wait for as long as Retry-After says, or for the minute to pass",
        source: "https://www.rfc-editor.org/rfc/rfc6585#section-4",
        look: ignored,
    },
    Rule {
        id: "retry-without-backoff",
        severity: Severity::Warning,
        why: "a server that is down is kept down by all the apps that ask again at once",
        mend: "wait twice as long before each further try, with some chance in it, and give up in the end",
        source: "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4",
        look: without_backoff,
    },
    Rule {
        id: "funds-retried",
        severity: Severity::Warning,
        why: "no retry brings buzz: it takes the person, or the next period of their cap",
        mend: "treat \"enough funds\" as final, whatever the status – 400 as documented, 403 on the deployed server – and say \
               so to the person",
        source: "https://developer.civitai.com/site/oauth",
        look: funds,
    },
];

/// Waited after a 429 that does not say how long, at the least; in milliseconds.
const SHORTEST_WAIT: i64 = 1000;

/// So many retries show whether there is a backoff.
const RETRIES: usize = 3;

/// A longest pause that is shorter is none; one that is longer is long enough.
const NO_PAUSE: i64 = 100;
const LONG_PAUSE: i64 = 1000;

/// Nobody reads that there is no buzz and orders again as quickly as this, in milliseconds.
const HASTY: i64 = 5000;

/// Each exchange that asks for the very same thing as the one before it of its kind: both, as indices. Browsers reload.
fn repetitions(history: &History) -> Vec<(usize, usize)> {
    let mut last: HashMap<(Endpoint, &str, Option<&str>), usize> = HashMap::new();
    let mut found = Vec::new();
    for (at, one) in history.seen.iter().enumerate() {
        if matches!(one.call, Call::Authorize | Call::Other) {
            continue;
        }
        if let Some(before) = last.insert(one.gist(), at) {
            let earlier = &history.seen[before];
            if one.after >= earlier.id && one.repeats(earlier) {
                found.push((before, at));
            }
        }
    }
    found
}

/// The later ones of these pairs, but where they came so quickly that they may have been on their way together, and were
/// no more than a few.
fn deliberate(pairs: Vec<(&Seen, &Seen)>) -> Vec<u64> {
    let (quick, slow): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(before, one)| one.at - before.at < REACTION);
    let counts = quick.len() >= RETRIES;
    let all = slow.into_iter().chain(quick.into_iter().filter(|_| counts));
    all.map(|(_, one)| one.id).collect()
}

/// Whether it was sent after that 429, and before it was time. A clock that stands still tells no time: what came at one
/// and the same moment says nothing.
fn is_too_soon(refused: &Seen, one: &Seen) -> bool {
    let wait = refused.retry_after.unwrap_or(SHORTEST_WAIT);
    let gap = one.at - refused.at;
    refused.status == Some(429) && one.after >= refused.id && gap > 0 && gap < wait - wait / 10
}

/// Requests of which each was refused with 429 before it was time since the one before, whatever they asked for: the limit
/// that they met was theirs. Fewer than a few may be of people who do not know of each other.
fn locked_out(history: &History) -> Vec<(&Seen, &Seen)> {
    // By endpoint and person: the one before, and those that were too soon.
    let mut limits: HashMap<(Endpoint, Option<i64>), (&Seen, Vec<_>)> = HashMap::new();
    for one in history.seen.iter().filter(|one| one.status == Some(429)) {
        // Authorizations are counted for each person.
        let person = one.user.filter(|_| one.call == Call::Authorize);
        let limit = limits.entry((one.endpoint, person));
        let (before, run) = limit.or_insert_with(|| (one, Vec::new()));
        if is_too_soon(before, one) {
            run.push((*before, one));
        }
        *before = one;
    }
    let runs = limits.into_values().map(|(_, run)| run);
    runs.filter(|run| run.len() >= RETRIES).flatten().collect()
}

fn ignored(history: &History) -> Option<Sight> {
    let pairs = repetitions(history).into_iter();
    let pairs = pairs.map(|(before, at)| (&history.seen[before], &history.seen[at]));
    let again = pairs.filter(|(before, one)| is_too_soon(before, one));
    let early = again.chain(locked_out(history)).collect();
    Sight::of(deliberate(early), |many| {
        format!(
            "asked again after a 429, before it was time, {}",
            times(many)
        )
    })
}

/// The runs of failures that pass by themselves, each answered with the same request again.
fn runs(history: &History) -> Vec<Vec<&Seen>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut ends: HashMap<usize, usize> = HashMap::new();
    for (before, at) in repetitions(history) {
        if !history.seen[before].is_passing_failure() {
            continue;
        }
        let run = ends.remove(&before).unwrap_or_else(|| {
            runs.push(vec![before]);
            runs.len() - 1
        });
        runs[run].push(at);
        ends.insert(at, run);
    }
    let seen = |run: Vec<usize>| run.into_iter().map(|at| &history.seen[at]).collect();
    runs.into_iter().map(seen).collect()
}

fn is_hurried(run: &[&Seen]) -> bool {
    let gaps: Vec<i64> = run.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // The longest, since a good backoff has some chance in it, and the last pause may be a short one.
    let (Some(first), Some(longest)) = (gaps.first(), gaps.iter().max()) else {
        return false;
    };
    let tells_time = gaps.iter().all(|gap| *gap >= 0) && gaps.iter().any(|gap| *gap > 0);
    let grows = *longest > first + first / 2;
    let is_short = *longest < NO_PAUSE || (*longest < LONG_PAUSE && !grows);
    gaps.len() >= RETRIES && tells_time && is_short
}

fn without_backoff(history: &History) -> Option<Sight> {
    let runs = runs(history);
    let hurried = runs.iter().filter(|run| is_hurried(run));
    let requests = hurried.flatten().map(|one| one.id).collect();
    Sight::of(requests, |many| {
        format!(
            "sent the same again and again while it failed, without waiting longer: {many} requests"
        )
    })
}

/// Of those that came later than in haste, a person may have pressed the button again; not three times.
fn funds(history: &History) -> Option<Sight> {
    let (mut hasty, mut runs) = (Vec::new(), HashMap::<usize, Vec<_>>::new());
    for (at, next) in repetitions(history) {
        let (before, one) = (&history.seen[at], &history.seen[next]);
        if !before.is_without_funds() || !one.is_without_funds() {
            continue;
        }
        if (0..HASTY).contains(&(one.at - before.at)) {
            hasty.push((before, one));
        }
        let mut run = runs.remove(&at).unwrap_or_default();
        run.push((before, one));
        runs.insert(next, run);
    }
    let long = runs.into_values().filter(|run| run.len() >= RETRIES);
    let again = hasty.into_iter().chain(long.flatten()).collect();
    Sight::of(deliberate(again), |many| {
        format!(
            "ordered the same again although there was too little buzz, {}",
            times(many)
        )
    })
}
