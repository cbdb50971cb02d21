//! A request reduced to what the rules read, so that a whole journal fits in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value};

use crate::contract::{Decision, Difference};
use crate::protocol::client_auth::Credentials;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::params::Params;
use crate::sandbox::journal::{Entry, RevokeNoop};

/// The end of the playground's redirect URI. Rules ignore the calls of the playground.
const PLAYGROUND: &str = "/_mock/playground/callback";

/// Prefix of the consent and device pages, which have the endpoint name of the endpoints that lead to them.
const PAGES: &str = "/login/oauth/";

/// The text parameters that rules read.
const PARAMS: [&str; 28] = [
    "access_token",
    "acr_values",
    "audience",
    "claims",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "display",
    "grant_type",
    "id_token_hint",
    "login_hint",
    "max_age",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "ui_locales",
];

/// The texts of a JSON response that rules read.
const ANSWERS: [&str; 5] = [
    "access_token",
    "device_code",
    "error",
    "error_description",
    "refresh_token",
];

/// A call that starts less than this many milliseconds after another may have been sent before the other's response
/// arrived.
const MIN_REACTION_MS: i64 = 10;

/// The calls that each started after the previous one was answered: parallel calls count once.
pub(crate) fn sequential<'a>(
    calls: impl IntoIterator<Item = &'a ObservedCall>,
) -> Vec<&'a ObservedCall> {
    let mut counted: Vec<&ObservedCall> = Vec::new();
    for call in calls {
        if counted
            .last()
            .is_none_or(|last| call.last_completed_id >= last.id)
        {
            counted.push(call);
        }
    }
    counted
}

/// The kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Authorize,
    Code,
    Refresh,
    ClientCredentials,
    /// A token request with a grant that no rule reads.
    OtherGrant,
    Revoke,
    Userinfo,
    Device,
    Poll,
    /// An API call with an access token, other than userinfo.
    Api,
    /// A page, a preflight, or an unknown path.
    Other,
}

impl CallKind {
    fn new(entry: &Entry) -> Self {
        use Endpoint as E;
        if entry.is_preflight || entry.path.starts_with(PAGES) {
            return Self::Other;
        }
        match entry.endpoint {
            E::Authorize => Self::Authorize,
            E::Token => match entry.grant_type() {
                Some("authorization_code") => Self::Code,
                Some("refresh_token") => Self::Refresh,
                Some("client_credentials") => Self::ClientCredentials,
                _ => Self::OtherGrant,
            },
            E::Revoke => Self::Revoke,
            E::Userinfo => Self::Userinfo,
            E::Device => Self::Device,
            E::DeviceToken => Self::Poll,
            api if api.is_api() => Self::Api,
            _ => Self::Other,
        }
    }
}

/// One request as the rules see it. `Debug` shows nothing that was sent.
#[derive(Clone)]
pub(crate) struct ObservedCall {
    pub(crate) id: u64,
    /// The newest request that had ended when this one started.
    pub(crate) last_completed_id: u64,
    /// Start, in milliseconds of the sandbox's clock.
    pub(crate) at: i64,
    /// Start, in milliseconds of the system clock, which tests do not stop.
    system_time: i64,
    /// The connection, if requests come on it one after another.
    connection: Option<u16>,
    pub(crate) kind: CallKind,
    pub(crate) endpoint: Endpoint,
    pub(crate) method: String,
    pub(crate) client: Option<String>,
    /// `None` if a fault cut the connection.
    pub(crate) status: Option<u16>,
    /// `Retry-After`, in milliseconds.
    pub(crate) retry_after_ms: Option<i64>,
    pub(crate) decisions: Vec<Decision>,
    /// A fault applied: the response is not the app's fault.
    pub(crate) is_faulty: bool,
    /// A fault may have withheld the response from the app.
    pub(crate) is_lost: bool,
    /// The reason that a revocation had no effect.
    pub(crate) revoke_noop: Option<RevokeNoop>,
    params: BTreeMap<&'static str, String>,
    /// The names of [`PARAMS`] that were in the query.
    in_query: Vec<&'static str>,
    authorization: Option<String>,
    /// Digest of method, path, credential and parameters: the same for an exact repetition.
    pub(crate) digest: u64,
    /// The `Sec-Fetch-Site` header: `same-site`, `cross-site`, …
    pub(crate) fetch_site: Option<String>,
    /// Whether a browser loads a page, as opposed to a script's fetch.
    pub(crate) is_navigation: bool,
    answer: BTreeMap<&'static str, String>,
    /// The polling interval of a device response, in milliseconds.
    pub(crate) interval_ms: Option<i64>,
    /// The scope of a token response, in either shape.
    pub(crate) granted_scope: Option<u32>,
    /// The code that an authorization issued.
    pub(crate) issued_code: Option<String>,
}

impl fmt::Debug for ObservedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedCall")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl ObservedCall {
    pub(crate) fn new(entry: Entry) -> Self {
        let header = |name: &str| entry.headers.get(name)?.as_str().map(str::to_owned);
        let authorization = header("authorization");
        let mut hasher = DefaultHasher::new();
        (&entry.method, &entry.path, &entry.query, &authorization).hash(&mut hasher);
        entry.params.hash(&mut hasher);
        let query = entry.query.as_deref().unwrap_or_default();
        let in_query = Params::from_urlencoded(query.as_bytes());
        let in_query = PARAMS
            .into_iter()
            .filter(|name| in_query.non_empty(name).is_some());
        let empty = Map::new();
        let answer = entry.answer.as_ref().and_then(Value::as_object);
        let answer = answer.unwrap_or(&empty);
        let interval = answer.get("interval").and_then(Value::as_i64);
        Self {
            id: entry.id,
            last_completed_id: entry.last_completed_id,
            at: entry.at.0,
            system_time: entry.system_time.0,
            connection: entry.connection,
            kind: CallKind::new(&entry),
            endpoint: entry.endpoint,
            status: (entry.status != 0).then_some(entry.status),
            retry_after_ms: entry.retry_after.map(|seconds| i64::from(seconds) * 1000),
            is_faulty: !entry.faults.is_empty(),
            is_lost: entry
                .faults
                .iter()
                .any(|fault| fault.definition.effect.may_lose_response()),
            revoke_noop: entry.revoke_noop,
            authorization,
            fetch_site: header("sec-fetch-site"),
            is_navigation: header("accept").is_some_and(|accept| accept.contains("text/html")),
            digest: hasher.finish(),
            params: texts(&entry.params, &PARAMS),
            in_query: in_query.collect(),
            interval_ms: interval.map(|seconds| seconds.saturating_mul(1000)),
            granted_scope: granted_scope(answer),
            answer: texts(answer, &ANSWERS),
            issued_code: entry.location.as_deref().and_then(issued_code),
            method: entry.method,
            client: entry.client_id,
            decisions: entry.differences,
        }
    }

    /// Milliseconds since an earlier call, by the clock that shows more: tests may stop the sandbox's clock. `None` if the
    /// sandbox's clock did not move at all.
    pub(crate) fn pause_after(&self, before: &Self) -> Option<i64> {
        (self.at > before.at).then(|| self.ms_since(before))
    }

    fn ms_since(&self, before: &Self) -> i64 {
        (self.at - before.at).max(self.system_time - before.system_time)
    }

    /// Whether the client can have read the response to an earlier call: it had ended, and both came on one connection or
    /// [`MIN_REACTION_MS`] passed.
    pub(crate) fn can_know_response_of(&self, before: &Self) -> bool {
        let is_next = self.connection.is_some() && self.connection == before.connection;
        self.last_completed_id >= before.id && (is_next || self.ms_since(before) >= MIN_REACTION_MS)
    }

    /// A non-empty text parameter of the query or body.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let text = self.params.get(name)?.as_str();
        (!text.is_empty()).then_some(text)
    }

    /// Whether a parameter was in the query, and not empty.
    pub(crate) fn has_in_query(&self, name: &str) -> bool {
        self.in_query.contains(&name)
    }

    pub(crate) fn has_authorization(&self) -> bool {
        self.authorization.is_some()
    }

    pub(crate) fn is_basic(&self) -> bool {
        let header = self.authorization.as_deref().unwrap_or_default();
        let scheme = header.trim().split(' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("basic")
    }

    /// The client id of HTTP Basic.
    pub(crate) fn basic_client_id(&self) -> Option<String> {
        Credentials::claimed_client_id(self.authorization.as_deref(), &Params::none())
    }

    /// The token that the call presents, which identifies its client.
    pub(crate) fn presented(&self) -> Option<&str> {
        let sent = || {
            ["refresh_token", "token", "access_token"]
                .iter()
                .find_map(|name| self.param(name))
        };
        self.bearer().or_else(sent)
    }

    /// The access token that the call presents.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let by_header = self.authorization.as_deref().and_then(|header| {
            let (scheme, token) = header.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let takes_query = self.kind == CallKind::Api && self.authorization.is_none();
        by_header.or_else(|| self.param("token").filter(|_| takes_query))
    }

    /// A text of the response.
    pub(crate) fn answered(&self, name: &str) -> Option<&str> {
        self.answer.get(name).map(String::as_str)
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.answered("error")
    }

    /// Whether the error description contains these words.
    pub(crate) fn is_error_about(&self, words: &str) -> bool {
        self.answered("error_description")
            .is_some_and(|text| text.contains(words))
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether it succeeded, or was redirected to the next page of the sign-in.
    pub(crate) fn is_accepted(&self) -> bool {
        let is_redirected =
            self.kind == CallKind::Authorize && matches!(self.status, Some(302 | 303));
        self.is_success() || is_redirected
    }

    /// Whether it failed temporarily: no response, 429 or 5xx.
    pub(crate) fn is_temporary_failure(&self) -> bool {
        self.status
            .is_none_or(|status| status == 429 || status >= 500)
    }

    /// Whether the legacy host redirected it.
    pub(crate) fn is_moved(&self) -> bool {
        self.status == Some(308) && self.decision(Difference::LegacyHost).is_some()
    }

    /// Whether the call presents an access token.
    pub(crate) fn is_api_call(&self) -> bool {
        matches!(self.kind, CallKind::Userinfo | CallKind::Api)
    }

    /// The decision on a difference, if the request depended on it.
    pub(crate) fn decision(&self, difference: Difference) -> Option<Decision> {
        let mut all = self.decisions.iter().copied();
        all.find(|decision| decision.difference == difference)
    }

    /// Whether the request itself shows that it is from the playground.
    pub(crate) fn is_of_playground(&self) -> bool {
        let redirect_uri = self.param("redirect_uri");
        redirect_uri.is_some_and(|uri| uri.ends_with(PLAYGROUND))
    }
}

/// The members with these names that are texts.
fn texts(object: &Map<String, Value>, names: &[&'static str]) -> BTreeMap<&'static str, String> {
    let found = names
        .iter()
        .filter_map(|name| Some((*name, object.get(*name)?.as_str()?.to_owned())));
    found.collect()
}

/// The scope of a token response, in either shape.
fn granted_scope(answer: &Map<String, Value>) -> Option<u32> {
    let scope = answer.get("scope")?;
    let text = scope.as_str().or_else(|| scope.get(0)?.as_str());
    text?.parse().ok()
}

/// The code in the query of a redirect.
fn issued_code(location: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    Params::from_urlencoded(query.as_bytes()).non_empty("code")
}
