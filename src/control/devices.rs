//! Devices by control call: approve and deny without a browser, by user code.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;
use crate::invalid::{self, Invalid};
use crate::model::device::Verdict;
use crate::model::user::UserRef;
use crate::oauth::device::review;
use crate::sandbox::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    user_code: String,
    user: UserRef,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Denial {
    user_code: String,
}

impl Sandbox {
    /// Approves the device of `{"user_code","user"}` as that user.
    pub(crate) async fn approve_device(&self, input: Value) -> Outcome<Value> {
        let Approval { user_code, user } = invalid::from_object(input)?;
        let user = self.user(&user, "user").await?;
        self.decide_device(&user_code, Verdict::Approved { by: user.id })
            .await
    }

    /// Denies the device of `{"user_code"}`.
    pub(crate) async fn deny_device(&self, input: Value) -> Outcome<Value> {
        let Denial { user_code } = invalid::from_object(input)?;
        self.decide_device(&user_code, Verdict::Denied).await
    }

    async fn decide_device(&self, user_code: &str, verdict: Verdict) -> Outcome<Value> {
        match review::decide(self, user_code, verdict).await {
            Ok(()) => Ok(json!({})),
            Err(why) => {
                let why = why.description.unwrap_or_default();
                Err(Invalid::new("user_code", format!("{user_code:?}: {why}"))
                    .with_hint("no device waits for it: start one with POST /api/auth/oauth/device")
                    .into())
            }
        }
    }
}
