//! Operations on devices: approve and deny by user code, without a browser.

use serde::{Deserialize, Serialize};

use super::error::ControlResult;
use crate::invalid::Invalid;
use crate::model::device::UserDecision;
use crate::model::user::UserRef;
use crate::oauth::device::review;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;

/// The user code of a device to approve, and the user.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ApproveDevice")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    pub(crate) user_code: Secret,
    pub(crate) user: UserRef,
}

/// The user code of a device to deny.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "DenyDevice")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct Denial {
    pub(crate) user_code: Secret,
}

/// An empty response: `{}`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

impl Sandbox {
    /// Approves a device as a user.
    pub(crate) async fn approve_device(&self, approval: Approval) -> ControlResult<Empty> {
        let user = self.user(&approval.user, "user")?;
        self.decide_device(&approval.user_code, UserDecision::Approved { by: user.id })
            .await
    }

    /// Denies a device.
    pub(crate) async fn deny_device(&self, denial: Denial) -> ControlResult<Empty> {
        self.decide_device(&denial.user_code, UserDecision::Denied { by: None })
            .await
    }

    async fn decide_device(
        &self,
        user_code: &Secret,
        decision: UserDecision,
    ) -> ControlResult<Empty> {
        match review::decide(self, user_code.reveal(), decision).await {
            Ok(()) => Ok(Empty {}),
            Err(error) => {
                let error = error.description.unwrap_or_default();
                Err(
                    Invalid::new("user_code", format!("{:?}: {error}", user_code.reveal()))
                        .with_hint(
                            "no device is waiting for this code: start a flow with POST /api/auth/oauth/device",
                        )
                        .into(),
                )
            }
        }
    }
}
