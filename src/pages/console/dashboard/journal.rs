//! The journal as people read it: each exchange with what was sent, what came back, and why. The page draws the newest;
//! the others come by server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::contract::{Contract, DIFFERENCES};
use crate::control::{ControlError, Exchange, Preset, Requests, Why};
use crate::http::base_url::Base;
use crate::http::context::Context;
use crate::http::respond;
use crate::invalid::{self, Invalid};
use crate::protocol::call::Endpoint;
use crate::redact::redact;
use crate::server::App;
use crate::server::long_steps::LongSteps;

/// Longer values are cut on the page: `GET /_mock/requests` has more of them.
const LONGEST: usize = 300;

/// So many bytes of parameters, or of headers, are drawn of one exchange.
const MOST_OF_ONE: usize = 2000;

/// Whoever comes back to the stream after long is told of so many.
const CATCH_UP: usize = 200;

/// So many exchanges wait for a browser that is slow to read them; then the journal waits for nobody, and it does.
const QUEUE: usize = 32;

/// What says that the stream still lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What is looked for, as it was typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    pub(crate) endpoint: String,
    pub(crate) client_id: String,
    pub(crate) error: String,
    /// The loads of these pages too.
    pub(crate) all: bool,
    before: Option<String>,
    after: Option<u64>,
}

impl Search {
    pub(crate) fn of(query: &str) -> Self {
        let mut search = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "endpoint" => search.endpoint = value,
                "client_id" => search.client_id = value,
                "error" => search.error = value,
                "show" => search.all = value == "all",
                "after" => search.after = value.parse().ok(),
                "before" => search.before = Some(value),
                _ => {}
            }
        }
        search
    }

    /// The fields that say something.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let show = if self.all { "all" } else { "" };
        let fields = [
            ("show", show),
            ("endpoint", &*self.endpoint),
            ("client_id", &*self.client_id),
            ("error", &*self.error),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// Whether something is looked for, and not whatever there is.
    pub(crate) fn is_narrow(&self) -> bool {
        self.before.is_some() || self.fields().any(|(name, _)| name != "show")
    }

    /// Whether an exchange is one that is looked for: to look at these pages is nothing that an app does. What a person
    /// does on them is shown.
    pub(crate) fn shows(&self, one: &Exchange) -> bool {
        let pages = ["/user/account", "/favicon.ico"];
        let of_ours =
            one.endpoint == Endpoint::Home || pages.iter().any(|page| one.path.starts_with(page));
        let looks = of_ours && matches!(&*one.method, "GET" | "HEAD");
        self.all || !looks || self.endpoint == one.endpoint.name()
    }

    pub(crate) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .finish()
    }

    /// The same, of what came before an exchange.
    pub(crate) fn before(&self, id: u64) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .append_pair("before", &id.to_string())
            .finish()
    }

    /// Whether newer exchanges belong on the page.
    pub(crate) fn is_newest(&self) -> bool {
        self.before.is_none()
    }

    /// What is asked of the journal. Errors: what was typed is no such thing.
    pub(crate) fn requests(&self) -> Result<Requests, Invalid> {
        let mut asked: Map<String, Value> = self
            .fields()
            .filter(|(name, _)| *name != "show")
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
    pub(crate) fn endpoints(&self) -> Vec<(&'static str, bool)> {
        let names = Endpoint::ALL.iter().map(|endpoint| endpoint.name());
        names.map(|name| (name, name == self.endpoint)).collect()
    }
}

/// A difference that decided something, and the answers of the contracts.
struct DifferenceRow {
    name: &'static str,
    side: &'static str,
    here: &'static str,
    /// The other contracts whose answer differs, and their answers.
    there: Vec<(String, &'static str)>,
    /// The answer to this request would have been another there.
    otherwise: bool,
}

/// A fault that had a hand in an exchange.
struct FaultRow {
    id: u64,
    /// What it does, or did before it was removed.
    what: String,
}

/// A fault in words where it has a name, and else as its rule is written, without the secrets of its answer.
pub(crate) fn told(rule: &crate::control::Fault) -> String {
    let preset = Preset::ALL
        .iter()
        .find(|preset| preset.rule().as_ref() == Some(rule));
    match preset {
        Some(preset) => format!("{}: {}", preset.name(), preset.meaning()),
        None => redact(serde_json::json!(rule)).to_string(),
    }
}

/// Names and values, as many as have room, and how many there are besides.
struct Pairs {
    shown: Vec<(String, String)>,
    more: usize,
}

/// An exchange as it is drawn.
#[derive(Template)]
#[template(path = "exchange.html")]
pub(crate) struct Row {
    pub(crate) id: u64,
    at: String,
    /// The time of day, in UTC.
    time: String,
    method: String,
    path: String,
    status: String,
    good: bool,
    error: Option<String>,
    client: Option<String>,
    user: Option<i64>,
    params: Pairs,
    headers: Pairs,
    location: Option<String>,
    answer: Option<String>,
    why: Option<Why>,
    differences: Vec<DifferenceRow>,
    faults: Vec<FaultRow>,
    extensions: Vec<&'static str>,
    faults_href: String,
}

impl Row {
    pub(crate) fn of(one: &Exchange, base: &Base) -> Self {
        let good = one.status.is_some_and(|status| status < 400) && one.error.is_none();
        let answer = one.answer.as_ref();
        let answer = answer
            .map(|answer| serde_json::to_string_pretty(answer).expect("a JSON value is JSON"));
        Self {
            id: one.id,
            at: one.at.to_string(),
            time: time_of_day(&one.at.to_string()).to_owned(),
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
                    let here = entry.side(decided.side).answer;
                    let mut there: Vec<(String, &'static str)> = Vec::new();
                    for contract in Contract::ALL {
                        let answer = entry.side(contract).answer;
                        if let Some((names, _)) = there.iter_mut().find(|(_, one)| *one == answer) {
                            names.push_str(", ");
                            names.push_str(contract.name());
                        } else if answer != here {
                            there.push((contract.to_string(), answer));
                        }
                    }
                    Some(DifferenceRow {
                        name: decided.name.name(),
                        side: decided.side.name(),
                        here,
                        there,
                        otherwise: decided.otherwise,
                    })
                })
                .collect(),
            faults: (one.faults.iter().zip(&one.struck))
                .map(|(id, rule)| FaultRow {
                    id: *id,
                    what: told(rule),
                })
                .collect(),
            extensions: one.extensions.clone(),
            faults_href: format!("{}#faults", base.path(super::PATH)),
        }
    }
}

/// Of `2026-01-31T12:00:00.5Z`, `12:00:00`.
fn time_of_day(moment: &str) -> &str {
    let time = moment.split_once('T').map_or(moment, |(_, time)| time);
    time.get(..8).unwrap_or(time)
}

fn pairs(object: &Map<String, Value>) -> Pairs {
    let text = |value: &Value| match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    };
    let mut room = MOST_OF_ONE;
    let mut shown = Vec::new();
    for (name, value) in object {
        let pair = (cut(name), text(value));
        let Some(left) = room.checked_sub(pair.0.len() + pair.1.len()) else {
            break;
        };
        room = left;
        shown.push(pair);
    }
    let more = object.len() - shown.len();
    Pairs { shown, more }
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
    headers: HeaderMap,
) -> Response {
    let mut search = Search::of(query.as_deref().unwrap_or_default());
    // Whoever comes back says what came last; whoever comes for the first time, what is on the page.
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    search.after = last.or(search.after);
    let asked = match search.requests() {
        Ok(asked) => asked,
        Err(why) => return respond::invalid(StatusCode::BAD_REQUEST, "invalid", &why),
    };
    // Asked once for nothing: a filter that could never fit is refused at once.
    if let Err(why) = context.sandbox.list_requests(asked.clone().limit(0)).await {
        return why.into_response();
    }
    let listener = match context.sandbox.journal.readers().listen() {
        Ok(listener) => listener,
        Err(why) => return ControlError::from(why).into_response(),
    };
    let (tell, told) = mpsc::channel(QUEUE);
    let (stop, turn) = (app.stop.clone(), app.long_turn.clone());
    tokio::spawn(async move {
        let _listener = listener;
        // Each request that comes has every listener render it.
        let watching = LongSteps::new(&turn, watch(&context, &search, &asked, &tell));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tell.closed() => {}
            () = watching => {}
        }
    });
    Sse::new(ReceiverStream::new(told).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Tells of the exchanges after the one that is known, and of each that comes.
async fn watch(context: &Context, search: &Search, asked: &Requests, tell: &mpsc::Sender<Event>) {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let mut news = sandbox.journal.watch();
    let newest = *news.borrow_and_update();
    // A journal that began anew counts from the start.
    let mut last = search.after.unwrap_or(newest).min(newest);
    loop {
        let newest = *news.borrow_and_update();
        let next = asked.clone().after(last).limit(CATCH_UP);
        let Ok(found) = sandbox.list_requests(next).await else {
            return;
        };
        for one in found.requests.iter().filter(|one| search.shows(one)) {
            let Ok(html) = Row::of(one, base).render() else {
                return;
            };
            let event = Event::default().event("exchange").id(one.id.to_string());
            if tell.send(event.data(html)).await.is_err() {
                return;
            }
        }
        let told = found.requests.last().map_or(newest, |one| one.id);
        last = told.max(newest);
        if news.changed().await.is_err() {
            return;
        }
    }
}
