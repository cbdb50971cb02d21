//! One request of the journal with the history of its credentials: which requests issued, used, revoked or sent them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ControlError, ControlResult};
use super::requests::JournalRequest;
use crate::invalid::Invalid;
use crate::protocol::params::Params;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::protocol::user_code::normalise;
use crate::redact::shortened_secret;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{CredentialAction, Entry};

/// The parameters and the members of responses that are credentials.
const CREDENTIALS: [&str; 6] = [
    "access_token",
    "refresh_token",
    "token",
    "code",
    "device_code",
    "user_code",
];

/// The most requests that sent a credential in vain which its history has.
const MAX_REFUSED: usize = 10;

/// The action of such requests.
const REFUSED: &str = CredentialAction::Refused.name();

/// A request, and what the journal knows of its credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RequestDetail {
    /// The request.
    #[serde(flatten)]
    pub request: JournalRequest,
    /// The codes and tokens in the request and its response, in the order in which they occur.
    pub credentials: Vec<CredentialHistory>,
}

/// A code or token, and the requests that did something with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CredentialHistory {
    /// Where it is: `params.refresh_token`, `headers.authorization`, `location.code`, `response_body.access_token` and so on.
    pub place: String,
    /// Its beginning and its end, such as `civitai_9c41…e07b`.
    pub value: String,
    /// The requests of the journal that issued, used, revoked or sent it, oldest first. Of the requests that sent it in vain, the
    /// newest 10.
    pub history: Vec<CredentialEventView>,
    /// How many older requests sent it in vain.
    pub omitted: usize,
}

/// What a request did with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CredentialEventView {
    /// The id of the request.
    pub request: u64,
    /// Its arrival, by the sandbox's clock.
    pub at: Timestamp,
    /// `issued`, `used`, `revoked`, or `refused`: the request sent it in vain.
    pub action: &'static str,
}

/// The query of `GET /_mock/requests/{id}`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RequestOptions {
    /// Shows secrets instead of redacting them.
    pub(crate) unredacted: bool,
}

impl Sandbox {
    /// A request of the journal, by its id as text. Errors: as for [`Sandbox::request`].
    pub(crate) fn read_request(
        &self,
        id: &str,
        options: RequestOptions,
    ) -> ControlResult<RequestDetail> {
        let number = id.parse().map_err(|_| {
            let error = Invalid::new("id", format!("no request {id:?}"));
            ControlError::NotFound(error.with_hint("GET /_mock/requests lists the requests"))
        })?;
        self.request(number, options.unredacted)
    }

    /// A request of the journal. Errors: it was never recorded, or removed.
    pub(crate) fn request(&self, id: u64, unredacted: bool) -> ControlResult<RequestDetail> {
        let Some(stored) = self.journal.find(&[id]).pop() else {
            let newest = self.journal.newest();
            let message = if id == 0 || id > newest {
                format!("no request {id}: the newest is {newest}")
            } else {
                format!("request {id} is no longer in the journal")
            };
            let hint = "GET /_mock/requests lists the requests";
            return Err(ControlError::NotFound(
                Invalid::new("id", message).with_hint(hint),
            ));
        };
        let entry = stored.to_entry();
        let credentials = credentials(&entry);
        let history = |(place, secret): (String, String)| {
            let mut history = self.credential_history(&secret);
            let is_refused = |event: &CredentialEventView| event.action == REFUSED;
            let refused = history.iter().filter(|event| is_refused(event)).count();
            let omitted = refused.saturating_sub(MAX_REFUSED);
            let mut older = omitted;
            history.retain(|event| {
                let is_omitted = older > 0 && is_refused(event);
                older -= usize::from(is_omitted);
                !is_omitted
            });
            CredentialHistory {
                place,
                value: shortened_secret(&secret),
                history,
                omitted,
            }
        };
        Ok(RequestDetail {
            credentials: credentials.into_iter().map(history).collect(),
            request: JournalRequest::new(entry, unredacted),
        })
    }

    fn credential_history(&self, secret: &str) -> Vec<CredentialEventView> {
        let events = self.journal.credential_history(&SecretHash::new(secret));
        let view = |(request, action): (_, CredentialAction)| -> CredentialEventView {
            let crate::model::refusal_cause::RequestRef { request, at } = request;
            let action = action.name();
            CredentialEventView {
                request,
                at,
                action,
            }
        };
        events.into_iter().map(view).collect()
    }
}

/// The places and the values of all credentials of a request and its response.
fn credentials(entry: &Entry) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let bearer = entry.headers.get("authorization").and_then(Value::as_str);
    let bearer = bearer.and_then(|header| header.strip_prefix("Bearer "));
    found.extend(bearer.map(|token| ("headers.authorization".to_owned(), token.to_owned())));
    for name in CREDENTIALS {
        if let Some(sent) = entry.params.get(name).and_then(Value::as_str) {
            let secret = match name {
                "user_code" => normalise(sent),
                _ => sent.to_owned(),
            };
            found.push((format!("params.{name}"), secret));
        }
    }
    let location = entry.location.as_deref().unwrap_or_default();
    let query = location.split_once('?').map_or("", |(_, query)| query);
    let query = Params::from_urlencoded(query.as_bytes());
    found.extend(
        query
            .text("code")
            .map(|code| ("location.code".to_owned(), code.to_owned())),
    );
    for name in CREDENTIALS {
        let issued = entry.answer.as_ref().and_then(|answer| answer.get(name));
        if let Some(issued) = issued.and_then(Value::as_str) {
            found.push((format!("response_body.{name}"), issued.to_owned()));
        }
    }
    found.retain(|(_, secret)| !secret.is_empty());
    found
}
