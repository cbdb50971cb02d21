//! The builder methods of a fault: where it applies, when, and its effect.

use std::time::Duration;

use serde_json::Value;

use crate::model::builder::builder;
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

    /// Sets this response header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value: String = value.into();
        self.effect.headers.insert(name.into(), value.into());
        self
    }
}

builder! { Fault {
    /// Only calls of this client.
    client(id: impl Into<String>) { client_id = Some(id.into()) }
    /// Only token requests with this grant.
    grant_type(grant_type: GrantType) { grant_type = Some(grant_type) }
    /// Only calls on behalf of this user, if the request names one.
    user(user: impl Into<UserRef>) { user = Some(user.into()) }
    /// Only the n-th matching call, counted from 1.
    nth(nth: u64) { nth = Some(nth) }
    /// Skips this number of matching requests.
    skip(requests: u64) { skip = Some(requests) }
    /// At most this number of times; by default until the fault is deleted.
    times(times: u64) { times = Some(times) }
    /// Applies to each call with this probability, above 0 and up to 1, by the sandbox's entropy.
    probability(chance: f64) { probability = Some(chance) }
    /// Responds with this error and its status (RFC 6749 §5.2).
    error(code: impl Into<String>) { effect.error = Some(code.into()) }
    /// The `error_description`.
    error_description(text: impl Into<String>) { effect.error_description = Some(text.into()) }
    /// Responds with this status, from 200 to 599.
    status(status: u16) { effect.status = Some(status) }
    /// Responds with this body: text, or JSON.
    body(body: impl Into<Value>) { effect.body = Some(body.into()) }
    /// Delays the response, by at most 10 minutes.
    delay(delay: Duration) { effect.delay = Some(Delay::Fixed(SignedDuration::from_std(delay))) }
    /// Delays the response by a random time in this range, by the sandbox's entropy.
    delay_between(min: Duration, max: Duration) {
        effect.delay = Some(Delay::Between {
            min: SignedDuration::from_std(min),
            max: SignedDuration::from_std(max),
        })
    }
    /// Cuts the connection without a response.
    reset_connection() { effect.reset_connection = true }
    /// Cuts the connection in the middle of the body.
    truncate_body() { effect.truncate_body = true }
    /// Responds with truncated JSON.
    malformed_json() { effect.malformed_json = true }
    /// Sends the body slowly.
    slow_body() { effect.slow_body = true }
    /// At authorize: as if the user had pressed Deny.
    deny_consent() { effect.deny_consent = true }
} }
