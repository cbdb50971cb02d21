//! Rules about retries: rate limits, temporary failures, and missing funds.

use std::collections::HashMap;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, MIN_REACTION_MS, ObservedCall};
use crate::protocol::endpoint::Endpoint;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "rate-limit-ignored",
        severity: Severity::Warning,
        rationale: "what is refused counts, too: an app that goes on asking stays locked out",
        fix: "after a 429 wait for as long as Retry-After says, or for the minute to pass",
        source: "https://www.rfc-editor.org/rfc/rfc6585#section-4",
        check: rate_limit_ignored,
    },
    Rule {
        id: "retry-without-backoff",
        severity: Severity::Warning,
        rationale: "a server that is down is kept down by all the apps that ask again at once",
        fix: "wait twice as long before each further try, with some chance in it, and give up in the end",
        source: "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4",
        check: retry_without_backoff,
    },
    Rule {
        id: "funds-retried",
        severity: Severity::Warning,
        rationale: "no retry brings buzz: it takes the person, or the next period of their cap",
        fix: "treat \"enough funds\" as final, whatever the status – 400 as documented, 403 on the deployed server – and say \
               so to the person",
        source: "https://developer.civitai.com/site/oauth",
        check: funds_retried,
    },
];

/// The wait after a 429 response without `Retry-After`.
const DEFAULT_WAIT_MS: i64 = 1000;

/// The fewest retries that show whether there is a backoff.
const MIN_RETRIES: usize = 3;

/// Retries with a shorter pause on average have no backoff.
const MIN_PAUSE_MS: i64 = 20;

/// Retries with a pause of at least this have a backoff.
const LONG_PAUSE_MS: i64 = 1000;

/// The time for an app to read a 429 response while further requests are queued.
const QUEUE_GRACE_MS: i64 = 250;

/// A request that comes again after a longer time is not a retry.
const MAX_RETRY_PAUSE_MS: i64 = 60_000;

/// A faster second order was not made by a person who read the error.
const MIN_HUMAN_PAUSE_MS: i64 = 5000;

/// Each call that repeats an earlier one exactly: the indices of both. Of several parallel calls, each is followed once,
/// the oldest first, so that each caller has a chain of its own. Navigations are left out: browsers reload.
fn repetitions(history: &History) -> Vec<(usize, usize)> {
    let mut open: HashMap<(Endpoint, &str, Option<&str>), Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (at, call) in history.calls.iter().enumerate() {
        if matches!(call.kind, CallKind::Authorize | CallKind::Other) {
            continue;
        }
        let open = open.entry(call.dedup_key()).or_default();
        // Later repetitions are not retries.
        let is_fresh = |before: &usize| call.at - history.calls[*before].at < MAX_RETRY_PAUSE_MS;
        if open.len() > 1 {
            open.retain(is_fresh);
        }
        let is_followed = |before: &usize| {
            let before = &history.calls[*before];
            call.can_know_response_of(before) && call.repeats(before)
        };
        if let Some(place) = open.iter().position(is_followed) {
            found.push((open.remove(place), at));
        }
        open.push(at);
    }
    found
}

/// The later call of each pair. Calls less than [`MIN_REACTION_MS`] apart may be parallel; a few of those are left out.
fn deliberate(pairs: Vec<(&ObservedCall, &ObservedCall)>) -> Vec<u64> {
    let (quick, slow): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(before, call)| call.at - before.at < MIN_REACTION_MS);
    let counts = quick.len() >= MIN_RETRIES;
    let all = slow.into_iter().chain(quick.into_iter().filter(|_| counts));
    all.map(|(_, call)| call.id).collect()
}

/// Whether a call came after that 429 response, but before the wait had passed.
fn is_too_soon(refused: &ObservedCall, call: &ObservedCall) -> bool {
    let wait = refused.retry_after.unwrap_or(DEFAULT_WAIT_MS);
    let pause = call.pause_after(refused);
    let is_early = pause.is_some_and(|pause| pause < wait - wait / 10);
    refused.status == Some(429) && call.after >= refused.id && is_early
}

/// Requests that were rate-limited again before the wait had passed, each with the first 429 response. Requests within
/// [`QUEUE_GRACE_MS`] may have been queued and do not count. Fewer than [`MIN_RETRIES`] are ignored: they may be of
/// independent users. A success ends the run.
fn locked_out(history: &History) -> Vec<(&ObservedCall, &ObservedCall)> {
    // By endpoint and user: the first 429 response, and the later ones.
    let mut limits: HashMap<(Endpoint, Option<i64>), (&ObservedCall, Vec<_>)> = HashMap::new();
    let mut ended = Vec::new();
    for call in &history.calls {
        // Authorizations are limited for each user.
        let person = call.user.filter(|_| call.kind == CallKind::Authorize);
        let limit = (call.endpoint, person);
        let known = limits.remove(&limit);
        if call.status != Some(429) {
            ended.extend(known);
            continue;
        }
        let (first, mut run) = match known {
            Some((first, run)) if is_too_soon(first, call) || call.after < first.id => (first, run),
            // The wait has passed: a new run.
            other => {
                ended.extend(other);
                (call, Vec::new())
            }
        };
        // By the sandbox's clock alone, so that a slow machine makes no difference.
        if call.at - first.at >= QUEUE_GRACE_MS {
            run.push((first, call));
        }
        limits.insert(limit, (first, run));
    }
    let all = ended.into_iter().chain(limits.into_values());
    let runs = all.map(|(_, run)| run);
    runs.filter(|run| run.len() >= MIN_RETRIES)
        .flatten()
        .collect()
}

fn rate_limit_ignored(history: &History) -> Option<Violation> {
    let pairs = repetitions(history).into_iter();
    let pairs = pairs.map(|(before, at)| (&history.calls[before], &history.calls[at]));
    let again = pairs.filter(|(before, call)| is_too_soon(before, call));
    let early = again.chain(locked_out(history)).collect();
    Violation::new(deliberate(early), |count| {
        format!(
            "asked again after a 429, before it was time, {}",
            times(count)
        )
    })
}

/// The runs of repeated requests in which each call and the next satisfy the condition.
fn runs(
    history: &History,
    is_linked: impl Fn(&ObservedCall, &ObservedCall) -> bool,
) -> Vec<Vec<&ObservedCall>> {
    let mut runs: Vec<Vec<&ObservedCall>> = Vec::new();
    let mut ends: HashMap<usize, usize> = HashMap::new();
    for (before, at) in repetitions(history) {
        let (earlier, call) = (&history.calls[before], &history.calls[at]);
        if !is_linked(earlier, call) {
            continue;
        }
        let run = ends.remove(&before).unwrap_or_else(|| {
            runs.push(vec![earlier]);
            runs.len() - 1
        });
        runs[run].push(call);
        ends.insert(at, run);
    }
    runs
}

/// Whether the pauses of a run are very short, or short and equal. The pauses of a backoff grow, or have jitter.
fn is_hurried(run: &[&ObservedCall]) -> bool {
    let pause = |pair: &[&ObservedCall]| {
        let told = pair[1].pause_after(pair[0]);
        told.unwrap_or(pair[1].at - pair[0].at)
    };
    let pauses: Vec<i64> = run.windows(2).map(pause).collect();
    let (Some(shortest), Some(longest)) = (pauses.iter().min(), pauses.iter().max()) else {
        return false;
    };
    let tells_time = *shortest >= 0 && *longest > 0;
    let is_steady = *longest < LONG_PAUSE_MS && *longest <= shortest + shortest / 4;
    let over: i64 = pauses.iter().map(|pause| pause - MIN_PAUSE_MS).sum();
    let is_hammering = over < 0;
    pauses.len() >= MIN_RETRIES && tells_time && (is_steady || is_hammering)
}

fn retry_without_backoff(history: &History) -> Option<Violation> {
    let runs = runs(history, |before, _| before.is_temporary_failure());
    let hurried = runs.iter().filter(|run| is_hurried(run));
    let requests = hurried.flatten().map(|call| call.id).collect();
    Violation::new(requests, |count| {
        format!(
            "sent the same again and again while it failed, without waiting longer: {count} requests"
        )
    })
}

/// A person may have pressed the button again after [`MIN_HUMAN_PAUSE_MS`], but not three times.
fn funds_retried(history: &History) -> Option<Violation> {
    let refused = runs(history, |before, call| {
        before.is_without_funds() && call.is_without_funds()
    });
    let again = refused.iter().flat_map(|run| {
        let pairs = run.windows(2).map(|pair| (pair[0], pair[1]));
        let is_long = run.len() > MIN_RETRIES;
        pairs.filter(move |(before, call)| {
            is_long || (0..MIN_HUMAN_PAUSE_MS).contains(&(call.at - before.at))
        })
    });
    Violation::new(deliberate(again.collect()), |count| {
        format!(
            "ordered the same again although there was too little buzz, {}",
            times(count)
        )
    })
}
