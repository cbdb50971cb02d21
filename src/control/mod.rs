//! What makes it a mock? Time, faults, journal, snapshots, users, clients, tokens: each verb once, as a method of the
//! sandbox. The doors are `http/`, `embed.rs` and `cli/doors.rs`; a door decides nothing.

mod clients;
mod clock;
mod consents;
mod contract;
mod devices;
pub(crate) mod faults;
pub(crate) mod guard;
pub(crate) mod http;
mod redact;
pub(crate) mod requests;
mod sandboxes;
mod snapshots;
mod tokens;
mod users;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::invalid::{self, Invalid};
use crate::model::client::Client;
use crate::model::session::COOKIE;
use crate::model::user::{User, UserRef};
use crate::oauth::session;
use crate::protocol::ids::UserId;
use crate::sandbox::Sandbox;
use crate::sandbox::settings::{Settings, SettingsPatch};
use crate::store::StoreError;

/// Why a control call was not carried out.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// The input is wrong.
    Invalid(Invalid),
    /// What the path names is not there.
    NotFound(Invalid),
    /// What is to be made is there already.
    Conflict(Invalid),
    /// The journal is not what was expected.
    Mismatch {
        differences: Vec<String>,
        counters: Value,
    },
    Store(StoreError),
}

impl From<Invalid> for ControlError {
    fn from(why: Invalid) -> Self {
        Self::Invalid(why)
    }
}

impl From<StoreError> for ControlError {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

type Outcome<T> = Result<T, ControlError>;

/// Whose tokens or consents are meant; what is not given means everybody's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Whose {
    pub(crate) user: Option<UserRef>,
    pub(crate) client_id: Option<String>,
}

/// As [`Whose`], with the user found.
#[derive(Debug)]
struct Known {
    user: Option<UserId>,
    client_id: Option<String>,
}

impl Known {
    fn as_key(&self) -> (Option<UserId>, Option<&str>) {
        (self.user, self.client_id.as_deref())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionFor {
    user: UserRef,
}

impl Sandbox {
    /// Changes some settings.
    pub(crate) async fn patch_settings(&self, input: Value) -> Outcome<Settings> {
        let patch: SettingsPatch = invalid::from_object(input)?;
        if let Some(named) = patch.login() {
            self.user(named, "login").await?;
        }
        Ok(self.change_settings(|settings| settings.patched(patch)))
    }

    /// Signs `{"user"}` in. What comes back is the cookie, as a request carries it.
    pub(crate) async fn create_session(&self, input: Value) -> Outcome<Value> {
        let SessionFor { user } = invalid::from_object(input)?;
        let user = self.user(&user, "user").await?;
        let value = session::open(self, user.id).await?;
        Ok(json!({ "cookie": format!("{COOKIE}={}", value.reveal()), "user": user }))
    }

    async fn resolve_whose(&self, whose: Whose) -> Outcome<Known> {
        let user = match &whose.user {
            Some(named) => Some(self.user_or_deleted(named, "user").await?.id),
            None => None,
        };
        if let Some(id) = &whose.client_id {
            self.client_named(id).await?;
        }
        Ok(Known {
            user,
            client_id: whose.client_id,
        })
    }

    /// The client that the key `client_id` names.
    async fn client_named(&self, id: &str) -> Outcome<Client> {
        self.read_client(id).await.map_err(|why| match why {
            ControlError::NotFound(why) => ControlError::Invalid(Invalid {
                path: "client_id".to_owned(),
                ..why
            }),
            other => other,
        })
    }

    /// A user who is there, deleted or not; `path` is where the name stands in the input.
    async fn user_or_deleted(&self, named: &UserRef, path: &str) -> Outcome<User> {
        match self.store.find_user(self.world(), named).await? {
            Some(user) => Ok(user),
            None => Err(session::no_user(self, path, &named.to_string())
                .await?
                .into()),
        }
    }

    /// A user who is there and not deleted; `path` is where the name stands in the input.
    async fn user(&self, named: &UserRef, path: &str) -> Outcome<User> {
        let user = self.user_or_deleted(named, path).await?;
        if user.deleted {
            return Err(session::no_user(self, path, &named.to_string())
                .await?
                .into());
        }
        Ok(user)
    }
}
