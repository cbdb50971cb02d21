//! Remembered consents: one covers every narrower request.

use crate::model::buzz::BuzzLimit;
use crate::protocol::scope::Scope;

/// The scope that a user allows a client without being asked again, and its budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    /// Empty if only a budget is stored: then the page is shown again.
    pub(crate) scope: Scope,
    pub(crate) buzz_limit: Option<BuzzLimit>,
}

/// The parts of a consent that an approval sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    /// The scope to remember, if the user chose that; it replaces an earlier one.
    pub(crate) remember: Option<Scope>,
    /// The budget to store; `None` leaves the earlier one.
    pub(crate) buzz_limit: Option<Option<BuzzLimit>>,
}

impl Consent {
    /// Whether the consent page can be skipped for this scope.
    pub(crate) fn covers(&self, scope: Scope) -> bool {
        self.scope.covers(scope)
    }
}

impl Approval {
    /// Whether it sets anything.
    pub(crate) fn has_effect(&self) -> bool {
        self.remember.is_some() || self.buzz_limit.is_some()
    }
}
