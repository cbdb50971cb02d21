//! The journal by control call: what the app has sent and was answered, and whether that is what was expected.
//! Secrets are redacted unless they are asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::redact::{redact, redact_text};
use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::model::user::UserRef;
use crate::protocol::duration::Length;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::Entry;

const LONGEST_WAIT: Length = Length(60_000);

/// Which exchanges are meant; what is not given fits all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Only those after the exchange of this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
}

/// The query of `GET requests`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    endpoint: Option<String>,
    method: Option<String>,
    grant_type: Option<String>,
    client_id: Option<String>,
    user: Option<UserRef>,
    status: Option<u16>,
    error: Option<String>,
    after: Option<u64>,
    /// At most so many, the newest.
    limit: Option<usize>,
    /// Shows what would be redacted.
    secrets: bool,
    /// Answers once `count` have come, or when this is over.
    wait: Option<Length>,
    count: Option<usize>,
}

/// What is expected of the exchanges that fit a filter.
#[derive(Debug, Deserialize)]
struct Expectation {
    #[serde(flatten)]
    filter: Map<String, Value>,
    times: Option<usize>,
    at_least: Option<usize>,
    at_most: Option<usize>,
    /// The first of them comes after the first of the expectation before.
    #[serde(default)]
    in_order: bool,
}

impl Filter {
    fn fits(&self, entry: &Entry, user: Option<i64>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        same(&self.endpoint, Some(&entry.endpoint))
            && same(&self.method, Some(&entry.method))
            && same(&self.grant_type, entry.grant_type())
            && same(&self.client_id, entry.client_id.as_deref())
            && same(&self.error, entry.error())
            && self.status.is_none_or(|status| status == entry.status)
            && self.after.is_none_or(|after| entry.id > after)
            && (self.user.is_none() || (user.is_some() && entry.user_id == user))
    }
}

impl Sandbox {
    /// The exchanges that fit, oldest first, and the counters of all.
    pub(crate) async fn list_requests(&self, asked: Asked) -> Outcome<Value> {
        let wait = asked.wait.unwrap_or(Length(0));
        if !(Length(0)..=LONGEST_WAIT).contains(&wait) {
            return Err(Invalid::new("wait", "a wait goes from 0 to 60 s").into());
        }
        let filter = Filter {
            endpoint: asked.endpoint,
            method: asked.method,
            grant_type: asked.grant_type,
            client_id: asked.client_id,
            user: asked.user,
            status: asked.status,
            error: asked.error,
            after: asked.after,
        };
        let user = self.filter_user(&filter).await?;
        let count = asked.count.unwrap_or(1);
        let mut found = self.wait_for(&filter, user, count, wait.to_std()).await;
        if let Some(limit) = asked.limit {
            found.drain(..found.len().saturating_sub(limit));
        }
        let shown: Vec<Value> = found
            .iter()
            .map(|entry| show(entry, asked.secrets))
            .collect();
        Ok(json!({ "requests": shown, "counters": self.journal.counters() }))
    }

    /// Forgets every exchange.
    pub(crate) fn clear_requests(&self) {
        self.journal.clear();
    }

    async fn filter_user(&self, filter: &Filter) -> Outcome<Option<i64>> {
        match &filter.user {
            Some(named) => Ok(Some(self.user_or_deleted(named, "user").await?.id.0)),
            None => Ok(None),
        }
    }

    async fn wait_for(
        &self,
        filter: &Filter,
        user: Option<i64>,
        count: usize,
        wait: Duration,
    ) -> Vec<Entry> {
        // Watched before it is read: what comes in between wakes us.
        let mut news = self.journal.watch();
        let enough = async {
            loop {
                let found = self.journal.matching(|entry| filter.fits(entry, user));
                if found.len() >= count || news.changed().await.is_err() {
                    return found;
                }
            }
        };
        match tokio::time::timeout(wait, enough).await {
            Ok(found) => found,
            Err(_) => self.journal.matching(|entry| filter.fits(entry, user)),
        }
    }

    /// Checks expectations: a list of them, or `{"expectations","in_order"}`. Errors: what differs, in words.
    pub(crate) async fn verify(&self, input: Value) -> Outcome<Value> {
        let (list, all_in_order) = match input {
            Value::Object(mut object) => {
                let in_order = object.remove("in_order").unwrap_or(Value::Bool(false));
                let list = object.remove("expectations").unwrap_or_default();
                if let Some(key) = object.keys().next() {
                    let why = Invalid::new(key.as_str(), format!("unknown key {key:?}"));
                    return Err(why
                        .with_hint("give expectations and in_order, or a list")
                        .into());
                }
                (
                    list,
                    invalid::from_json(in_order).map_err(|wrong| under("in_order", wrong))?,
                )
            }
            list => (list, false),
        };
        let expectations: Vec<Expectation> = invalid::from_json(list)?;
        let mut differences = Vec::new();
        let mut before = 0;
        for (at, expectation) in expectations.into_iter().enumerate() {
            let filter: Filter = invalid::from_json(Value::Object(expectation.filter.clone()))
                .map_err(|wrong| under(&format!("[{at}]"), wrong))?;
            let user = self.filter_user(&filter).await?;
            let found = self.journal.matching(|entry| filter.fits(entry, user));
            let meant = describe(&filter);
            if let Some(wrong) = expectation.differs(found.len()) {
                differences.push(format!("[{at}] {meant}: {wrong}"));
            }
            let first = found.first().map_or(0, |entry| entry.id);
            if (expectation.in_order || all_in_order) && !found.is_empty() {
                if !found.iter().any(|entry| entry.id > before) {
                    differences.push(format!(
                        "[{at}] {meant}: came as request {first}, before request {before} of the expectation before"
                    ));
                }
                let later = found.iter().map(|entry| entry.id).find(|id| *id > before);
                before = later.unwrap_or(first);
            } else if !found.is_empty() {
                before = first;
            }
        }
        if differences.is_empty() {
            return Ok(json!({ "verified": true }));
        }
        let counters = self.journal.counters();
        Err(ControlError::Mismatch {
            differences,
            counters: json!(counters),
        })
    }
}

/// An exchange as the control API shows it.
fn show(entry: &Entry, secrets: bool) -> Value {
    let differences: Vec<Value> = entry
        .differences
        .iter()
        .map(|(name, side)| json!({ "name": name, "side": side }))
        .collect();
    let text = |text: &str| {
        if secrets {
            text.to_owned()
        } else {
            redact_text(text)
        }
    };
    let object = |object: &Map<String, Value>| {
        let whole = Value::Object(object.clone());
        if secrets { whole } else { redact(whole) }
    };
    json!({
        "id": entry.id,
        "at": entry.at.to_string(),
        "method": entry.method,
        "path": text(&entry.path),
        "endpoint": text(&entry.endpoint),
        "grant_type": entry.grant_type(),
        "client_id": entry.client_id,
        "user": entry.user_id,
        "params": object(&entry.params),
        "headers": object(&entry.headers),
        "status": (entry.status != 0).then_some(entry.status),
        "error": entry.error(),
        "location": entry.location.as_deref().map(text),
        "answer": entry.answer.clone().map(|answer| if secrets { answer } else { redact(answer) }),
        "differences": differences,
        "faults": entry.faults,
        "extensions": entry.extensions,
    })
}

fn under(path: &str, wrong: Invalid) -> Invalid {
    let path = if wrong.path.is_empty() {
        path.to_owned()
    } else {
        format!("{path}.{}", wrong.path)
    };
    Invalid { path, ..wrong }
}

impl Expectation {
    /// What is wrong with so many, if anything is. Without a number, one at least is expected.
    fn differs(&self, found: usize) -> Option<String> {
        let (times, at_least, at_most) = (self.times, self.at_least, self.at_most);
        let at_least = if times.or(at_least).or(at_most).is_none() {
            Some(1)
        } else {
            at_least
        };
        let wanted = if times.is_some_and(|times| times != found) {
            format!("{}", times.unwrap_or_default())
        } else if at_least.is_some_and(|least| found < least) {
            format!("at least {}", at_least.unwrap_or_default())
        } else if at_most.is_some_and(|most| found > most) {
            format!("at most {}", at_most.unwrap_or_default())
        } else {
            return None;
        };
        Some(format!("expected {wanted}, came {found}"))
    }
}

/// `token refresh_token client_id=…`, or `any request`.
fn describe(filter: &Filter) -> String {
    let filter = serde_json::to_value(filter).unwrap_or_default();
    let parts: Vec<String> = filter
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| match (key.as_str(), value) {
            ("endpoint" | "grant_type", Value::String(text)) => text.clone(),
            (key, Value::String(text)) => format!("{key}={text}"),
            (key, other) => format!("{key}={other}"),
        })
        .collect();
    if parts.is_empty() {
        "any request".to_owned()
    } else {
        parts.join(" ")
    }
}
