//! The check of the journal against expectations, and messages about the differences.

use serde::Serialize;
use serde_json::{Value, json};

use super::error::{ControlError, ControlResult};
use super::expectations::{Expect, Expectations};
use super::filter::{Filter, JournalSearch};
use crate::invalid::Invalid;
use crate::redact::redact;
use crate::sandbox::Sandbox;

/// The response if all expectations are met.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Verified {
    verified: bool,
}

/// The most expectations of one call. The matches of a request are stored as bits of a `u128`.
const MAX_EXPECTATIONS: usize = 100;

/// A request with the expectations that it matches.
#[derive(Debug, Clone, Copy)]
struct Matched {
    id: u64,
    expectations: u128,
}

/// The requests that match an expectation.
#[derive(Debug, Default)]
struct Matches {
    count: usize,
    first: Option<u64>,
    /// The first match after the match of the previous expectation.
    later: Option<u64>,
}

impl Matches {
    fn new(found: &[Matched], expectation: usize, before: u64) -> Self {
        let is_own = |one: &&Matched| one.expectations >> expectation & 1 == 1;
        let own = || found.iter().filter(is_own).map(|one| one.id);
        Self {
            count: own().count(),
            first: own().next(),
            later: own().find(|id| *id > before),
        }
    }
}

/// Checks expectations without the journal. Errors: too many of them, or one that no number of requests meets.
fn check(expectations: &[Expect]) -> Result<(), Invalid> {
    let count = expectations.len();
    if count > MAX_EXPECTATIONS {
        let message =
            format!("{count} expectations; one request accepts at most {MAX_EXPECTATIONS}");
        return Err(
            Invalid::new("expectations", message).with_hint("split them into several requests")
        );
    }
    let mut checked = expectations.iter().enumerate();
    checked.try_for_each(|(at, expectation)| expectation.check().map_err(|error| under(at, error)))
}

impl Sandbox {
    /// Checks the journal against expectations. Errors: what differs, in words.
    pub(crate) async fn verify(&self, expected: Expectations) -> ControlResult<Verified> {
        check(&expected.expectations)?;
        let _permit = self.journal.readers().searches.acquire().await?;
        let searches = self.searches(&expected.expectations)?;
        let matched = self.matched(&searches).await;
        // Read after the search, which may have missed requests that were evicted meanwhile.
        let evicted = self.journal.evicted();
        let (mut differences, mut before) = (Vec::new(), 0);
        let paired = expected.expectations.into_iter().zip(&searches);
        for (at, (expectation, search)) in paired.enumerate() {
            let in_order = expectation.in_order || expected.in_order;
            let meant = describe(&expectation.filter);
            let found = Matches::new(&matched, at, before);
            // Matches may be among the evicted requests, so the result is unknown.
            if search.may_have_matched(evicted) && expectation.depends_on_more(found.count) {
                differences.push(format!(
                    "[{at}] {meant}: found {} in the journal, but its oldest {} requests were removed; raise \
                     --journal or --journal-memory, or expect only requests after {}",
                    found.count, evicted.count, evicted.last
                ));
            } else if let Some(difference) = expectation.differs(found.count) {
                differences.push(format!("[{at}] {meant}: {difference}"));
            }
            let Some(first) = found.first else {
                continue;
            };
            if !in_order {
                before = first;
                continue;
            }
            if found.later.is_none() {
                differences.push(format!(
                    "[{at}] {meant}: found request {first}, which precedes request {before} of the previous expectation"
                ));
            }
            before = found.later.unwrap_or(first);
        }
        if differences.is_empty() {
            return Ok(Verified { verified: true });
        }
        Err(ControlError::Mismatch {
            differences,
            counters: self.journal.counters(),
        })
    }

    /// The searches of expectations. Errors: a filter that cannot match. The check may search the journal.
    fn searches(&self, expectations: &[Expect]) -> ControlResult<Vec<JournalSearch>> {
        let search = |(at, expectation): (usize, &Expect)| {
            let search = self.search(expectation.filter.clone());
            search.map_err(|error| match error {
                ControlError::Invalid(error) => ControlError::Invalid(under(at, error)),
                other => other,
            })
        };
        expectations.iter().enumerate().map(search).collect()
    }

    /// The requests that match any of the searches: one pass over the journal for all of them.
    async fn matched(&self, searches: &[JournalSearch]) -> Vec<Matched> {
        let mut found = Vec::new();
        let Some(mut last) = searches.iter().map(JournalSearch::after).min() else {
            return found;
        };
        while let page = self.journal.page_after(last)
            && let Some(newest) = page.last()
        {
            for request in &page {
                let fitting = searches
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| one.matches(request));
                let expectations = fitting.fold(0, |bits, (at, _)| bits | 1_u128 << at);
                if expectations != 0 {
                    let id = request.id;
                    found.push(Matched { id, expectations });
                }
            }
            last = newest.id;
            // A long search lets other requests run.
            tokio::task::yield_now().await;
        }
        found
    }
}

fn under(at: usize, error: Invalid) -> Invalid {
    let path = format!("[{at}].{}", error.path);
    Invalid { path, ..error }
}

/// `token refresh_token client_id=…`, or `any request`. Secrets are redacted.
fn describe(filter: &Filter) -> String {
    let filter = redact(json!(filter));
    let parts: Vec<String> = filter
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| match (key.as_str(), value) {
            ("endpoint" | "grant_type", Value::String(text)) => text.clone(),
            (key, Value::String(text)) => format!("{key}={text}"),
            (key, other) => format!("{key}={other}"),
        })
        .collect();
    match &parts[..] {
        [] => "any request".to_owned(),
        parts => parts.join(" "),
    }
}
