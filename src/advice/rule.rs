//! The form of a rule, and of what its check returns.

use super::history::History;
use super::severity::Severity;

/// So many of the exchanges that show it are named by a finding: the newest.
const NAMED: usize = 20;

/// One thing to look for.
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// Why it matters.
    pub(crate) why: &'static str,
    /// What to do about it.
    pub(crate) mend: &'static str,
    /// Where it is written: a link.
    pub(crate) source: &'static str,
    /// What one app's exchanges show of it, if anything.
    pub(crate) look: fn(&History) -> Option<Sight>,
}

/// What was seen, and in which exchanges.
pub(crate) struct Sight {
    pub(crate) summary: String,
    pub(crate) requests: Vec<u64>,
}

impl Sight {
    /// Nothing where there are none; else what is said of so many.
    pub(crate) fn of(
        mut requests: Vec<u64>,
        summary: impl FnOnce(usize) -> String,
    ) -> Option<Self> {
        requests.sort_unstable();
        requests.dedup();
        let many = requests.len();
        (many > 0).then(|| {
            requests.drain(..many.saturating_sub(NAMED));
            Self {
                summary: summary(many),
                requests,
            }
        })
    }
}

/// `once`, `twice`, or so many times.
pub(crate) fn times(many: usize) -> String {
    match many {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}
