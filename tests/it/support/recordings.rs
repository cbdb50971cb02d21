//! Recorded exchanges, as `tests/contract` has them.

use civitai_oauth_mock::Contract;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Steps that follow one another from a fresh start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flow {
    #[serde(rename = "flow")]
    pub(crate) name: String,
    /// The contracts under which it holds.
    pub(crate) contracts: Vec<Contract>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// Control calls before the request.
    #[serde(default)]
    pub(crate) before: Vec<Map<String, Value>>,
    /// The user whose session cookie is sent.
    pub(crate) session: Option<Value>,
    #[serde(default)]
    pub(crate) rate_limits: bool,
    /// How many times the request is sent in parallel.
    pub(crate) parallel: Option<usize>,
    pub(crate) request: Request,
    pub(crate) expect: Expected,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Pairs, or text as it is.
    pub(crate) query: Option<Value>,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    pub(crate) form: Option<Value>,
    pub(crate) json: Option<Value>,
    pub(crate) raw: Option<String>,
}

/// The expected response. Parts that are not given are not compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) status: Option<u16>,
    pub(crate) location: Option<String>,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    /// The whole body.
    pub(crate) json: Option<Value>,
    /// Members of the body.
    #[serde(default)]
    pub(crate) holds: Map<String, Value>,
    pub(crate) error: Option<Value>,
    pub(crate) id_token: Option<IdToken>,
    pub(crate) page: Option<ExpectedPage>,
    /// Of parallel requests, the status of one, and the status and error of the others.
    pub(crate) one_of_parallel: Option<u16>,
    pub(crate) others: Option<u16>,
    pub(crate) others_error: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdToken {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) exp_minus_iat: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedPage {
    pub(crate) shows: Vec<String>,
    /// What the form posts to authorize. No form for an invalid request.
    pub(crate) form: Option<Map<String, Value>>,
}

/// The recorded files, and their texts.
pub(crate) const FILES: [(&str, &str); 3] = [
    ("live.json", include_str!("../../contract/live.json")),
    (
        "live-2026-10.json",
        include_str!("../../contract/live-2026-10.json"),
    ),
    (
        "documented.json",
        include_str!("../../contract/documented.json"),
    ),
];

/// The flows that hold under a contract, each with its file.
pub(crate) fn flows(contract: Contract) -> Vec<(&'static str, Flow)> {
    let mut flows = Vec::new();
    for (file, text) in FILES {
        let all: Vec<Flow> = serde_json::from_str(text).expect("recorded flows");
        for mut flow in all {
            if !flow.contracts.contains(&contract) {
                continue;
            }
            if contract == Contract::Documented && file != "documented.json" {
                for step in &mut flow.steps {
                    step.expect.say_as_documented();
                }
            }
            flows.push((file, flow));
        }
    }
    flows
}

impl Expected {
    /// Adapts the parts that every response has: the differences `redirect-status`, `scope-shape` and `userinfo-claims`.
    fn say_as_documented(&mut self) {
        let has_code = |location: &String| location.contains("code={{code");
        if self.status == Some(303) && self.location.as_ref().is_some_and(has_code) {
            self.status = Some(302);
        }
        let Some(Value::Object(body)) = &mut self.json else {
            return;
        };
        if let Some(Value::Array(scope)) = body.get("scope") {
            let scope = scope[0].clone();
            body.insert("scope".to_owned(), scope);
        }
        if body.contains_key("sub") {
            for claim in ["roles", "isModerator", "tier"] {
                body.remove(claim);
            }
        }
    }
}
