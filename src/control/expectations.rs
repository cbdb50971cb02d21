//! Expectations of the journal: what a filter must match, and how often.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::filter::{Filter, filter_builder, flatten_filter};
use crate::invalid::Invalid;
use crate::model::builder::builder;
use crate::model::user::UserRef;
use crate::protocol::{endpoint::Endpoint, grant_type::GrantType, method::HttpMethod};

/// The expected number of requests that match a filter; by default at least one.
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
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(with = "Keys", rename = "Expectation")
)]
#[serde(from = "Keys")]
pub struct Expect {
    pub(super) filter: Filter,
    times: Option<usize>,
    at_least: Option<usize>,
    at_most: Option<usize>,
    pub(super) in_order: bool,
}

flatten_filter! {
    Keys for Expect {
        /// Exactly this number.
        times: Option<usize>,
        at_least: Option<usize>,
        at_most: Option<usize>,
        /// One of the requests came after the first match of the previous expectation.
        in_order: bool,
    }
}

filter_builder!(Expect, filter);

impl Expect {
    /// No request.
    #[must_use]
    pub fn never(self) -> Self {
        self.times(0)
    }

    /// Checks that a number can meet the expectation.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let bounds = [("at_least", self.at_least), ("at_most", self.at_most)];
        let given = bounds
            .iter()
            .find_map(|(key, bound)| Some((key, (*bound)?)));
        if let (Some(times), Some((key, bound))) = (self.times, given) {
            let message = format!("times {times} and {key} {bound} are both given");
            return Err(Invalid::new("times", message).with_hint(format!("omit times or {key}")));
        }
        if let (Some(least), Some(most)) = (self.at_least, self.at_most)
            && least > most
        {
            let message = format!("at_least {least} is greater than at_most {most}");
            return Err(
                Invalid::new("at_least", message).with_hint("lower at_least or raise at_most")
            );
        }
        Ok(())
    }

    /// Whether more requests than `found` could change the result.
    pub(super) fn depends_on_more(&self, found: usize) -> bool {
        match (self.times, self.at_least, self.at_most) {
            (Some(most), _, _) => found <= most,
            (None, at_least, Some(most)) => {
                found <= most || at_least.is_some_and(|least| found < least)
            }
            (None, at_least, None) => found < at_least.unwrap_or(1),
        }
    }

    /// The difference between the expected number and `found`.
    pub(super) fn differs(&self, found: usize) -> Option<String> {
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
        Some(format!("expected {wanted}, found {found}"))
    }
}

builder! { Expect {
    /// Exactly this number.
    times(times: usize) { times = Some(times) }
    /// At least this number.
    at_least(least: usize) { at_least = Some(least) }
    /// At most this number.
    at_most(most: usize) { at_most = Some(most) }
    /// One of the requests came after the first match of the previous expectation.
    in_order() { in_order = true }
} }

/// A list of expectations of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    pub(super) expectations: Vec<Expect>,
    pub(super) in_order: bool,
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
