//! The journal as people read it: each exchange with what was sent, what came back, and why. The page draws the newest;
//! the others come by server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::base::Base;
use crate::contract::{Contract, DIFFERENCES};
use crate::control::{Exchange, Requests, Why};
use crate::invalid::{self, Invalid};
use crate::oauth::extract::Context;
use crate::oauth::respond;
use crate::protocol::call::Endpoint;
use crate::sandbox::Sandbox;
use crate::server::App;

/// Longer values are cut on the page: `GET /_mock/requests` has more of them.
const LONGEST: usize = 300;

/// So many exchanges wait for a browser that is slow to read them; then the journal waits for nobody, and it does.
const QUEUE: usize = 32;

/// What says that the stream still lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What is looked for, as it was typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pub(super) endpoint: String,
    pub(super) client_id: String,
    pub(super) error: String,
    before: Option<String>,
}

impl Search {
    pub(super) fn of(query: &str) -> Self {
        let mut search = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "endpoint" => search.endpoint = value,
                "client_id" => search.client_id = value,
                "error" => search.error = value,
                "before" => search.before = Some(value),
                _ => {}
            }
        }
        search
    }

    /// The fields that say something.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("endpoint", &self.endpoint),
            ("client_id", &self.client_id),
            ("error", &self.error),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
    }

    pub(super) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .finish()
    }

    /// The same, of what came before an exchange.
    pub(super) fn before(&self, id: u64) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .append_pair("before", &id.to_string())
            .finish()
    }

    /// Whether newer exchanges belong on the page.
    pub(super) fn is_newest(&self) -> bool {
        self.before.is_none()
    }

    /// What is asked of the journal. Errors: what was typed is no such thing.
    pub(super) fn requests(&self) -> Result<Requests, Invalid> {
        let mut asked: Map<String, Value> = self
            .fields()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        if let Some(before) = &self.before {
            let number = before
                .parse::<u64>()
                .map_or(before.as_str().into(), Value::from);
            asked.insert("before".to_owned(), number);
        }
        invalid::from_json(Value::Object(asked))
    }

    /// The endpoints to choose among.
    pub(super) fn endpoints(&self) -> Vec<(&'static str, bool)> {
        let names = Endpoint::ALL.iter().map(|endpoint| endpoint.name());
        names.map(|name| (name, name == self.endpoint)).collect()
    }
}

/// A difference that decided something: what holds here, and what there.
struct DifferenceRow {
    name: &'static str,
    side: &'static str,
    here: &'static str,
    there: &'static str,
    /// The answer would have been another there.
    otherwise: bool,
}

/// An exchange as it is drawn.
#[derive(Template)]
#[template(path = "exchange.html")]
pub(super) struct Row {
    pub(super) id: u64,
    at: String,
    method: String,
    path: String,
    status: String,
    good: bool,
    error: Option<String>,
    client: Option<String>,
    user: Option<i64>,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    location: Option<String>,
    answer: Option<String>,
    why: Option<Why>,
    differences: Vec<DifferenceRow>,
    faults: Vec<u64>,
    extensions: Vec<&'static str>,
    faults_href: String,
}

impl Row {
    pub(super) fn of(one: &Exchange, base: &Base) -> Self {
        let good = one.status.is_some_and(|status| status < 400) && one.error.is_none();
        let answer = one.answer.as_ref();
        let answer = answer
            .map(|answer| serde_json::to_string_pretty(answer).expect("a JSON value is JSON"));
        Self {
            id: one.id,
            at: one.at.to_string(),
            method: cut(&one.method),
            path: cut(&one.path),
            status: one
                .status
                .map_or("broken off".to_owned(), |status| status.to_string()),
            good,
            error: one.error.clone(),
            client: one.client_id.as_deref().map(cut),
            user: one.user,
            params: pairs(&one.params),
            headers: pairs(&one.headers),
            location: one.location.as_deref().map(cut),
            answer: answer.as_deref().map(cut),
            why: one.why.clone(),
            differences: one
                .differences
                .iter()
                .filter_map(|decided| {
                    let entry = DIFFERENCES
                        .iter()
                        .find(|entry| entry.difference == decided.name)?;
                    let (here, there) = match decided.side {
                        Contract::Documented => (entry.documented, entry.live),
                        Contract::Live => (entry.live, entry.documented),
                    };
                    Some(DifferenceRow {
                        name: decided.name.name(),
                        side: decided.side.name(),
                        here,
                        there,
                        otherwise: decided.otherwise,
                    })
                })
                .collect(),
            faults: one.faults.clone(),
            extensions: one.extensions.clone(),
            faults_href: format!("{}#faults", base.path(super::PATH)),
        }
    }
}

fn pairs(object: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    };
    object
        .iter()
        .map(|(name, value)| (cut(name), text(value)))
        .collect()
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

/// `GET /_mock/events`: each exchange that fits, as it comes, ready to be put at the head of the list.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    context: Context,
    RawQuery(query): RawQuery,
) -> Response {
    let search = Search::of(query.as_deref().unwrap_or_default());
    let asked = match search.requests() {
        Ok(asked) => asked,
        Err(why) => return respond::invalid(StatusCode::BAD_REQUEST, "invalid", &why),
    };
    // Asked once for nothing: a filter that could never fit is refused at once.
    if let Err(why) = context.sandbox.list_requests(asked.clone().limit(0)).await {
        return why.into_response();
    }
    let (tell, told) = mpsc::channel(QUEUE);
    let stop = app.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tell.closed() => {}
            () = watch(&context.sandbox, &context.base, asked, &tell) => {}
        }
    });
    Sse::new(ReceiverStream::new(told).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Tells of the exchanges from now on.
async fn watch(sandbox: &Sandbox, base: &Base, asked: Requests, tell: &mpsc::Sender<Event>) {
    let mut news = sandbox.journal.watch();
    let mut last = *news.borrow_and_update();
    while news.changed().await.is_ok() {
        let newest = *news.borrow_and_update();
        let Ok(found) = sandbox.list_requests(asked.clone().after(last)).await else {
            return;
        };
        for one in &found.requests {
            let Ok(html) = Row::of(one, base).render() else {
                return;
            };
            let event = Event::default().event("exchange").id(one.id.to_string());
            if tell.send(event.data(html)).await.is_err() {
                return;
            }
        }
        last = found
            .requests
            .last()
            .map_or(newest, |one| one.id.max(newest));
    }
}
