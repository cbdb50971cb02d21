//! The catalogue of MCP tools: their names, descriptions and input schemas. `tools.rs` runs them.

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

pub(super) const EXCHANGE: &str = "civitai-oauth-exchange";
pub(super) const AUTHORIZE: &str = "mock-authorize";
pub(super) const REQUESTS: &str = "mock-requests";
pub(super) const ADVANCE: &str = "mock-advance-clock";
pub(super) const FAULT: &str = "mock-fault";
pub(super) const CLEAR_FAULTS: &str = "mock-clear-faults";
pub(super) const SCOPE: &str = "mock-explain-scope";
pub(super) const ADVICE: &str = "mock-advice";
pub(super) const RESET: &str = "mock-reset";

/// The effect of a tool on the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Reads,
    Adds,
    Changes,
}

/// The description of a tool.
struct Offer {
    name: &'static str,
    what: &'static str,
    does: Does,
    /// Each key and its description. A key without a type in its description has the type of [`kind`].
    keys: &'static [(&'static str, &'static str)],
    /// The first keys, up to this number, are required.
    required: usize,
}

const OFFERS: [Offer; 9] = [
    Offer {
        name: EXCHANGE,
        what: "Exchange OAuth authorization code or refresh token for an access token.",
        does: Does::Adds,
        keys: &[(
            "body",
            "the parameters of the token endpoint: grant_type, client_id, client_secret, code, redirect_uri, code_verifier, \
             refresh_token, scope",
        )],
        required: 1,
    },
    Offer {
        name: AUTHORIZE,
        what: "Start an authorization as a user who approves it, and get the code. What the authorize endpoint would refuse is \
               refused in its words. Without a code_challenge a verifier is drawn and told. What is \"(yours)\" in the exchange, such as a \
               confidential app's client_secret, is for you to fill in.",
        does: Does::Adds,
        keys: &[
            ("client_id", "the app"),
            ("user", "id or username, such as ada"),
            (
                "scope",
                "a bitmask, a preset such as \"AI Services\", or names such as [\"UserRead\"]",
            ),
            (
                "redirect_uri",
                "without one, the first that the app has registered",
            ),
            ("state", "without one, a random one"),
            ("code_challenge", "the S256 challenge of your own verifier"),
        ],
        required: 2,
    },
    Offer {
        name: REQUESTS,
        what: "What the app has sent and was answered, oldest first, secrets redacted: the newest 20 unless a limit says \
               otherwise.",
        does: Does::Reads,
        keys: &[
            (
                "endpoint",
                "such as authorize, token, userinfo, revoke or device-token",
            ),
            ("grant_type", "such as refresh_token"),
            ("client_id", "the app"),
            ("user", "id or username, such as ada"),
            ("status", "such as 400"),
            ("error", "an error code, such as invalid_grant"),
            ("after", "only those after this id"),
            ("limit", "at most this many, 500 at the most"),
        ],
        required: 0,
    },
    Offer {
        name: ADVICE,
        what: "What production would punish of what the app has done: findings, the worst first, each with why it matters, the \
               mend and the ids of the requests that show it.",
        does: Does::Reads,
        keys: &[("client_id", "the app")],
        required: 0,
    },
    Offer {
        name: ADVANCE,
        what: "Move the clock on, or back by a length below zero: tokens, codes, limits and budgets all live by it.",
        does: Does::Changes,
        keys: &[("by", "seconds, or a length such as 1h, 30d or -90s")],
        required: 1,
    },
    Offer {
        name: FAULT,
        what: "Let something go wrong: a preset by its name, or a rule of one's own.",
        does: Does::Changes,
        keys: &[
            (
                "preset",
                "refresh-revoked, token-endpoint-down, rate-limited, slow-token, user-denies, code-expires, clock-skew and others",
            ),
            ("times", "with a preset: so often, then no more"),
            (
                "fault",
                "such as {\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"times\":1,\"effect\":{\"error\":\"invalid_grant\"}}",
            ),
        ],
        required: 0,
    },
    Offer {
        name: CLEAR_FAULTS,
        what: "Let nothing go wrong any more.",
        does: Does::Changes,
        keys: &[],
        required: 0,
    },
    Offer {
        name: SCOPE,
        what: "What a scope means, bit by bit, from a number, a preset or names.",
        does: Does::Reads,
        keys: &[(
            "scope",
            "a bitmask, a preset such as \"AI Services\", or names such as [\"UserRead\"]",
        )],
        required: 1,
    },
    Offer {
        name: RESET,
        what: "Back to the seed and the start-up settings: users, clients, tokens, clock, faults, journal.",
        does: Does::Changes,
        keys: &[],
        required: 0,
    },
];

/// The JSON types of a key with this name.
fn kind(key: &str) -> Value {
    match key {
        "body" | "fault" => json!("object"),
        "status" | "after" | "limit" | "times" => json!("integer"),
        "user" | "by" => json!(["integer", "string"]),
        "scope" => json!(["integer", "string", "array"]),
        _ => json!("string"),
    }
}

impl Offer {
    fn tool(&self) -> Tool {
        let keys: Map<String, Value> = self
            .keys
            .iter()
            .map(|(name, what)| {
                let mut key = json!({ "type": kind(name), "description": what });
                if *name == "scope" {
                    key["items"] = json!({ "type": "string" });
                }
                ((*name).to_owned(), key)
            })
            .collect();
        let required: Vec<&str> = self
            .keys
            .iter()
            .map(|(name, _)| *name)
            .take(self.required)
            .collect();
        let schema = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), keys.into()),
            ("required".to_owned(), required.into()),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        let hints = ToolAnnotations::new()
            .read_only(self.does == Does::Reads)
            .destructive(self.does == Does::Changes)
            .idempotent(self.does == Does::Reads)
            .open_world(false);
        Tool::new(self.name, self.what, schema).with_annotations(hints)
    }
}

/// All tools, as MCP lists them.
pub(super) fn tools() -> Vec<Tool> {
    OFFERS.iter().map(Offer::tool).collect()
}

/// The tool of this name.
pub(super) fn tool(name: &str) -> Option<Tool> {
    OFFERS
        .iter()
        .find(|offer| offer.name == name)
        .map(Offer::tool)
}

/// The names of all tools.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OFFERS.iter().map(|offer| offer.name)
}
