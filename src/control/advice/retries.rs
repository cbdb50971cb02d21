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

/// A clock that stands still tells no time: what came at one and the same moment says nothing.
fn ignored(history: &History) -> Option<Sight> {
    let mut early = Vec::new();
    for (before, at) in repetitions(history) {
        let (before, one) = (&history.seen[before], &history.seen[at]);
        let wait = before.retry_after.unwrap_or(SHORTEST_WAIT);
        let gap = one.at - before.at;
        if before.status == Some(429) && gap > 0 && gap < wait - wait / 10 {
            early.push((before, one));
        }
    }
    Sight::of(deliberate(early), |many| {
        format!(
            "sent the same again after a 429, before it was time, {}",
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

fn funds(history: &History) -> Option<Sight> {
    let mut again = Vec::new();
    for (before, at) in repetitions(history) {
        let (before, one) = (&history.seen[before], &history.seen[at]);
        let is_again = before.is_without_funds() && one.is_without_funds();
        if is_again && (0..HASTY).contains(&(one.at - before.at)) {
            again.push((before, one));
        }
    }
    Sight::of(deliberate(again), |many| {
        format!(
            "ordered the same again although there was too little buzz, {}",
            times(many)
        )
    })
}
