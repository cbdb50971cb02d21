//! Remembered consents: one covers every narrower request.

use crate::model::buzz::BuzzLimit;
use crate::protocol::scope::Scope;

/// What one user allows one client without being asked again, and how much it may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    /// Empty if only a budget is stored: then the page is shown again.
    pub(crate) scope: Scope,
    pub(crate) buzz_limit: Option<BuzzLimit>,
}

/// What an approval leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    /// The scope to remember, where the user asked for that; it replaces what was remembered.
    pub(crate) remember: Option<Scope>,
    /// The budget to keep from now on; `None` where the approval said nothing of it.
    pub(crate) buzz_limit: Option<Option<BuzzLimit>>,
}

impl Consent {
    /// Whether the page need not be shown for this scope.
    pub(crate) fn covers(&self, scope: Scope) -> bool {
        self.scope.covers(scope)
    }
}

impl Approval {
    /// Whether there is anything to keep.
    pub(crate) fn leaves_something(&self) -> bool {
        self.remember.is_some() || self.buzz_limit.is_some()
    }
}
