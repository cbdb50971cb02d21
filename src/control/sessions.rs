//! Sessions by control call: sign in without a page, see who is signed in, sign out.

use serde::{Deserialize, Serialize};

use super::error::ControlResult;
use crate::http::session;
use crate::model::session::COOKIE;
use crate::model::user::{User, UserRef};
use crate::protocol::ids::UserId;
use crate::protocol::secret::Secret;
use crate::protocol::time::Moment;
use crate::sandbox::Sandbox;

/// Who is to be signed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    pub(crate) user: UserRef,
}

/// Whose sessions are meant; nobody named means everybody's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionFilter {
    pub(crate) user: Option<UserRef>,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionCookie {
    /// What the header `Cookie` of its requests says: `civ-token=…`.
    pub cookie: Secret,
    /// Whose it is.
    pub user: User,
}

/// A session as it is listed: its cookie is not known, only the hash of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionView {
    /// Who is signed in.
    pub user: UserId,
    /// When it ends, by the sandbox's clock.
    pub expires_at: Moment,
    /// It has not ended.
    pub active: bool,
}

/// `{"sessions":[…]}`.
#[derive(Debug, Serialize)]
pub(crate) struct SessionList {
    pub(crate) sessions: Vec<SessionView>,
}

/// How many were ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SignedOut {
    pub(crate) deleted: u64,
}

/// The most sessions of a sandbox: those of pages, and those that control calls add.
pub(crate) const MAX_SESSIONS: usize = 200_000;

impl Sandbox {
    /// Signs a user in.
    pub(crate) async fn create_session(&self, asked: NewSession) -> ControlResult<SessionCookie> {
        let user = self.user(&asked.user, "user")?;
        let value = session::open(self, user.id, MAX_SESSIONS).await?;
        Ok(SessionCookie {
            cookie: Secret::new(format!("{COOKIE}={}", value.reveal())),
            user,
        })
    }

    /// The sessions, of a user or all, the one that ends last first.
    pub(crate) fn list_sessions(&self, whose: &SessionFilter) -> ControlResult<SessionList> {
        let (user, now) = (self.session_owner(whose)?, self.now());
        let found = self.world().list_sessions(user);
        let shown = found.into_iter().map(|(user, expires_at)| SessionView {
            user,
            expires_at: Moment(expires_at),
            active: expires_at >= now,
        });
        Ok(SessionList {
            sessions: shown.collect(),
        })
    }

    /// Signs a user out everywhere, or everybody.
    pub(crate) async fn delete_sessions(&self, whose: SessionFilter) -> ControlResult<SignedOut> {
        let user = self.session_owner(&whose)?;
        let deleted = self.store.delete_sessions(self.world(), user).await?;
        Ok(SignedOut { deleted })
    }

    fn session_owner(&self, whose: &SessionFilter) -> ControlResult<Option<UserId>> {
        Ok(match &whose.user {
            Some(named) => Some(self.user_or_deleted(named, "user")?.id),
            None => None,
        })
    }
}
