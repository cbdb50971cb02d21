//! What the rules see of an exchange: the parameters and answers that they look at, and digests of the rest. The rules are
//! the files beside this one.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::picked::{
    ANSWERS, PARAMS, digest, digest_of, granted, issued_code, member, named_in, picked, shortened,
};
use crate::contract::{Decision, Difference};
use crate::protocol::call::Endpoint;
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::Params;
use crate::sandbox::journal::{Entry, Idle};

/// Where the playground's app is sent back to: what it does is our doing.
const PLAYGROUND: &str = "/_mock/playground/callback";

/// Where the pages for consent and for a device's code are. They are named as the endpoints that lead to them.
const PAGES: &str = "/login/oauth/";

/// A call that began less than this after another, in milliseconds, may have been on its way already. No error depends on
/// it: only warnings about retries, which measure pauses anyway.
pub(crate) const REACTION: i64 = 10;

/// The calls that each began after the one before was answered.
pub(crate) fn rounds(calls: &[&Seen]) -> Vec<u64> {
    let mut counted: Vec<&Seen> = Vec::new();
    for one in calls {
        if counted.last().is_none_or(|last| one.after >= last.id) {
            counted.push(one);
        }
    }
    counted.into_iter().map(|one| one.id).collect()
}

/// How many of the calls came one after another on the same connection, at most. There a client has read an answer before
/// it sends the next request, however quickly.
pub(crate) fn most_on_one_connection(calls: &[&Seen]) -> usize {
    let mut connections: HashMap<u16, Vec<&Seen>> = HashMap::new();
    for one in calls {
        if let Some(connection) = one.connection {
            connections.entry(connection).or_default().push(one);
        }
    }
    let counts = connections.values().map(|calls| rounds(calls).len());
    counts.max().unwrap_or_default()
}

/// What kind of call an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Authorize,
    Code,
    Refresh,
    ClientCredentials,
    /// A token request by no grant that the rules look at.
    OtherGrant,
    Revoke,
    Userinfo,
    Device,
    Poll,
    /// What apps call after sign-in, userinfo aside.
    Api,
    /// A page, a preflight, or nothing that anybody serves.
    Other,
}

impl Call {
    fn of(entry: &Entry) -> Self {
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
            E::Me
            | E::Workflows
            | E::Blobs
            | E::ApiKeyGetSpend
            | E::BuzzGetBuzzAccount
            | E::BuzzGetUserAccount => Self::Api,
            _ => Self::Other,
        }
    }
}

/// One exchange, as the rules see it. `Debug` shows nothing that was sent.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    /// The newest exchange that was over when this one began.
    pub(crate) after: u64,
    /// Milliseconds of the sandbox's clock.
    pub(crate) at: i64,
    /// Milliseconds of the system's, which no test stops.
    real: i64,
    connection: Option<u16>,
    pub(crate) call: Call,
    pub(crate) endpoint: Endpoint,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) client: Option<String>,
    pub(crate) user: Option<i64>,
    /// None where the connection was cut.
    pub(crate) status: Option<u16>,
    /// In milliseconds.
    pub(crate) retry_after: Option<i64>,
    pub(crate) decisions: Vec<Decision>,
    /// A fault touched it: what came of it is not the app's doing.
    pub(crate) is_faulty: bool,
    /// A fault may have kept the answer from the app.
    pub(crate) is_lost: bool,
    /// Why it revoked nothing, although it was answered as if it had.
    pub(crate) idle: Option<Idle>,
    /// The redirect that it follows, and on which it has lost its `Authorization`.
    pub(crate) lost_at: Option<u64>,
    params: Box<[(&'static str, Value)]>,
    /// Those of [`PARAMS`] that stand in the query.
    in_query: Box<[&'static str]>,
    authorization: Option<String>,
    /// Digests of the program's name, and of all that was sent.
    agent: Option<u64>,
    sent: u64,
    fetch_site: Option<String>,
    is_navigation: bool,
    answer: Box<[(&'static str, Value)]>,
    granted: Option<u32>,
    issued_code: Option<String>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("id", &self.id)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl Seen {
    /// What is needed of an exchange; the rest is dropped, so that a whole journal can be looked at.
    pub(crate) fn of(entry: Entry) -> Self {
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
            call: Call::of(&entry),
            endpoint: entry.endpoint,
            user: entry.user_id,
            status: (entry.status != 0).then_some(entry.status),
            retry_after: entry.retry_after.map(|seconds| i64::from(seconds) * 1000),
            is_faulty: !entry.faults.is_empty(),
            is_lost: entry.faults.iter().any(|fault| fault.rule.effect.hides()),
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

    /// How long after another it was sent, in milliseconds: by the sandbox's clock, and where a test has stopped that one
    /// meanwhile, by the system's. Nothing where the sandbox's clock stood still: no time was told.
    pub(crate) fn pause_after(&self, before: &Self) -> Option<i64> {
        (self.at > before.at).then(|| self.apart_from(before))
    }

    /// By whichever clock it is longer.
    fn apart_from(&self, before: &Self) -> i64 {
        (self.at - before.at).max(self.real - before.real)
    }

    /// Whether its caller can have read the answer to that one: it had ended, and either both came on one connection, where
    /// one waits for the other, or the time was enough.
    pub(crate) fn can_know_of(&self, before: &Self) -> bool {
        let is_next = self.connection.is_some() && self.connection == before.connection;
        self.after >= before.id && (is_next || self.apart_from(before) >= REACTION)
    }

    /// A parameter that is text and not empty, of query or body.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let text = member(&self.params, name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// The names of those that stand in the query.
    pub(crate) fn in_query(&self, names: &[&'static str]) -> Vec<&'static str> {
        let all = names.iter().copied();
        all.filter(|name| self.in_query.contains(name)).collect()
    }

    /// Where a browser says that the request comes from: `same-site`, `cross-site`, …
    pub(crate) fn fetch_site(&self) -> Option<&str> {
        self.fetch_site.as_deref()
    }

    /// Whether a browser asked for a page, as opposed to a script's fetch.
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

    /// Whom HTTP Basic names.
    pub(crate) fn basic_name(&self) -> Option<String> {
        Credentials::claimed_client_id(self.authorization.as_deref(), &Params::none())
    }

    /// The token that it came with, which says whose it is.
    pub(crate) fn presented(&self) -> Option<&str> {
        let sent = || {
            ["refresh_token", "token", "access_token"]
                .iter()
                .find_map(|name| self.param(name))
        };
        self.bearer().or_else(sent)
    }

    /// The access token that it came with.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let by_header = self.authorization.as_deref().and_then(|header| {
            let (scheme, token) = header.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let takes_query = self.call == Call::Api && self.authorization.is_none();
        by_header.or_else(|| self.param("token").filter(|_| takes_query))
    }

    /// A text of the answer.
    pub(crate) fn answered(&self, name: &str) -> Option<&str> {
        member(&self.answer, name)?.as_str()
    }

    /// A number of the answer.
    pub(crate) fn answered_number(&self, name: &str) -> Option<i64> {
        member(&self.answer, name)?.as_i64()
    }

    /// The scope of a token answer, in either shape.
    pub(crate) fn granted(&self) -> Option<u32> {
        self.granted
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.answered("error")
    }

    /// Whether the answer says this anywhere.
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

    /// Whether it was let through: answered with what was asked for, or sent on to the next page of the sign-in.
    pub(crate) fn is_accepted(&self) -> bool {
        let is_sent_on = self.call == Call::Authorize && matches!(self.status, Some(302 | 303));
        self.is_success() || is_sent_on
    }

    /// Whether a server, or nobody, answered in a way that passes by itself.
    pub(crate) fn is_passing_failure(&self) -> bool {
        self.status
            .is_none_or(|status| status == 429 || status >= 500)
    }

    /// Whether the old host sent it on to the new one.
    pub(crate) fn is_moved(&self) -> bool {
        self.status == Some(308) && self.decision(Difference::LegacyHost).is_some()
    }

    /// Whether an access token was refused as such.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == Some(401) && matches!(self.call, Call::Userinfo | Call::Api)
    }

    /// Whether an access token was refused for what it lacks.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.status == Some(403)
            && matches!(self.call, Call::Userinfo | Call::Api)
            && !self.is_without_funds()
    }

    /// Whether there was too little buzz, or a cap was hit.
    pub(crate) fn is_without_funds(&self) -> bool {
        self.endpoint == Endpoint::Workflows && self.says("enough funds")
    }

    /// The code that an authorization brought.
    pub(crate) fn issued_code(&self) -> Option<&str> {
        self.issued_code.as_deref()
    }

    /// The decision on a difference, where it was asked for.
    pub(crate) fn decision(&self, difference: Difference) -> Option<Decision> {
        let mut all = self.decisions.iter().copied();
        all.find(|decision| decision.difference == difference)
    }

    /// Whether the app of the playground sent it, as far as the request itself tells.
    pub(crate) fn is_of_the_playground(&self) -> bool {
        let redirect_uri = self.param("redirect_uri");
        redirect_uri.is_some_and(|uri| uri.ends_with(PLAYGROUND))
    }

    /// Whether it asks for the very same thing again.
    pub(crate) fn repeats(&self, earlier: &Self) -> bool {
        self.endpoint == earlier.endpoint
            && self.method == earlier.method
            && self.path == earlier.path
            && self.authorization == earlier.authorization
            && self.sent == earlier.sent
    }

    /// A digest of what the program that sent it calls itself.
    pub(crate) fn agent(&self) -> Option<u64> {
        self.agent
    }

    /// What is the same in every repetition, to find them by.
    pub(crate) fn gist(&self) -> (Endpoint, &str, Option<&str>) {
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
