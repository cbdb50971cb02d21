//! `GET /_mock/events`: changes of the sandbox as server-sent events, so that open pages of the console stay true.
//!
//! | event | data | the page |
//! |---|---|---|
//! | `hello` | the epoch | loads its lists again if it shows another epoch |
//! | `request` | a row of the list, as HTML | adds it |
//! | `line` | a change of clock, faults or settings as a row of the list | adds it at its place |
//! | `counts` | the numbers of refused, app and all requests | shows them |
//! | `change` | names of what has changed, such as `clock faults` | loads these parts again |
//! | `reload` | the epoch | loads everything again: the journal was cleared, or too much has happened |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::epoch::epoch;
use super::requests::{ChangeRow, PageGroup, Row, SearchForm};
use crate::control::{ControlError, PageSearch};
use crate::http::context::RequestContext;
use crate::http::long_steps::LongSteps;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::protocol::time::Timestamp;
use crate::sandbox::clock::ClockState;
use crate::sandbox::settings::Settings;

/// More new requests at once are not sent one by one: the page loads its list again.
const MAX_CATCH_UP: u64 = 200;

/// The most events queued for a slow browser. The journal does not wait for it.
const MAX_QUEUED: usize = 32;

/// Interval of keep-alive comments.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often changes other than requests are looked for.
const INTERVAL: Duration = Duration::from_millis(400);

/// `GET /_mock/events`. With `list=none`, rows are left out; else the query has the search of the list.
pub(crate) async fn events(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut form = SearchForm::parse(query.as_deref().unwrap_or_default());
    // A reconnecting browser sends the id of the last event; a new page has its newest request in the query.
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| Seen::parse(id.to_str().ok()?));
    if let Some(Seen { request, change }) = last {
        (form.after, form.after_change) = (Some(request), change);
    }
    let query = match form.journal_query() {
        Ok(query) => query,
        Err(error) => return respond::invalid(StatusCode::BAD_REQUEST, "invalid", &error),
    };
    // One that cannot match is an error.
    let search = match context.sandbox.page_search(query) {
        Ok(search) => search,
        Err(error) => return error.into_response(),
    };
    let listener = match context.sandbox.journal.readers().listeners.try_acquire() {
        Ok(listener) => listener,
        Err(error) => return ControlError::from(error).into_response(),
    };
    let (sender, receiver) = mpsc::channel(MAX_QUEUED);
    let turn = state.long_steps.clone();
    // Compared with what there is before the response begins: no change in between is lost.
    let panels = Panels::new(&state, &context);
    let watcher = Watcher {
        panels,
        search: (!form.has_no_list).then_some(search),
        after: form.after,
        after_change: form.after_change,
        has_changes: form.shows_changes(),
        state: Arc::clone(&state),
        context,
        sender: sender.clone(),
    };
    tokio::spawn(async move {
        let _listener = listener;
        let sandbox = watcher.context.sandbox.clone();
        // Each new request is rendered once for every listener.
        let watching = LongSteps::new(&turn, watcher.run());
        tokio::select! {
            // The server closes its sandboxes when it stops.
            () = sandbox.closed() => {}
            () = sender.closed() => {}
            _ = watching => {}
        }
    });
    Sse::new(ReceiverStream::new(receiver).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// The last request and the last change that a browser has received: the id of its last event.
#[derive(Debug, Clone, Copy)]
struct Seen {
    request: u64,
    change: u64,
}

impl Seen {
    fn parse(id: &str) -> Option<Self> {
        let (request, change) = id.split_once('.')?;
        Some(Self {
            request: request.parse().ok()?,
            change: change.parse().ok()?,
        })
    }

    fn to_id(self) -> String {
        format!("{}.{}", self.request, self.change)
    }
}

/// The browser has disconnected.
struct Disconnected;

/// Sends what changes to one browser.
struct Watcher {
    panels: Panels,
    /// None if the page has no list.
    search: Option<PageSearch>,
    after: Option<u64>,
    after_change: u64,
    /// Whether the list has changes between its requests.
    has_changes: bool,
    state: Arc<ServerState>,
    context: RequestContext,
    sender: mpsc::Sender<Event>,
}

impl Watcher {
    async fn send(&self, event: Event) -> Result<(), Disconnected> {
        self.sender.send(event).await.map_err(|_| Disconnected)
    }

    async fn run(mut self) -> Result<(), Disconnected> {
        let sandbox = &self.context.sandbox.clone();
        let mut news = sandbox.journal.watch();
        let newest = *news.borrow_and_update();
        // A journal that was reset counts from the start.
        let mut seen = Seen {
            request: self.after.unwrap_or(newest).min(newest),
            change: self.after_change,
        };
        let mut known = epoch(sandbox);
        let mut counts = None;
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.send(Event::default().event("hello").data(&known))
            .await?;
        loop {
            let now = epoch(sandbox);
            if now != known {
                known = now;
                seen.request = sandbox.journal.newest();
                seen.change = sandbox.changes.newest();
                self.send(Event::default().event("reload").data(&known))
                    .await?;
            }
            seen = self.send_rows(seen, &known).await?;
            let now = sandbox.journal.kind_counts();
            if counts != Some(now) {
                counts = Some(now);
                let data = format!("{} {} {}", now.refused, now.app(), now.all());
                self.send(Event::default().event("counts").data(data))
                    .await?;
            }
            tokio::select! {
                changed = news.changed() => if changed.is_err() {
                    return Ok(());
                },
                // The comparison lists all sandboxes: not after each request.
                _ = ticks.tick() => if let Some(changed) = self.panels.changes(&self.state, &self.context) {
                    self.send(Event::default().event("change").data(changed))
                        .await?;
                },
            }
        }
    }

    /// Sends the requests and changes that the browser has not received. Returns the last ones that were read.
    async fn send_rows(&self, mut seen: Seen, epoch: &str) -> Result<Seen, Disconnected> {
        let (sandbox, base) = (&self.context.sandbox, &self.context.base);
        let newest = sandbox.journal.newest();
        let Some(search) = &self.search else {
            seen.request = newest;
            return Ok(seen);
        };
        if newest.saturating_sub(seen.request) > MAX_CATCH_UP {
            self.send(Event::default().event("reload").data(epoch))
                .await?;
            return Ok(Seen {
                request: newest,
                change: sandbox.changes.newest(),
            });
        }
        while seen.request < newest {
            let (found, read) = sandbox.journal_news(search, seen.request);
            if read == seen.request {
                break;
            }
            for one in &found {
                self.send_changes(&mut seen, one.request.id).await?;
                seen.request = one.request.id;
                let mut row = Row::new(&one.request, sandbox, base);
                if let Some(head) = sandbox.sign_in_start(one) {
                    let is_open = false;
                    row.group = PageGroup::Member { head, is_open };
                }
                let Ok(html) = row.render() else {
                    continue;
                };
                let event = Event::default().event("request").id(seen.to_id());
                self.send(event.data(html)).await?;
            }
            seen.request = read;
        }
        self.send_changes(&mut seen, u64::MAX).await?;
        Ok(Seen {
            request: seen.request.max(newest),
            ..seen
        })
    }

    /// Sends the changes that were made before a request.
    async fn send_changes(&self, seen: &mut Seen, request: u64) -> Result<(), Disconnected> {
        if !self.has_changes {
            return Ok(());
        }
        let sandbox = &self.context.sandbox;
        for change in sandbox.changes.list_after(seen.change) {
            if change.after_request >= request {
                break;
            }
            seen.change = change.id;
            if let Ok(html) = ChangeRow::new(change, sandbox.now()).render() {
                let event = Event::default().event("line").id(seen.to_id());
                self.send(event.data(html)).await?;
            }
        }
        Ok(())
    }
}

/// What the panels of a page show, to be compared with what they would show now.
struct Panels {
    clock: ClockState,
    settings: Arc<Settings>,
    /// Each fault with its counter.
    faults: Vec<(u64, u64)>,
    /// Tokens, codes, users, clients and consents.
    data_changes: u64,
    sandboxes: Vec<String>,
    /// Each snapshot with its time.
    snapshots: Vec<(String, Timestamp)>,
    newest: u64,
}

impl Panels {
    fn new(state: &ServerState, context: &RequestContext) -> Self {
        let sandbox = &context.sandbox;
        let faults = sandbox.list_faults().faults;
        let listed = state.registry.list_sandboxes().sandboxes;
        Self {
            clock: sandbox.clock.state(),
            settings: sandbox.settings(),
            faults: faults
                .iter()
                .map(|fault| (fault.id, fault.triggered))
                .collect(),
            data_changes: sandbox.data().changes(),
            // The list that pages show: the store knows a new sandbox a moment earlier.
            sandboxes: listed.into_iter().map(|one| one.name).collect(),
            snapshots: sandbox.store.list_snapshots(sandbox.name()),
            newest: sandbox.journal.newest(),
        }
    }

    /// The names of what has changed since the last call.
    fn changes(&mut self, state: &ServerState, context: &RequestContext) -> Option<String> {
        let now = Self::new(state, context);
        let compared = [
            ("clock", now.clock != self.clock),
            ("settings", now.settings != self.settings),
            ("faults", now.faults != self.faults),
            ("tokens", now.data_changes != self.data_changes),
            ("sandboxes", now.sandboxes != self.sandboxes),
            ("snapshots", now.snapshots != self.snapshots),
            ("findings", now.newest != self.newest),
        ];
        *self = now;
        let changed = compared.into_iter().filter(|(_, differs)| *differs);
        let changed: Vec<&str> = changed.map(|(name, _)| name).collect();
        (!changed.is_empty()).then(|| changed.join(" "))
    }
}
