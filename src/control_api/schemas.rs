//! The components of the `OpenAPI` document: request and response types as lists of keys, in the form of the table in
//! `operations.rs`. A kind with a capital names another component, with `[]` a list of it.

pub(crate) const USER: &[&str] = &[
    "id?: integer",
    "username?: text",
    "email?: text",
    "email_verified?: boolean",
    "image?: text",
    "moderator?: boolean",
    "tier?: text",
    "roles?: texts",
    "subscriptions?: texts",
    "muted?: boolean",
    "banned?: boolean",
    "deleted?: boolean",
    "buzz?: object",
];

/// The keys of a client that requests and responses share, and one more.
macro_rules! client {
    ($key:literal) => {
        &[
            "id?: text",
            "name?: text",
            "description?: text",
            "logo_url?: text",
            "confidential?: boolean",
            "redirect_uris?: texts",
            "any_loopback_redirect?: boolean",
            "allowed_origins?: texts",
            "grants?: texts",
            "allowed_scopes?: scope",
            "verified?: boolean",
            "access_mode?: text",
            "may_introspect?: boolean",
            "owner?: user",
            $key,
        ]
    };
}

/// The client in requests and in responses: a secret is never shown again.
pub(crate) const CLIENT: &[&str] = client!("secret?: text");
pub(crate) const CLIENT_SHOWN: &[&str] = client!("adopted?: boolean");

pub(crate) const SETTINGS: &[&str] = &[
    "contract?: text",
    "differences?: object",
    "scopes?: objects",
    "rate_limits?: boolean",
    "login?: user",
    "consent?: text",
    "access_token_seconds?: length",
    "refresh_token_seconds?: length",
    "code_seconds?: length",
    "unknown_clients?: text",
    "workflow_cost?: integer",
    "workflow_seconds?: length",
];

pub(crate) const FAULT: &[&str] = &[
    "endpoint?: endpoint",
    "client_id?: text",
    "grant_type?: grant_type",
    "user?: user",
    "nth?: integer",
    "after?: integer",
    "times?: integer",
    "probability?: number",
    "effect: Effect",
];

pub(crate) const FILTER: &[&str] = &[
    "endpoint?: endpoint",
    "path?: text",
    "method?: method",
    "grant_type?: grant_type",
    "client_id?: text",
    "user?: text",
    "status?: integer",
    "error?: text",
    "after?: integer",
    "before?: integer",
    "limit?: integer",
    "secrets?: boolean",
    "wait?: text",
    "count?: integer",
];

pub(crate) const ADVICE: &[&str] = &[
    "client_id?: text",
    "format?: advice_format",
    "location?: text",
];

pub(crate) const WHOSE: &[&str] = &["user?: text", "client_id?: text"];

/// A component: its name, keys that it shares with others, and keys of its own.
pub(crate) struct Component {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
    pub(crate) more: &'static [&'static str],
    /// Whether optional keys may be null, as in responses.
    pub(crate) nulls: bool,
}

/// A request type.
const fn request(name: &'static str, keys: &'static [&'static str]) -> Component {
    Component {
        name,
        keys,
        more: &[],
        nulls: false,
    }
}

/// A response type.
const fn response(
    name: &'static str,
    keys: &'static [&'static str],
    more: &'static [&'static str],
) -> Component {
    Component {
        name,
        keys,
        more,
        nulls: true,
    }
}

#[rustfmt::skip]
pub(crate) const COMPONENTS: &[Component] = &[
    response("Nothing", &[], &[]),
    response("Error", &["error: text", "message: text", "path: text", "hint?: text"], &[]),
    response("Mismatch", &["error: text", "message: text", "path: text", "hint: text", "differences: texts", "counters: Counters"], &[]),
    response("Counters", &["total: integer", "endpoints: object", "grants: object"], &[]),
    response("Deleted", &["deleted: integer"], &[]),
    response("Reset", &["reset: integer"], &[]),
    response("Expired", &["expired: integer"], &[]),
    response("Settings", SETTINGS, &[]),
    request("SettingsPatch", SETTINGS),
    response("Clock", &["now: text", "unix_ms: integer", "frozen: boolean", "at_end: boolean", "state: object"], &[]),
    response("Snapshot", &["name: text", "taken_at: text"], &[]),
    response("Snapshots", &["snapshots: Snapshot[]"], &[]),
    response("User", USER, &[]),
    response("Client", CLIENT_SHOWN, &[]),
    response("NewSecret", &["client_id: text", "client_secret: text"], &[]),
    response("SignedIn", &["cookie: text", "user: User"], &[]),
    response("Sessions", &["sessions: objects"], &[]),
    response("IssuedCode", &["code: text", "expires_in: integer", "scope: text", "redirect_uri: text", "location?: text_or_null", "code_verifier?: text_or_null"], &[]),
    response("Codes", &["codes: objects"], &[]),
    response("Tokens", &["access_token: text", "token_type: text", "expires_in: integer", "refresh_token?: text", "scope: any", "id_token?: text"], &[]),
    response("TokenList", &["tokens: Introspection[]"], &[]),
    response("Introspection", &["active: boolean", "kind?: text", "token_type?: text", "client_id?: text", "user?: integer", "scope?: text", "scopes?: texts", "issued_at?: text", "expires_at?: text", "expires_in?: integer", "sha256?: text"], &[]),
    response("Consent", &["user: integer", "client_id: text", "scope: text", "buzz_limit?: any", "updated_at?: text"], &[]),
    response("Consents", &["consents: Consent[]"], &[]),
    response("Spends", &["spends: objects"], &[]),
    request("Fault", FAULT),
    response("SetFault", FAULT, &["id: integer", "seen: integer", "struck: integer"]),
    response("Faults", &["faults: SetFault[]"], &[]),
    response("PresetSet", &["preset: text", "meaning: text", "fault?: SetFault", "clock?: Clock"], &[]),
    request("Effect", &[
        "error?: text", "error_description?: text", "status?: integer", "body?: any", "headers?: object", "delay?: delay",
        "reset?: boolean", "truncate?: boolean", "malformed?: boolean", "slow_body?: boolean", "deny?: boolean",
    ]),
    response("Exchange", &[
        "id: integer", "at: text", "method: text", "path: text", "endpoint: endpoint", "grant_type: text_or_null",
        "client_id: text_or_null", "user: any", "params: object", "headers: object", "status: any", "error: text_or_null",
        "location: text_or_null", "answer: any", "why: any", "differences: objects", "faults: any", "extensions: texts",
    ], &[]),
    response("Exchanges", &["requests: Exchange[]", "counters: Counters", "dropped: integer"], &[]),
    request("Expectation", &[
        "endpoint?: endpoint", "path?: text", "method?: method", "grant_type?: grant_type", "client_id?: text", "user?: user",
        "status?: integer", "error?: text", "after?: integer", "times?: integer", "at_least?: integer", "at_most?: integer",
        "in_order?: boolean",
    ]),
    response("Verified", &["verified: boolean"], &[]),
    response("Advice", &["findings: Finding[]", "exchanges: integer", "dropped: integer"], &[]),
    response("Finding", &[
        "id: text", "severity: severity", "client_id?: text", "summary: text", "why: text", "mend: text", "source: text",
        "requests: integers",
    ], &[]),
    request("Seed", &["users?: User[]", "clients?: Client[]", "scopes?: objects"]),
    response("Sandbox", &["name: text", "path: text", "idle_seconds: any"], &[]),
    response("Sandboxes", &["sandboxes: Sandbox[]"], &[]),
    response("MadeSandbox", &["name: text", "path: text", "settings: Settings"], &[]),
    response("Contract", &["contract: text", "sources: object", "differences: objects", "scopes: objects", "presets: objects"], &[]),
];
