//! Operations on spends: the buzz that apps spent, and the state of their budgets.

use serde::{Deserialize, Serialize};

use super::consents::Deleted;
use super::error::{ControlError, ControlResult};
use super::grant_filter::GrantFilter;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::TooManyReaders;
use crate::sandbox::spending::{self, SpendView};
use crate::store::GrantTable;

/// `{"spends":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SpendList {
    pub(crate) spends: Vec<SpendView>,
}

/// The user and the client whose absolute budgets are reset.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ResetBudgets")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetBudgets {
    pub(crate) user: UserRef,
    pub(crate) client_id: String,
}

/// The number of spends that no longer count.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct BudgetResetCount {
    pub(crate) reset: u64,
}

impl Sandbox {
    /// The spends and budgets of each user and client that has any.
    pub(crate) async fn list_spends(&self, filter: GrantFilter) -> ControlResult<SpendList> {
        let filter = self.resolve_grant_filter(filter)?;
        let spends = spending::list(self, filter.as_store_filter()).await;
        let spends = spends.map_err(|TooManyReaders| {
            let error = Invalid::new("", spending::BUSY);
            ControlError::Busy(error.with_hint("retry in one second"))
        })?;
        Ok(SpendList { spends })
    }

    /// Deletes spends: budgets are free again, accounts do not change.
    pub(crate) async fn delete_spends(&self, filter: GrantFilter) -> ControlResult<Deleted> {
        let filter = self.resolve_grant_filter(filter)?;
        let deleted = self
            .data()
            .delete_grants(&[GrantTable::Spends], filter.as_store_filter())
            .await?;
        Ok(Deleted { deleted })
    }

    /// Resets the absolute budgets of a user and client. Periodic budgets do not change.
    pub(crate) async fn reset_budgets(
        &self,
        budgets: ResetBudgets,
    ) -> ControlResult<BudgetResetCount> {
        let user = self.user(&budgets.user, "user")?;
        let client = self.client_named(&budgets.client_id)?;
        let reset = self
            .data()
            .reset_absolute_budgets(user.id, &client.id)
            .await?;
        Ok(BudgetResetCount { reset })
    }
}
