//! Operations on consents: list, put, delete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ControlResult;
use super::grant_filter::GrantFilter;
use crate::invalid::Invalid;
use crate::model::buzz::{Budget, BuzzLimit};
use crate::model::consent::Consent;
use crate::model::user::UserRef;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::json::scope_text;
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::store::{GrantTable, StoredConsent};

/// A consent to store.
///
/// ```
/// use civitai_oauth_mock::Scope;
/// use civitai_oauth_mock::control::{NewConsent, Budget, Window};
///
/// let budget = Budget::Sliding { limit: 5000, window: Window::Day, unit: 1, currencies: None };
/// let consent = NewConsent::new("ada", "my-app", Scope::AI_SERVICES).buzz_limit([budget]);
/// # let _ = consent;
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    user: UserRef,
    client_id: String,
    scope: ScopeSpec,
    /// The `buzz_limit` of the consent form, as JSON instead of JSON text.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<BuzzLimit>"))]
    buzz_limit: Value,
}

impl NewConsent {
    /// A consent of a user to a client and a scope.
    pub fn new(user: impl Into<UserRef>, client_id: impl Into<String>, scope: Scope) -> Self {
        Self {
            user: user.into(),
            client_id: client_id.into(),
            scope: scope.into(),
            buzz_limit: Value::Null,
        }
    }

    /// The budgets of the client, which all apply at once. Without budgets, spending is not limited.
    #[must_use]
    pub fn buzz_limit(mut self, budgets: impl IntoIterator<Item = Budget>) -> Self {
        let limit = BuzzLimit(budgets.into_iter().collect());
        self.buzz_limit = json!(limit);
        self
    }
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ConsentView {
    /// The user.
    pub user: UserId,
    /// The client.
    pub client_id: ClientId,
    /// The scope; empty if only a budget is stored.
    #[serde(serialize_with = "scope_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    pub scope: Scope,
    /// The budgets of the client.
    pub buzz_limit: Option<BuzzLimit>,
    /// The time of the last change; `None` in the response to a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// `{"consents":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ConsentList {
    pub(crate) consents: Vec<ConsentView>,
}

/// The number of deleted rows.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Deleted {
    pub(crate) deleted: u64,
}

impl Sandbox {
    /// The consents that match the filter.
    pub(crate) fn list_consents(&self, filter: GrantFilter) -> ControlResult<ConsentList> {
        let filter = self.resolve_grant_filter(filter)?;
        let found = self.data().list_consents(filter.as_store_filter());
        let show = |stored: StoredConsent| ConsentView {
            user: stored.user,
            client_id: stored.client,
            scope: stored.consent.scope,
            buzz_limit: stored.consent.buzz_limit,
            updated_at: Some(stored.updated_at),
        };
        Ok(ConsentList {
            consents: found.into_iter().map(show).collect(),
        })
    }

    /// Stores a consent and replaces an earlier one.
    pub(crate) async fn set_consent(&self, input: NewConsent) -> ControlResult<ConsentView> {
        let user = self.user(&input.user, "user")?;
        let client = self.client_named(&input.client_id)?;
        BuzzLimit::check_size(&input.buzz_limit)
            .map_err(|reason| Invalid::new("buzz_limit", reason))?;
        let buzz_limit = BuzzLimit::parse(&input.buzz_limit.to_string()).map_err(|error| {
            let error = error.description.unwrap_or_default();
            Invalid::new("buzz_limit", format!("{}: {error}", input.buzz_limit)).with_hint(
                "for example [{\"type\":\"sliding\",\"limit\":5000,\"window\":\"day\",\"unit\":1}]",
            )
        })?;
        if let Some(error) = buzz_limit.iter().flat_map(BuzzLimit::warnings).next() {
            return Err(error.into());
        }
        let consent = Consent {
            scope: self.resolve_scope(&input.scope)?.with_user_read(),
            buzz_limit,
        };
        self.data()
            .put_consent(user.id, &client.id, &consent, self.now())
            .await?;
        Ok(ConsentView {
            user: user.id,
            client_id: client.id,
            scope: consent.scope,
            buzz_limit: consent.buzz_limit,
            updated_at: None,
        })
    }

    /// Adds a budget to every consent. The other budgets still apply. Returns how many consents have it now, and how many
    /// there are.
    pub(crate) async fn add_budget(&self, budget: &Budget) -> ControlResult<(usize, usize)> {
        Ok(self.data().add_budget(budget, self.now()).await?)
    }

    /// Deletes the consents that match the filter.
    pub(crate) async fn delete_consents(&self, filter: GrantFilter) -> ControlResult<Deleted> {
        let filter = self.resolve_grant_filter(filter)?;
        let deleted = self
            .data()
            .delete_grants(&[GrantTable::Consents], filter.as_store_filter())
            .await?;
        Ok(Deleted { deleted })
    }
}
