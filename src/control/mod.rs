//! What makes it a mock? Reset, settings, clock, users, clients, sessions, consents: each verb once, as a method
//! of the sandbox. The door for HTTP is `http.rs`; a door decides nothing.

mod clients;
mod contract;
mod devices;
pub(crate) mod http;
mod users;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::invalid::{self, Invalid};
use crate::model::session::COOKIE;
use crate::model::user::{User, UserRef};
use crate::oauth::session;
use crate::protocol::time::Timestamp;
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

/// An amount of time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionFor {
    user: UserRef,
}

impl Sandbox {
    /// What the time is here.
    pub(crate) fn show_clock(&self) -> Value {
        let now = self.now();
        json!({ "now": now.to_string(), "unix_ms": now.0, "state": self.clock.state() })
    }

    /// Moves the clock by `{"seconds"}`, back where they are negative.
    pub(crate) async fn advance_clock(&self, input: Value) -> Outcome<Timestamp> {
        const FAR: f64 = 1e12;
        let Advance { seconds } = invalid::from_json(input)?;
        if !(-FAR..=FAR).contains(&seconds) {
            return Err(
                Invalid::new("seconds", format!("{seconds} is further than {FAR} s")).into(),
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded above, and milliseconds are fine"
        )]
        let now = self.clock.advance((seconds * 1000.0) as i64);
        self.keep_clock().await?;
        Ok(now)
    }

    /// Changes some settings.
    pub(crate) async fn patch_settings(&self, input: Value) -> Outcome<Settings> {
        let patch: SettingsPatch = invalid::from_json(input)?;
        let settings = (*self.settings()).clone().patched(patch);
        if let Some(named) = &settings.login {
            self.user(named, "login").await?;
        }
        self.put_settings(settings.clone());
        Ok(settings)
    }

    /// Signs `{"user"}` in. What comes back is the cookie, as a request carries it.
    pub(crate) async fn create_session(&self, input: Value) -> Outcome<Value> {
        let SessionFor { user } = invalid::from_json(input)?;
        let user = self.user(&user, "user").await?;
        let value = session::open(self, user.id).await?;
        Ok(json!({ "cookie": format!("{COOKIE}={}", value.reveal()), "user": user }))
    }

    /// A user who is there and not deleted; `path` is where the name stands in the input.
    async fn user(&self, named: &UserRef, path: &str) -> Outcome<User> {
        match self.store.find_user(self.name(), named).await? {
            Some(user) if !user.deleted => Ok(user),
            Some(_) => {
                let why = format!("user {:?} is deleted", named.to_string());
                Err(Invalid::new(path, why)
                    .with_hint("PATCH the user with {\"deleted\":false}")
                    .into())
            }
            None => Err(session::no_user(self, path, &named.to_string())
                .await?
                .into()),
        }
    }
}
