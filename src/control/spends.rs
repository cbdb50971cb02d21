//! Spends by control call: what apps have spent of users' buzz, and how the budgets stand that users gave them.

use serde::{Deserialize, Serialize};

use super::consents::Deleted;
use super::error::{ControlError, ControlResult};
use super::owner_filter::OwnerFilter;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::TooManyReaders;
use crate::sandbox::spending::{self, Spent};
use crate::store::Held;

/// `{"spends":[…]}`.
#[derive(Debug, Serialize)]
pub(crate) struct SpendList {
    pub(crate) spends: Vec<Spent>,
}

/// One user and one client.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetOwner {
    pub(crate) user: UserRef,
    pub(crate) client_id: String,
}

/// How many spends no longer count.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Reset {
    pub(crate) reset: u64,
}

impl Sandbox {
    /// What every app that has a budget or has spent anything stands at, by user and client.
    pub(crate) async fn list_spends(&self, whose: OwnerFilter) -> ControlResult<SpendList> {
        let whose = self.resolve_owner(whose)?;
        let spends = spending::list(self, whose.as_key()).await;
        let spends = spends.map_err(|TooManyReaders| {
            let error = Invalid::new("", spending::BUSY);
            ControlError::Busy(error.with_hint("call again in a second"))
        })?;
        Ok(SpendList { spends })
    }

    /// Forgets what was spent: budgets have room again, accounts are as they are.
    pub(crate) async fn delete_spends(&self, whose: OwnerFilter) -> ControlResult<Deleted> {
        let whose = self.resolve_owner(whose)?;
        let deleted = self
            .store
            .delete_held(self.world(), &[Held::Spends], whose.as_key())
            .await?;
        Ok(Deleted { deleted })
    }

    /// Starts the absolute budgets of a user's app anew. Those that begin anew by themselves go on.
    pub(crate) async fn reset_budgets(&self, grant: BudgetOwner) -> ControlResult<Reset> {
        let user = self.user(&grant.user, "user")?;
        let client = self.client_named(&grant.client_id)?;
        let reset = self
            .store
            .forgive_spends(self.world(), (user.id, &client.id))
            .await?;
        Ok(Reset { reset })
    }
}
