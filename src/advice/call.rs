//! An exchange reduced to what the rules need: the parameters and response members that they read, and digests of the
//! rest.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::picked::{
    ANSWERS, PARAMS, digest, digest_of, granted, issued_code, member, named_in, picked, shortened,
};
use crate::contract::{Decision, Difference};
use crate::protocol::client_auth::Credentials;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::params::Params;
use crate::sandbox::journal::{Entry, RevokeNoop};

/// The end of the playground's redirect URI. Rules ignore the calls of the playground.
const PLAYGROUND: &str = "/_mock/playground/callback";

/// Prefix of the consent and device pages, which have the endpoint name of the endpoints that lead to them.
const PAGES: &str = "/login/oauth/";

/// A call that starts less than this many milliseconds after another may have been sent before the other's response
/// arrived. Only warnings depend on it, never errors.
pub(crate) const MIN_REACTION_MS: i64 = 10;

/// The ids of the calls that each started after the previous one was answered: parallel calls count once.
pub(crate) fn spaced_calls(calls: &[&ObservedCall]) -> Vec<u64> {
    let mut counted: Vec<&ObservedCall> = Vec::new();
    for call in calls {
        if counted.last().is_none_or(|last| call.after >= last.id) {
            counted.push(call);
        }
    }
    counted.into_iter().map(|call| call.id).collect()
}

/// The largest number of sequential calls on one connection. On one connection a client reads each response before it
/// sends the next request.
pub(crate) fn most_on_one_connection(calls: &[&ObservedCall]) -> usize {
    let mut connections: HashMap<u16, Vec<&ObservedCall>> = HashMap::new();
    for call in calls {
        if let Some(connection) = call.connection {
            connections.entry(connection).or_default().push(call);
        }
    }
    let counts = connections.values().map(|calls| spaced_calls(calls).len());
    counts.max().unwrap_or_default()
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
        if entry.is_preflight() || entry.path.starts_with(PAGES) {
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

/// One exchange as the rules see it. `Debug` shows nothing that was sent.
#[derive(Clone)]
pub(crate) struct ObservedCall {
    pub(crate) id: u64,
    /// The newest exchange that had ended when this one started.
    pub(crate) after: u64,
    /// Start, in milliseconds of the sandbox's clock.
    pub(crate) at: i64,
    /// Start, in milliseconds of the system clock, which tests do not stop.
    real: i64,
    connection: Option<u16>,
    pub(crate) kind: CallKind,
    pub(crate) endpoint: Endpoint,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) client: Option<String>,
    pub(crate) user: Option<i64>,
    /// `None` if a fault cut the connection.
    pub(crate) status: Option<u16>,
    /// `Retry-After`, in milliseconds.
    pub(crate) retry_after: Option<i64>,
    pub(crate) decisions: Vec<Decision>,
    /// A fault applied: the response is not the app's fault.
    pub(crate) is_faulty: bool,
    /// A fault may have withheld the response from the app.
    pub(crate) is_lost: bool,
    /// The reason that a revocation had no effect.
    pub(crate) idle: Option<RevokeNoop>,
    /// Id of the redirect on which the call lost its `Authorization` header.
    pub(crate) lost_at: Option<u64>,
    params: Box<[(&'static str, Value)]>,
    /// The names of [`PARAMS`] that were in the query.
    in_query: Box<[&'static str]>,
    authorization: Option<String>,
    /// Digest of the `User-Agent` header.
    agent: Option<u64>,
    /// Digest of all parameters.
    sent: u64,
    fetch_site: Option<String>,
    is_navigation: bool,
    answer: Box<[(&'static str, Value)]>,
    granted: Option<u32>,
    issued_code: Option<String>,
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
    /// Keeps what the rules need, so that a whole journal fits in memory.
    pub(crate) fn new(entry: Entry) -> Self {
        let header = |name: &str| entry.headers.get(name)?.as_str();
        let query = entry.query.as_deref().unwrap_or_default();
        let answer = entry.answer.as_ref().and_then(Value::as_object);
        let empty = Map::new();
        let text = |text: &str| shortened(text).into_owned();
        Self {
            id: entry.id,
            after: entry.after,
            at: entry.at.0,
            real: entry.real.0,
            connection: entry.connection,
            kind: CallKind::new(&entry),
            endpoint: entry.endpoint,
            user: entry.user_id,
            status: (entry.status != 0).then_some(entry.status),
            retry_after: entry.retry_after.map(|seconds| i64::from(seconds) * 1000),
            is_faulty: !entry.faults.is_empty(),
            is_lost: entry
                .faults
                .iter()
                .any(|fault| fault.rule.effect.may_lose_response()),
            idle: entry.idle,
            lost_at: None,
            authorization: header("authorization").map(text),
            agent: header("user-agent").map(digest),
            fetch_site: header("sec-fetch-site").map(text),
            is_navigation: header("accept").is_some_and(|accept| accept.contains("text/html")),
            method: text(&entry.method),
            path: text(&entry.path),
            client: entry.client_id.as_deref().map(text),
            sent: digest_of(&entry.params).wrapping_add(digest(query)),
            params: picked(&entry.params, &PARAMS),
            in_query: named_in(query),
            answer: picked(answer.unwrap_or(&empty), &ANSWERS),
            granted: answer.and_then(granted),
            issued_code: entry.location.as_deref().and_then(issued_code),
            decisions: entry.differences,
        }
    }

    /// Milliseconds since an earlier call, by the clock that shows more: tests may stop the sandbox's clock. `None` if the
    /// sandbox's clock did not move at all.
    pub(crate) fn pause_after(&self, before: &Self) -> Option<i64> {
        (self.at > before.at).then(|| self.ms_since(before))
    }

    fn ms_since(&self, before: &Self) -> i64 {
        (self.at - before.at).max(self.real - before.real)
    }

    /// Whether the client can have read the response to an earlier call: it had ended, and both came on one connection or
    /// [`MIN_REACTION_MS`] passed.
    pub(crate) fn can_know_response_of(&self, before: &Self) -> bool {
        let is_next = self.connection.is_some() && self.connection == before.connection;
        self.after >= before.id && (is_next || self.ms_since(before) >= MIN_REACTION_MS)
    }

    /// A non-empty text parameter of the query or body.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let text = member(&self.params, name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// The names that were in the query.
    pub(crate) fn in_query(&self, names: &[&'static str]) -> Vec<&'static str> {
        let all = names.iter().copied();
        all.filter(|name| self.in_query.contains(name)).collect()
    }

    /// The `Sec-Fetch-Site` header: `same-site`, `cross-site`, …
    pub(crate) fn fetch_site(&self) -> Option<&str> {
        self.fetch_site.as_deref()
    }

    /// Whether a browser loads a page, as opposed to a script's fetch.
    pub(crate) fn is_navigation(&self) -> bool {
        self.is_navigation
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
    pub(crate) fn basic_name(&self) -> Option<String> {
        Credentials::claimed_client_id(self.authorization.as_deref(), &Params::none())
    }

    /// The token that the call presents, which tells its client.
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
        member(&self.answer, name)?.as_str()
    }

    /// A number of the response.
    pub(crate) fn answered_number(&self, name: &str) -> Option<i64> {
        member(&self.answer, name)?.as_i64()
    }

    /// The scope of a token response, in either shape.
    pub(crate) fn granted(&self) -> Option<u32> {
        self.granted
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.answered("error")
    }

    /// Whether an error text of the response contains these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        let texts = ["error_description", "message", "detail"];
        texts
            .iter()
            .any(|name| self.answered(name).is_some_and(|text| text.contains(words)))
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether it succeeded, or was redirected to the next page of the sign-in.
    pub(crate) fn is_accepted(&self) -> bool {
        let is_sent_on = self.kind == CallKind::Authorize && matches!(self.status, Some(302 | 303));
        self.is_success() || is_sent_on
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

    /// Whether the access token was rejected.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == Some(401) && matches!(self.kind, CallKind::Userinfo | CallKind::Api)
    }

    /// Whether the access token lacked a scope.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.status == Some(403)
            && matches!(self.kind, CallKind::Userinfo | CallKind::Api)
            && !self.is_without_funds()
    }

    /// Whether the user had too little buzz, or the budget was used up.
    pub(crate) fn is_without_funds(&self) -> bool {
        self.endpoint == Endpoint::Workflows && self.says("enough funds")
    }

    /// The code that an authorization issued.
    pub(crate) fn issued_code(&self) -> Option<&str> {
        self.issued_code.as_deref()
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

    /// Whether it repeats an earlier request exactly.
    pub(crate) fn repeats(&self, earlier: &Self) -> bool {
        self.endpoint == earlier.endpoint
            && self.method == earlier.method
            && self.path == earlier.path
            && self.authorization == earlier.authorization
            && self.sent == earlier.sent
    }

    /// Digest of the `User-Agent` header.
    pub(crate) fn agent(&self) -> Option<u64> {
        self.agent
    }

    /// A key that all repetitions of a request share.
    pub(crate) fn dedup_key(&self) -> (Endpoint, &str, Option<&str>) {
        let credential = ["refresh_token", "code", "device_code", "token"]
            .iter()
            .find_map(|name| self.param(name));
        (
            self.endpoint,
            &self.path,
            credential.or(self.authorization.as_deref()),
        )
    }
}
