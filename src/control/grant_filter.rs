//! The filter of tokens, codes, consents and spends by user and client.

use serde::Deserialize;

use super::error::ControlResult;
use crate::model::builder::builder;
use crate::model::user::UserRef;
use crate::protocol::ids::UserId;
use crate::sandbox::Sandbox;
use crate::store::UserClientFilter;

/// A filter by user and client. An empty field matches all.
///
/// ```
/// use civitai_oauth_mock::control::GrantFilter;
///
/// let one_pair = GrantFilter::all().user("ada").client("my-app");
/// # let _ = one_pair;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GrantFilter {
    pub(crate) user: Option<UserRef>,
    pub(crate) client_id: Option<String>,
}

impl GrantFilter {
    /// Matches everything.
    pub fn all() -> Self {
        Self::default()
    }
}

builder! { GrantFilter {
    /// Only this user.
    user(user: impl Into<UserRef>) { user = Some(user.into()) }
    /// Only this client.
    client(id: impl Into<String>) { client_id = Some(id.into()) }
} }

/// As [`GrantFilter`], with the id of the user.
#[derive(Debug)]
pub(crate) struct ResolvedGrantFilter {
    pub(crate) user: Option<UserId>,
    pub(crate) client_id: Option<String>,
}

impl ResolvedGrantFilter {
    pub(crate) fn as_store_filter(&self) -> UserClientFilter<'_> {
        UserClientFilter {
            user: self.user,
            client: self.client_id.as_deref(),
        }
    }
}

impl Sandbox {
    pub(crate) fn resolve_grant_filter(
        &self,
        filter: GrantFilter,
    ) -> ControlResult<ResolvedGrantFilter> {
        let user = match &filter.user {
            Some(named) => Some(self.user_or_deleted(named, "user")?.id),
            None => None,
        };
        if let Some(id) = &filter.client_id {
            self.client_named(id)?;
        }
        Ok(ResolvedGrantFilter {
            user,
            client_id: filter.client_id,
        })
    }
}
