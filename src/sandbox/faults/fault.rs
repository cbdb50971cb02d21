//! The definition of a fault: which requests it applies to, and what goes wrong.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::model::user::UserRef;
use crate::protocol::duration::{LengthOr, SignedDuration};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::UserId;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::journal::size_in_bytes;
use crate::store::SandboxData;

/// A fault: which requests fail, and how.
///
/// ```
/// use std::time::Duration;
///
/// use civitai_oauth_mock::control::{Endpoint, Fault, GrantType};
///
/// let refused = Fault::endpoint(Endpoint::Token).grant_type(GrantType::RefreshToken).times(1).error("invalid_grant");
/// let slow = Fault::any().probability(0.1).delay(Duration::from_millis(300));
/// # let _ = (refused, slow);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "NewFault")
)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// Without it, every endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<Endpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant_type: Option<GrantType>,
    /// The user that the request acts for, if known before it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserRef>,
    /// Only this one of the matching requests, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nth: Option<u64>,
    /// Skips this number of matching requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skip: Option<u64>,
    /// At most this many times; without it, until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// From 0 to 1; decided by the sandbox's entropy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    pub(crate) effect: Effect,
}

/// How a request fails. A delay can be combined with the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the JSON format"
)]
pub(crate) struct Effect {
    /// An OAuth error instead of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_description: Option<String>,
    /// A status instead of the answer's, or the error's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// A body instead of the answer's: text, or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// Headers in place of the answer's of the same names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "std::collections::BTreeMap<String, String>")
    )]
    pub(crate) headers: Map<String, Value>,
    /// Before anything else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay: Option<Delay>,
    /// The connection is reset without a response.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reset_connection: bool,
    /// The connection is reset in the middle of the body.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncate_body: bool,
    /// A body that is not JSON, with the content type of JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) malformed_json: bool,
    /// The body is sent slowly.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) slow_body: bool,
    /// At authorize: as if the user had pressed Deny.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deny_consent: bool,
}

impl Effect {
    /// Whether it answers in the server's place.
    pub(crate) fn answers(&self) -> bool {
        self.error.is_some() || self.status.is_some() || self.body.is_some()
    }

    /// Whether the client may not get the response: it is broken, or the client has timed out.
    pub(crate) fn may_lose_response(&self) -> bool {
        self.reset_connection
            || self.truncate_body
            || self.malformed_json
            || self.slow_body
            || self.delay.is_some()
    }
}

/// How long an answer waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Delay {
    Fixed(SignedDuration),
    /// Chosen by the sandbox's entropy.
    Between {
        min: SignedDuration,
        max: SignedDuration,
    },
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bounds {
            min: SignedDuration,
            max: SignedDuration,
        }
        Ok(match LengthOr::deserialize(deserializer)? {
            LengthOr::Length(length, _) => Self::Fixed(length),
            LengthOr::Object(Bounds { min, max }) => Self::Between { min, max },
        })
    }
}

/// The parts of a request that faults select by.
#[derive(Debug, Clone)]
pub(crate) struct FaultTarget {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: Option<String>,
    pub(crate) grant_type: Option<GrantType>,
    pub(crate) user: Option<UserId>,
}

impl Fault {
    pub(super) fn fits(&self, target: &FaultTarget, data: &SandboxData) -> bool {
        self.endpoint.is_none_or(|wanted| wanted == target.endpoint)
            && (self.client_id.is_none() || self.client_id == target.client_id)
            && (self.grant_type.is_none() || self.grant_type == target.grant_type)
            // Only a signed-in user can deny: the redirect to the login page does not count as an application.
            && (!self.effect.deny_consent || target.user.is_some())
            && self
                .user
                .as_ref()
                .is_none_or(|wanted| target.user.is_some() && data.user_id(wanted) == target.user)
    }

    /// An estimate of the memory that it occupies.
    pub(super) fn size_in_bytes(&self) -> usize {
        let effect = &self.effect;
        let user = self.user.as_ref().and_then(UserRef::as_username);
        let texts = [&self.client_id, &effect.error, &effect.error_description];
        let texts = texts.into_iter().flatten().map(String::len);
        let body = effect.body.as_ref().map_or(0, size_in_bytes);
        let headers = effect.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + size_in_bytes(value));
        size_of::<Self>()
            + user.map_or(0, str::len)
            + texts.sum::<usize>()
            + body
            + headers.sum::<usize>()
    }
}

impl Delay {
    /// How long it is this time.
    pub(crate) fn duration(self, entropy: &Entropy) -> SignedDuration {
        match self {
            Self::Fixed(length) => length,
            Self::Between { min, max } => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "a part of a bounded length, in milliseconds"
                )]
                let part = ((max.0 - min.0).max(0) as f64 * entropy.fraction()) as i64;
                SignedDuration(min.0 + part)
            }
        }
    }
}
