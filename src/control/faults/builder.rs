//! The builder methods of a fault: where it applies, when, and its effect.

use std::time::Duration;

use serde_json::Value;

use crate::model::user::UserRef;
use crate::protocol::duration::SignedDuration;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::sandbox::faults::{Delay, Fault};

impl Fault {
    /// Applies to calls to this endpoint.
    pub fn endpoint(endpoint: Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
            ..Self::any()
        }
    }

    /// Applies to calls to every endpoint.
    pub fn any() -> Self {
        Self::default()
    }

    /// Only calls of this client.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Only token requests with this grant.
    #[must_use]
    pub fn grant_type(mut self, grant_type: GrantType) -> Self {
        self.grant_type = Some(grant_type);
        self
    }

    /// Only calls on behalf of this user, if the request names one.
    #[must_use]
    pub fn user(mut self, user: impl Into<UserRef>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Only the n-th matching call, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Skips this number of matching requests.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = Some(requests);
        self
    }

    /// At most this number of times; by default until the fault is deleted.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies to each call with this probability, above 0 and up to 1, by the sandbox's entropy.
    #[must_use]
    pub fn probability(mut self, chance: f64) -> Self {
        self.probability = Some(chance);
        self
    }

    /// Responds with this error and its status (RFC 6749 §5.2).
    #[must_use]
    pub fn error(mut self, code: impl Into<String>) -> Self {
        self.effect.error = Some(code.into());
        self
    }

    /// The `error_description`.
    #[must_use]
    pub fn error_description(mut self, text: impl Into<String>) -> Self {
        self.effect.error_description = Some(text.into());
        self
    }

    /// Responds with this status, from 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.effect.status = Some(status);
        self
    }

    /// Responds with this body: text, or JSON.
    #[must_use]
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.effect.body = Some(body.into());
        self
    }

    /// Sets this response header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value: String = value.into();
        self.effect.headers.insert(name.into(), value.into());
        self
    }

    /// Delays the response, by at most 10 minutes.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.effect.delay = Some(Delay::Fixed(SignedDuration::from_std(delay)));
        self
    }

    /// Delays the response by a random time in this range, by the sandbox's entropy.
    #[must_use]
    pub fn delay_between(mut self, min: Duration, max: Duration) -> Self {
        self.effect.delay = Some(Delay::Between {
            min: SignedDuration::from_std(min),
            max: SignedDuration::from_std(max),
        });
        self
    }

    /// Cuts the connection without a response.
    #[must_use]
    pub fn reset_connection(mut self) -> Self {
        self.effect.reset_connection = true;
        self
    }

    /// Cuts the connection in the middle of the body.
    #[must_use]
    pub fn truncate_body(mut self) -> Self {
        self.effect.truncate_body = true;
        self
    }

    /// Responds with truncated JSON.
    #[must_use]
    pub fn malformed_json(mut self) -> Self {
        self.effect.malformed_json = true;
        self
    }

    /// Sends the body slowly.
    #[must_use]
    pub fn slow_body(mut self) -> Self {
        self.effect.slow_body = true;
        self
    }

    /// At authorize: as if the user had pressed Deny.
    #[must_use]
    pub fn deny_consent(mut self) -> Self {
        self.effect.deny_consent = true;
        self
    }
}
