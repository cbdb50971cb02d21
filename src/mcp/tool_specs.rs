//! The MCP tools: their names, descriptions and input types. `tools.rs` runs them.

use std::collections::BTreeMap;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::control::devices::Empty;
use crate::control::{Endpoint, Fault, Filter, GrantType, RequestQuery, UserRef};
use crate::protocol::duration::SignedDuration;
use crate::protocol::scope::Scope;

pub(super) const EXCHANGE: &str = "civitai-oauth-exchange";
pub(super) const AUTHORIZE: &str = "mock-authorize";
pub(super) const REQUESTS: &str = "mock-list-requests";
pub(super) const REQUEST: &str = "mock-read-request";
pub(super) const CHANGES: &str = "mock-list-changes";
pub(super) const ADVANCE: &str = "mock-advance-clock";
pub(super) const FAULT: &str = "mock-add-fault";
pub(super) const DELETE_FAULTS: &str = "mock-delete-faults";
pub(super) const SCOPE: &str = "mock-explain-scope";
pub(super) const ADVICE: &str = "mock-list-advice";
pub(super) const RESET: &str = "mock-reset";

/// The effect of a tool on the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ToolEffect {
    Reads,
    Adds,
    Changes,
}

/// The description of a tool.
struct ToolSpec {
    name: &'static str,
    description: &'static str,
    effect: ToolEffect,
    /// The schema of its input.
    schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

/// The input of [`EXCHANGE`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    #[schemars(
        description = "parameters of the token endpoint: grant_type, client_id, client_secret, code, redirect_uri, code_verifier, refresh_token, scope"
    )]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub(super) body: Map<String, Value>,
}

/// The input of [`AUTHORIZE`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorize {
    #[schemars(description = "client id of the app")]
    pub(super) client_id: String,
    #[schemars(description = "user id or username, such as ada")]
    pub(super) user: UserRef,
    #[schemars(
        description = r#"a bitmask, a preset such as "AI Services", or names such as ["UserRead"]"#
    )]
    #[serde(default)]
    pub(super) scope: Option<Scope>,
    #[schemars(description = "default: the first registered redirect URI of the app")]
    #[serde(default)]
    pub(super) redirect_uri: Option<String>,
    #[schemars(description = "default: a random state")]
    #[serde(default)]
    pub(super) state: Option<String>,
    #[schemars(
        description = "S256 challenge of your own verifier; default: a verifier is generated"
    )]
    #[serde(default)]
    pub(super) code_challenge: Option<String>,
}

/// The input of [`ADVANCE`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    #[schemars(description = "seconds, or a duration such as 1h, 30d or -90s")]
    pub(super) by: SignedDuration,
}

/// The input of [`FAULT`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddFault {
    #[schemars(
        description = "name of a preset: refresh-revoked, token-endpoint-down, rate-limited, token-endpoint-slow, consent-denied, code-expired, clock-skew and others"
    )]
    #[serde(default)]
    pub(super) preset: Option<String>,
    #[schemars(description = "with a preset: the maximum number of requests that it applies to")]
    #[serde(default)]
    pub(super) times: Option<u64>,
    #[schemars(
        description = r#"such as {"endpoint":"token","grant_type":"refresh_token","times":1,"effect":{"error":"invalid_grant"}}"#
    )]
    #[serde(default)]
    pub(super) fault: Option<Fault>,
}

/// The input of [`SCOPE`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainScope {
    #[schemars(
        description = r#"a bitmask, a preset such as "AI Services", or names such as ["UserRead"]"#
    )]
    pub(super) scope: Scope,
}

/// The input of [`ADVICE`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListAdvice {
    #[schemars(description = "client id of the app")]
    #[serde(default)]
    pub(super) client_id: Option<String>,
}

/// The input of [`REQUEST`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadRequest {
    #[schemars(description = "id of a request of the journal")]
    pub(super) id: u64,
}

/// The input of [`REQUESTS`]: an agent gets no secrets and does not wait.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct ListRequests {
    #[schemars(description = "such as authorize, token, userinfo, revoke or device-token")]
    endpoint: Option<Endpoint>,
    #[schemars(description = "such as refresh_token")]
    grant_type: Option<GrantType>,
    #[schemars(description = "the app")]
    client_id: Option<String>,
    #[schemars(description = "id or username, such as ada")]
    user: Option<UserRef>,
    #[schemars(description = "such as 400")]
    status: Option<u16>,
    #[schemars(description = "an error code, such as invalid_grant")]
    error: Option<String>,
    #[schemars(description = "only requests after this id")]
    after: Option<u64>,
    #[schemars(description = "at most this many, up to 500")]
    limit: Option<usize>,
}

impl From<ListRequests> for RequestQuery {
    fn from(input: ListRequests) -> Self {
        Self {
            filter: Filter {
                endpoint: input.endpoint,
                grant_type: input.grant_type,
                client_id: input.client_id,
                user: input.user,
                status: input.status,
                error: input.error,
                after: input.after,
                ..Filter::default()
            },
            limit: input.limit,
            ..Self::default()
        }
    }
}

const TOOLS: [ToolSpec; 11] = [
    ToolSpec {
        name: EXCHANGE,
        description: "Exchange OAuth authorization code or refresh token for an access token.",
        effect: ToolEffect::Adds,
        schema: Exchange::json_schema,
    },
    ToolSpec {
        name: AUTHORIZE,
        description: "Start an authorization as a user who approves it, and get the code. Returns the same \
            errors as the authorize endpoint. Without a code_challenge, generates a verifier and returns it. \
            Replace each \"(yours)\" in the exchange with your own value, such as the client_secret of a \
            confidential app.",
        effect: ToolEffect::Adds,
        schema: Authorize::json_schema,
    },
    ToolSpec {
        name: REQUESTS,
        description: "List the app's requests and the responses to them, oldest first, with redacted secrets: \
            the newest 20 by default (limit).",
        effect: ToolEffect::Reads,
        schema: ListRequests::json_schema,
    },
    ToolSpec {
        name: REQUEST,
        description: "Read one request of the journal by its id, with redacted secrets and with the requests that \
            issued, used or revoked its codes and tokens.",
        effect: ToolEffect::Reads,
        schema: ReadRequest::json_schema,
    },
    ToolSpec {
        name: CHANGES,
        description: "List the changes of clock, faults and settings, oldest first, each with the id of the request \
            after which it was made.",
        effect: ToolEffect::Reads,
        schema: Empty::json_schema,
    },
    ToolSpec {
        name: ADVICE,
        description: "List mistakes in the app's requests that fail in production, the most severe first, each \
            with the reason, the fix and the ids of the requests that show it.",
        effect: ToolEffect::Reads,
        schema: ListAdvice::json_schema,
    },
    ToolSpec {
        name: ADVANCE,
        description: "Advance the clock, or move it back with a negative duration. Tokens, codes, limits and budgets follow this clock.",
        effect: ToolEffect::Changes,
        schema: Advance::json_schema,
    },
    ToolSpec {
        name: FAULT,
        description: "Add a fault: a preset by name, or a custom fault.",
        effect: ToolEffect::Changes,
        schema: AddFault::json_schema,
    },
    ToolSpec {
        name: DELETE_FAULTS,
        description: "Delete all faults.",
        effect: ToolEffect::Changes,
        schema: Empty::json_schema,
    },
    ToolSpec {
        name: SCOPE,
        description: "Explain a scope bit by bit. Accepts a number, a preset or names.",
        effect: ToolEffect::Reads,
        schema: ExplainScope::json_schema,
    },
    ToolSpec {
        name: RESET,
        description: "Reset the sandbox to its seed and start-up settings: users, clients, tokens, clock, faults, journal.",
        effect: ToolEffect::Changes,
        schema: Empty::json_schema,
    },
];

impl ToolSpec {
    fn tool(&self) -> Tool {
        // Inlined: some agents do not follow references.
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
        });
        let mut schema = (self.schema)(&mut settings.into_generator());
        // The tool has a description already.
        schema.remove("description");
        let hints = ToolAnnotations::new()
            .read_only(self.effect == ToolEffect::Reads)
            .destructive(self.effect == ToolEffect::Changes)
            .idempotent(self.effect == ToolEffect::Reads)
            .open_world(false);
        let schema = schema.ensure_object().clone();
        Tool::new(self.name, self.description, schema).with_annotations(hints)
    }
}

/// All tools, as MCP lists them.
pub(super) fn tools() -> Vec<Tool> {
    TOOLS.iter().map(ToolSpec::tool).collect()
}

/// The tool of this name.
pub(super) fn tool(name: &str) -> Option<Tool> {
    let found = TOOLS.iter().find(|tool| tool.name == name);
    found.map(ToolSpec::tool)
}

/// The names of all tools.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name)
}
