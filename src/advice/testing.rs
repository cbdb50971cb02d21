//! Calls of an app for the unit tests of rules. Each is well-formed and succeeds, unless the test changes it.

use serde_json::{Map, Value, json};

use super::call::ObservedCall;
use super::history::History;
use super::rule::AdviceRule;
use crate::contract::{Contract, Decision, Difference};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::pkce::Verifier;
use crate::protocol::time::Timestamp;
use crate::sandbox::journal::{Entry, Facts, RevokeNoop};

/// The pause before each call, unless the test sets another.
const DEFAULT_PAUSE_MS: i64 = 60_000;

/// A call of the app `conf`.
pub(crate) struct TestCall {
    entry: Entry,
    pause_ms: i64,
    is_parallel: bool,
}

/// The ids of the requests that the rule reports in these calls. Ids count from 1.
pub(crate) fn reported(rule: &AdviceRule, calls: impl IntoIterator<Item = TestCall>) -> Vec<u64> {
    let (mut observed, mut last_after, mut now_ms) = (Vec::<ObservedCall>::new(), 0, 0);
    for (before, mut call) in (0..).zip(calls) {
        now_ms += call.pause_ms;
        // Parallel calls have all started when the first of them ends.
        if !call.is_parallel {
            last_after = before;
        }
        call.entry.id = before + 1;
        call.entry.facts.last_completed_id = last_after;
        call.entry.facts.at = Timestamp(now_ms);
        call.entry.facts.system_time = Timestamp(now_ms);
        observed.push(ObservedCall::new(call.entry));
    }
    let history = History::new(Some("conf".to_owned()), observed);
    let violation = (rule.check)(&history);
    violation.map_or_else(Vec::new, |violation| violation.requests)
}

fn verifier(code: &str) -> Verifier {
    Verifier::parse(&format!("{code:v<43}")).expect("43 characters")
}

/// An authorization that is answered with this code.
pub(crate) fn authorize(code: &str) -> TestCall {
    let mut call = TestCall::new("GET", Endpoint::Authorize)
        .with("response_type", "code")
        .with("redirect_uri", "https://app.example/callback")
        .with("scope", "1")
        .with("state", &format!("state of {code}"))
        .with("code_challenge", &verifier(code).challenge().0)
        .with("code_challenge_method", "S256");
    call.entry.facts.status = 302;
    call.entry.location = Some(format!("https://app.example/callback?code={code}"));
    call
}

pub(crate) fn token_request(grant_type: &str) -> TestCall {
    TestCall::new("POST", Endpoint::Token).with("grant_type", grant_type)
}

/// A token response: the tokens are `access-NAME` and `refresh-NAME`.
fn tokens(name: &str) -> Value {
    json!({ "access_token": format!("access-{name}"), "refresh_token": format!("refresh-{name}") })
}

/// The exchange of a code.
pub(crate) fn exchange(code: &str) -> TestCall {
    token_request("authorization_code")
        .with("code", code)
        .with("code_verifier", verifier(code).reveal())
        .answered(200, tokens(code))
}

/// A refresh, answered with tokens of this name.
pub(crate) fn refresh(token: &str, name: &str) -> TestCall {
    token_request("refresh_token")
        .with("refresh_token", token)
        .answered(200, tokens(name))
}

pub(crate) fn revoke(token: &str) -> TestCall {
    TestCall::new("POST", Endpoint::Revoke).with("token", token)
}

/// The start of a device flow.
pub(crate) fn device(device_code: &str, interval_s: u32) -> TestCall {
    let answer = json!({ "device_code": device_code, "interval": interval_s });
    TestCall::new("POST", Endpoint::Device).answered(200, answer)
}

/// A poll of a device flow, answered with tokens.
pub(crate) fn poll(device_code: &str) -> TestCall {
    TestCall::new("POST", Endpoint::DeviceToken)
        .with("device_code", device_code)
        .answered(200, tokens(device_code))
}

/// `GET /api/v1/me`.
pub(crate) fn api(access_token: &str) -> TestCall {
    with_token(Endpoint::Me, access_token)
}

/// A query of the buzz balance.
pub(crate) fn balance(access_token: &str) -> TestCall {
    with_token(Endpoint::BuzzGetBuzzAccount, access_token)
}

fn with_token(endpoint: Endpoint, access_token: &str) -> TestCall {
    let authorization = format!("Bearer {access_token}");
    TestCall::new("GET", endpoint).header("authorization", &authorization)
}

impl TestCall {
    fn new(method: &str, endpoint: Endpoint) -> Self {
        let times = (Timestamp(0), Timestamp(0));
        let entry = Entry {
            id: 0,
            facts: Facts {
                status: 200,
                ..Facts::new(0, times, endpoint)
            },
            method: method.to_owned(),
            path: format!("/{endpoint}"),
            params: Map::new(),
            query: None,
            headers: Map::new(),
            client_id: Some("conf".to_owned()),
            location: None,
            answer: None,
            differences: Vec::new(),
            duration_ms: 1,
        };
        let call = Self {
            entry,
            pause_ms: DEFAULT_PAUSE_MS,
            is_parallel: false,
        };
        call.with("client_id", "conf")
    }

    pub(crate) fn to_unknown_path() -> Self {
        Self::new("GET", Endpoint::Other).answered(404, Value::Null)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.entry.params.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.entry.params.remove(name);
        self
    }

    /// Sends the parameter in the query.
    pub(crate) fn in_query(mut self, name: &str, value: &str) -> Self {
        self.entry.query = Some(format!("{name}={value}"));
        self.with(name, value)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.entry.headers.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.entry.headers.remove(name);
        self
    }

    pub(crate) fn answered(mut self, status: u16, answer: Value) -> Self {
        self.entry.facts.status = status;
        self.entry.location = None;
        self.entry.answer = Some(answer);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.entry.facts.retry_after = Some(seconds);
        self
    }

    /// The response depended on this difference: another contract answers differently.
    pub(crate) fn decided(mut self, difference: Difference, contract: Contract) -> Self {
        self.entry.differences.push(Decision {
            difference,
            contract,
            is_divergent: true,
        });
        self
    }

    pub(crate) fn without_effect(mut self, reason: RevokeNoop) -> Self {
        self.entry.facts.revoke_noop = Some(reason);
        self
    }

    /// Milliseconds since the previous call started.
    pub(crate) fn pause_ms(mut self, pause_ms: i64) -> Self {
        self.pause_ms = pause_ms;
        self
    }

    /// Starts before the previous call is answered.
    pub(crate) fn parallel(mut self) -> Self {
        self.is_parallel = true;
        self
    }
}
