//! How is a fault written down in Rust? First where it strikes, then when, then what happens.

use std::time::Duration;

use serde_json::Value;

use crate::model::user::UserRef;
use crate::protocol::duration::SignedDuration;
use crate::protocol::endpoint::{Endpoint, GrantType};
use crate::sandbox::faults::{Delay, Fault};

impl Fault {
    /// Strikes calls to this endpoint.
    pub fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
            ..Self::anywhere()
        }
    }

    /// Strikes calls to every endpoint.
    pub fn anywhere() -> Self {
        Self::default()
    }

    /// Strikes only calls of this client.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Strikes only token requests by this grant.
    #[must_use]
    pub fn grant_type(mut self, grant_type: GrantType) -> Self {
        self.grant_type = Some(grant_type);
        self
    }

    /// Strikes only calls that act for this user, where that can be told before they are answered.
    #[must_use]
    pub fn user(mut self, user: impl Into<UserRef>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Strikes only this one of the calls that fit, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Strikes only after so many calls that fit.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = Some(calls);
        self
    }

    /// Strikes at most so often; without it, until it is removed.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes each call with this chance, above 0 and up to 1; drawn from the sandbox's entropy.
    #[must_use]
    pub fn probability(mut self, chance: f64) -> Self {
        self.probability = Some(chance);
        self
    }

    /// Answers with this error, and the status that goes with it (RFC 6749 §5.2).
    #[must_use]
    pub fn error(mut self, code: impl Into<String>) -> Self {
        self.effect.error = Some(code.into());
        self
    }

    /// What the error says besides.
    #[must_use]
    pub fn error_description(mut self, text: impl Into<String>) -> Self {
        self.effect.error_description = Some(text.into());
        self
    }

    /// Answers with this status, from 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.effect.status = Some(status);
        self
    }

    /// Answers with this body: text, or JSON.
    #[must_use]
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.effect.body = Some(body.into());
        self
    }

    /// Gives the answer this header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value: String = value.into();
        self.effect.headers.insert(name.into(), value.into());
        self
    }

    /// Waits so long before anything else happens, 10 minutes at the most.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.effect.delay = Some(Delay::Fixed(SignedDuration::from_std(delay)));
        self
    }

    /// Waits so long or so long, drawn from the sandbox's entropy.
    #[must_use]
    pub fn delay_between(mut self, min: Duration, max: Duration) -> Self {
        self.effect.delay = Some(Delay::Between {
            min: SignedDuration::from_std(min),
            max: SignedDuration::from_std(max),
        });
        self
    }

    /// Cuts the connection without an answer.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.effect.reset = true;
        self
    }

    /// Cuts the connection in the middle of the body.
    #[must_use]
    pub fn truncate(mut self) -> Self {
        self.effect.truncate = true;
        self
    }

    /// Answers with JSON that ends half-way.
    #[must_use]
    pub fn malformed(mut self) -> Self {
        self.effect.malformed = true;
        self
    }

    /// Lets the body trickle in.
    #[must_use]
    pub fn slow_body(mut self) -> Self {
        self.effect.slow_body = true;
        self
    }

    /// At authorize: as if the user had pressed Deny.
    #[must_use]
    pub fn deny(mut self) -> Self {
        self.effect.deny = true;
        self
    }
}
