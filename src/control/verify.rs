//! Expectations of the journal, and messages about the differences.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::{ControlError, ControlResult};
use super::filter::{Filter, JournalSearch, filter_builder, flatten_filter};
use super::users::as_json;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::protocol::{endpoint::Endpoint, grant_type::GrantType, method::Method};
use crate::redact::redact;
use crate::sandbox::Sandbox;

/// The expected number of exchanges that match a filter; by default at least one.
///
/// ```
/// use civitai_oauth_mock::control::{Endpoint, Expect, GrantType};
///
/// let expected = [
///     Expect::endpoint(Endpoint::Token).refresh_token().times(1),
///     Expect::endpoint(Endpoint::Userinfo).at_least(1).at_most(3).in_order(),
///     Expect::any().grant_type(GrantType::Password).never(),
/// ];
/// # let _ = expected;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Keys")]
pub struct Expect {
    filter: Filter,
    times: Option<usize>,
    at_least: Option<usize>,
    at_most: Option<usize>,
    in_order: bool,
}

flatten_filter! {
    Keys {
        times: Option<usize>,
        at_least: Option<usize>,
        at_most: Option<usize>,
        in_order: bool,
    }
}

impl From<Keys> for Expect {
    fn from(keys: Keys) -> Self {
        Self {
            filter: keys.filter(),
            times: keys.times,
            at_least: keys.at_least,
            at_most: keys.at_most,
            in_order: keys.in_order,
        }
    }
}

impl From<Filter> for Expect {
    fn from(filter: Filter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }
}

filter_builder!(Expect, filter);

impl Expect {
    /// Exactly this number.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// No exchange.
    #[must_use]
    pub fn never(self) -> Self {
        self.times(0)
    }

    /// At least this number.
    #[must_use]
    pub fn at_least(mut self, least: usize) -> Self {
        self.at_least = Some(least);
        self
    }

    /// At most this number.
    #[must_use]
    pub fn at_most(mut self, most: usize) -> Self {
        self.at_most = Some(most);
        self
    }

    /// One of the exchanges came after the first match of the previous expectation.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Checks that a number can meet the expectation.
    fn check(&self) -> Result<(), Invalid> {
        let bounds = [("at_least", self.at_least), ("at_most", self.at_most)];
        let given = bounds
            .iter()
            .find_map(|(key, bound)| Some((key, (*bound)?)));
        if let (Some(times), Some((key, bound))) = (self.times, given) {
            let message = format!("times {times} and {key} {bound} are both given");
            return Err(
                Invalid::new("times", message).with_hint(format!("leave times or {key} out"))
            );
        }
        if let (Some(least), Some(most)) = (self.at_least, self.at_most)
            && least > most
        {
            let message = format!("at_least {least} is more than at_most {most}");
            return Err(Invalid::new("at_least", message).with_hint("no number is both"));
        }
        Ok(())
    }

    /// Whether more exchanges than `found` could change the result.
    fn depends_on_more(&self, found: usize) -> bool {
        match (self.times, self.at_least, self.at_most) {
            (Some(most), _, _) => found <= most,
            (None, at_least, Some(most)) => {
                found <= most || at_least.is_some_and(|least| found < least)
            }
            (None, at_least, None) => found < at_least.unwrap_or(1),
        }
    }

    /// The difference between the expected number and `found`.
    fn differs(&self, found: usize) -> Option<String> {
        let (times, at_least, at_most) = (self.times, self.at_least, self.at_most);
        let at_least = at_least.or(times.or(at_most).is_none().then_some(1));
        let wanted = if let Some(times) = times.filter(|times| *times != found) {
            format!("{times}")
        } else if let Some(least) = at_least.filter(|least| found < *least) {
            format!("at least {least}")
        } else if let Some(most) = at_most.filter(|most| found > *most) {
            format!("at most {most}")
        } else {
            return None;
        };
        Some(format!("expected {wanted}, came {found}"))
    }
}

/// A list of expectations of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    expectations: Vec<Expect>,
    in_order: bool,
}

impl Expectations {
    /// Expectations whose matches came in this order.
    ///
    /// ```
    /// use civitai_oauth_mock::control::{Endpoint, Expect, Expectations};
    ///
    /// let sign_in = Expectations::in_order([
    ///     Expect::endpoint(Endpoint::Authorize),
    ///     Expect::endpoint(Endpoint::Token).authorization_code(),
    /// ]);
    /// # let _ = sign_in;
    /// ```
    pub fn in_order(expectations: impl IntoIterator<Item = Expect>) -> Self {
        Self {
            expectations: expectations.into_iter().collect(),
            in_order: true,
        }
    }
}

impl From<Vec<Expect>> for Expectations {
    fn from(expectations: Vec<Expect>) -> Self {
        Self {
            expectations,
            in_order: false,
        }
    }
}

impl<const N: usize> From<[Expect; N]> for Expectations {
    fn from(expectations: [Expect; N]) -> Self {
        Self::from(Vec::from(expectations))
    }
}

impl From<Expect> for Expectations {
    fn from(expectation: Expect) -> Self {
        Self::from([expectation])
    }
}

impl<'de> Deserialize<'de> for Expectations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectationsVisitor)
    }
}

/// Reads a list of expectations, or `{"expectations","in_order"}`.
struct ExpectationsVisitor;

impl<'de> Visitor<'de> for ExpectationsVisitor {
    type Value = Expectations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of expectations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Expectations, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Expectations::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectations, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            expectations: Vec<Expect>,
            #[serde(default)]
            in_order: bool,
        }
        let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Expectations {
            expectations: keys.expectations,
            in_order: keys.in_order,
        })
    }
}

/// The response if all expectations are met.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Verified {
    verified: bool,
}

/// The most expectations of one call. The matches of an exchange are stored as bits of a `u128`.
const MAX_EXPECTATIONS: usize = 100;

/// An exchange with the expectations that it matches.
#[derive(Debug, Clone, Copy)]
struct Matched {
    id: u64,
    expectations: u128,
}

/// The exchanges that match an expectation.
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

/// Checks expectations without the journal. Errors: too many of them, or one that no number of exchanges meets.
fn check(expectations: &[Expect]) -> Result<(), Invalid> {
    let count = expectations.len();
    if count > MAX_EXPECTATIONS {
        let message = format!("{count} expectations; one call takes at most {MAX_EXPECTATIONS}");
        return Err(Invalid::new("expectations", message).with_hint("send them in several calls"));
    }
    let mut checked = expectations.iter().enumerate();
    checked.try_for_each(|(at, expectation)| expectation.check().map_err(|error| under(at, error)))
}

impl Sandbox {
    /// Checks the journal against expectations. Errors: what differs, in words.
    pub(crate) async fn verify(&self, asked: Expectations) -> ControlResult<Verified> {
        check(&asked.expectations)?;
        let _permit = self.journal.readers().search().await?;
        let searches = self.searches(&asked.expectations)?;
        let matched = self.matched(&searches).await;
        // Read after the search, which may have missed exchanges that were evicted meanwhile.
        let dropped = self.journal.dropped();
        let (mut differences, mut before) = (Vec::new(), 0);
        let expected = asked.expectations.into_iter().zip(&searches);
        for (at, (expectation, search)) in expected.enumerate() {
            let in_order = expectation.in_order || asked.in_order;
            let meant = describe(&expectation.filter);
            let found = Matches::new(&matched, at, before);
            // Matches may be among the evicted exchanges, so the result is unknown.
            if search.may_have_matched(dropped) && expectation.depends_on_more(found.count) {
                differences.push(format!(
                    "[{at}] {meant}: came {} of those that are kept, but the oldest {} are no longer kept; raise \
                     --journal or --journal-memory, or expect only what came after request {}",
                    found.count, dropped.count, dropped.last
                ));
            } else if let Some(wrong) = expectation.differs(found.count) {
                differences.push(format!("[{at}] {meant}: {wrong}"));
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
                    "[{at}] {meant}: came as request {first}, before request {before} of the expectation before"
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

    /// The exchanges that match any of the searches: one pass over the journal for all of them.
    async fn matched(&self, searches: &[JournalSearch]) -> Vec<Matched> {
        let mut found = Vec::new();
        let Some(mut last) = searches.iter().map(JournalSearch::after).min() else {
            return found;
        };
        while let page = self.journal.page_after(last)
            && let Some(newest) = page.last()
        {
            for exchange in &page {
                let fitting = searches
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| one.matches(exchange));
                let expectations = fitting.fold(0, |bits, (at, _)| bits | 1_u128 << at);
                if expectations != 0 {
                    let id = exchange.id();
                    found.push(Matched { id, expectations });
                }
            }
            last = newest.id();
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
    let filter = redact(as_json(filter));
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
