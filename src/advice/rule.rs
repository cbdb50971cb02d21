//! The types of a rule and of a violation.

use super::call::ObservedCall;
use super::history::History;
use super::severity::Severity;

/// The most requests that a violation lists: the newest.
pub(crate) const MAX_REQUESTS: usize = 20;

/// One rule of the linter.
pub(crate) struct AdviceRule {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// The reason to avoid the mistake.
    pub(crate) rationale: &'static str,
    /// The fix.
    pub(crate) fix: &'static str,
    /// A link to the specification or documentation.
    pub(crate) source: &'static str,
    /// Looks for the mistake in the calls of one app.
    pub(crate) check: fn(&History) -> Option<Violation>,
}

/// Declares rules, and an array of them. A row has the name, the id, the severity and the check.
macro_rules! advice_rules {
    ($all:ident { $(
        $(#[$doc:meta])*
        $name:ident $id:literal $severity:ident $check:ident {
            rationale: $rationale:literal,
            fix: $fix:literal,
            source: $source:literal,
        }
    )* }) => {
        $(
            $(#[$doc])*
            pub(crate) const $name: crate::advice::rule::AdviceRule = crate::advice::rule::AdviceRule {
                id: $id,
                severity: crate::advice::severity::Severity::$severity,
                rationale: $rationale,
                fix: $fix,
                source: $source,
                check: $check,
            };
        )*

        /// The rules of this file.
        pub(crate) const $all: &[crate::advice::rule::AdviceRule] = &[$($name),*];
    };
}

pub(crate) use advice_rules;

/// A mistake that a rule found, and the requests that show it.
pub(crate) struct Violation {
    pub(crate) summary: String,
    pub(crate) requests: Vec<u64>,
}

impl Violation {
    /// A violation shown by these requests, or `None` without requests. `summary` gets their number.
    pub(crate) fn new(
        mut requests: Vec<u64>,
        summary: impl FnOnce(usize) -> String,
    ) -> Option<Self> {
        requests.sort_unstable();
        requests.dedup();
        let count = requests.len();
        (count > 0).then(|| {
            requests.drain(..count.saturating_sub(MAX_REQUESTS));
            Self {
                summary: summary(count),
                requests,
            }
        })
    }

    /// A violation shown by these calls: `did`, and how often.
    pub(crate) fn repeated<'a>(
        calls: impl IntoIterator<Item = &'a ObservedCall>,
        did: &str,
    ) -> Option<Self> {
        let requests = calls.into_iter().map(|call| call.id).collect();
        Self::new(requests, |count| format!("{did} {}", times(count)))
    }
}

/// `once`, `twice`, or `N times`.
pub(crate) fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}
