//! Operations on sessions: create, list, delete.

use serde::{Deserialize, Serialize};

use super::consents::Deleted;
use super::error::ControlResult;
use crate::http::session;
use crate::model::session::COOKIE;
use crate::model::user::{User, UserRef};
use crate::protocol::ids::UserId;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;

/// The user to sign in.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    pub(crate) user: UserRef,
}

/// A filter of sessions by user; without a user, all sessions.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionFilter {
    pub(crate) user: Option<UserRef>,
}

/// The cookie of a new session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SessionCookie {
    /// The value of the `Cookie` header: `civ-token=…`.
    pub cookie: Secret,
    /// The user.
    pub user: User,
}

/// A session. Only the hash of its cookie is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SessionView {
    /// The user.
    pub user: UserId,
    /// The end, by the sandbox's clock.
    pub expires_at: Timestamp,
    /// Whether it has not ended.
    pub active: bool,
}

/// `{"sessions":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SessionList {
    pub(crate) sessions: Vec<SessionView>,
}

/// The most sessions in a sandbox.
pub(crate) const MAX_SESSIONS: usize = 200_000;

impl Sandbox {
    /// Creates a session, which signs the user in.
    pub(crate) async fn create_session(&self, session: NewSession) -> ControlResult<SessionCookie> {
        let user = self.user(&session.user, "user")?;
        let value = session::open(self, user.id, MAX_SESSIONS).await?;
        Ok(SessionCookie {
            cookie: Secret::new(format!("{COOKIE}={}", value.reveal())),
            user,
        })
    }

    /// The sessions that match the filter, the one that ends last first.
    pub(crate) fn list_sessions(&self, filter: &SessionFilter) -> ControlResult<SessionList> {
        let (user, now) = (self.session_owner(filter)?, self.now());
        let found = self.data().list_sessions(user);
        let shown = found.into_iter().map(|(user, expires_at)| SessionView {
            user,
            expires_at,
            active: expires_at >= now,
        });
        Ok(SessionList {
            sessions: shown.collect(),
        })
    }

    /// Deletes the sessions that match the filter, which signs their users out.
    pub(crate) async fn delete_sessions(&self, filter: SessionFilter) -> ControlResult<Deleted> {
        let user = self.session_owner(&filter)?;
        let deleted = self.data().delete_sessions(user).await?;
        Ok(Deleted { deleted })
    }

    fn session_owner(&self, filter: &SessionFilter) -> ControlResult<Option<UserId>> {
        Ok(match &filter.user {
            Some(named) => Some(self.user_or_deleted(named, "user")?.id),
            None => None,
        })
    }
}
