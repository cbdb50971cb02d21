//! `GET /_mock`: the requests as a list, with the detail of one beside it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::detail::Detail;
use super::lines::{self, ListSource};
use super::search::SearchForm;
use crate::control::{ControlError, JournalPage, KindFilter};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::KindCounts;
use crate::store::StoreError;

/// The most requests on one page.
const MAX_REQUESTS: usize = 50;

/// The most clients and users of the filters.
const MAX_OPTIONS: usize = 50;

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    layout: ConsoleLayout,
    here: String,
    search: SearchForm,
    chips: [Chip; 3],
    /// The link that removes the filters.
    without_filters: String,
    clients: Vec<FilterOption>,
    users: Vec<FilterOption>,
    problem: Option<String>,
    /// The rows, as HTML.
    rows: Vec<String>,
    nothing: Option<Nothing>,
    matching: usize,
    counts: KindCounts,
    /// The query of the events, if new requests belong on the page.
    events_query: Option<String>,
    older: Option<String>,
    detail: Option<Detail>,
    export: String,
    archive: String,
    playground: String,
    memory: String,
    sandbox: String,
}

/// A link that chooses the kind of requests.
struct Chip {
    label: &'static str,
    /// The name of its number in events.
    name: &'static str,
    href: String,
    count: u64,
    is_current: bool,
}

/// A choice of a filter.
struct FilterOption {
    value: String,
    label: String,
    is_current: bool,
}

/// The text of an empty list.
struct Nothing {
    title: &'static str,
    text: &'static str,
    /// Whether there are no requests at all.
    is_new: bool,
}

impl RequestsPage {
    /// The title, with the number of refused requests.
    fn title(&self) -> String {
        match self.counts.refused {
            0 => "Requests".to_owned(),
            refused => format!("Requests ({refused} refused)"),
        }
    }
}

/// `GET /_mock`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let search = SearchForm::parse(query.as_deref().unwrap_or_default());
    match requests_page(&state, &context, search).await {
        Ok(shown) => {
            let status = match shown.problem {
                Some(_) => StatusCode::BAD_REQUEST,
                None => StatusCode::OK,
            };
            console_page(status, &shown.layout, &shown)
        }
        Err(error) => respond::failure(&error),
    }
}

#[expect(clippy::too_many_lines, reason = "one line for each field")]
async fn requests_page(
    state: &ServerState,
    context: &RequestContext,
    search: SearchForm,
) -> Result<RequestsPage, StoreError> {
    let (sandbox, base) = (&context.sandbox, &context.base);
    // Read before the journal: requests and changes in between come by the event stream.
    let (newest, newest_change) = (sandbox.journal.newest(), sandbox.changes.newest());
    let mut problem = None;
    let page = match find(sandbox, &search).await {
        Ok(page) => page,
        Err(ControlError::Store(error)) => return Err(error),
        Err(error) => {
            problem = Some(error.to_string());
            JournalPage::default()
        }
    };
    let here = base.path(ConsolePage::Requests.path());
    let counts = sandbox.journal.kind_counts();
    let newest = page.ids.first().map_or(newest, |id| newest.max(*id));
    let last = page.ids.last().copied();
    let older = last.filter(|_| page.has_older);
    // A request that is not stored, for example since a restart, is not selected.
    let stored = search
        .request
        .filter(|id| !sandbox.journal.find(&[*id]).is_empty());
    let selected = stored.or_else(|| page.ids.first().copied());
    let rows = if search.has_no_list {
        Vec::new()
    } else {
        let changes = lines::changes(&page, &search, sandbox);
        let source = ListSource {
            page: &page,
            search: &search,
            selected,
            sandbox,
            base,
        };
        lines::render(&source, changes)
    };
    let with_query =
        |query: String| format!("{here}{}{query}", if query.is_empty() { "" } else { "?" });
    let chips = [
        ("Refused", "refused", KindFilter::Refused, counts.refused),
        ("App requests", "app", KindFilter::App, counts.app()),
        ("Everything", "all", KindFilter::All, counts.all()),
    ];
    let memory = state.registry.journal_memory();
    Ok(RequestsPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Requests)
            .returning_to(with_query(search.query())),
        chips: chips.map(|(label, name, kind, count)| Chip {
            label,
            name,
            href: with_query(search.with_kind(kind)),
            count,
            is_current: search.kind == kind,
        }),
        without_filters: with_query(search.without_filters()),
        clients: client_options(sandbox, &search),
        users: user_options(sandbox, &search),
        rows,
        nothing: (page.ids.is_empty() && problem.is_none()).then(|| nothing(&search, counts)),
        matching: page.matching,
        counts,
        events_query: search
            .is_newest()
            .then(|| format!("{}&after={newest}&change={newest_change}", search.query())),
        older: older.map(|last| format!("{here}?{}", search.before(last))),
        detail: detail(selected, search.shows_secrets, sandbox, base),
        export: base.path("/_mock/requests"),
        archive: base.path("/_mock/requests?format=har"),
        playground: base.path(ConsolePage::Playground.path()),
        memory: format!(
            "The journals of all sandboxes use {} of {} of memory (--journal-memory)",
            megabytes(memory.used()),
            megabytes(memory.limit())
        ),
        sandbox: sandbox.name().to_owned(),
        problem,
        search,
        here,
    })
}

/// The requests of the list. None if the page has the detail alone.
async fn find(sandbox: &Sandbox, search: &SearchForm) -> Result<JournalPage, ControlError> {
    if search.has_no_list {
        return Ok(JournalPage::default());
    }
    let first = search.first()?;
    let query = sandbox.page_search(search.journal_query()?)?;
    sandbox.journal_page(&query, first, MAX_REQUESTS).await
}

fn detail(
    selected: Option<u64>,
    shows_secrets: bool,
    sandbox: &Sandbox,
    base: &BaseUrl,
) -> Option<Detail> {
    let request = sandbox.request(selected?, shows_secrets).ok()?;
    Some(Detail::new(&request, sandbox, base, shows_secrets))
}

fn nothing(search: &SearchForm, counts: KindCounts) -> Nothing {
    let (title, text) = if search.is_narrow() {
        ("No requests match", "No requests match these filters.")
    } else if counts.all() == 0 {
        (
            "No requests yet",
            "Point your app at this server, or try the playground.",
        )
    } else if search.kind == KindFilter::Refused {
        (
            "No refused requests",
            "Every request of your app was answered.",
        )
    } else {
        (
            "No requests of an app yet",
            "Only pages were loaded so far. Point your app at this server, or try the playground.",
        )
    };
    Nothing {
        title,
        text,
        is_new: !search.is_narrow() && search.kind != KindFilter::Refused,
    }
}

fn client_options(sandbox: &Sandbox, search: &SearchForm) -> Vec<FilterOption> {
    let clients = sandbox.data().list_clients();
    let mut options: Vec<FilterOption> = clients
        .into_iter()
        .take(MAX_OPTIONS)
        .map(|client| FilterOption {
            value: client.id.to_string(),
            is_current: client.id.to_string() == search.client_id,
            label: client.name,
        })
        .collect();
    add_typed(&mut options, &search.client_id);
    options
}

fn user_options(sandbox: &Sandbox, search: &SearchForm) -> Vec<FilterOption> {
    let users = sandbox.data().list_users();
    let mut options: Vec<FilterOption> = users
        .iter()
        .take(MAX_OPTIONS)
        .map(|user| FilterOption {
            value: user.id.0.to_string(),
            is_current: user.id.0.to_string() == search.user || user.display_name() == search.user,
            label: user.display_name(),
        })
        .collect();
    add_typed(&mut options, &search.user);
    options
}

/// Adds a value that was typed into the address and is not in the list.
fn add_typed(options: &mut Vec<FilterOption>, typed: &str) {
    if !typed.is_empty() && !options.iter().any(|option| option.is_current) {
        options.push(FilterOption {
            value: typed.to_owned(),
            label: typed.to_owned(),
            is_current: true,
        });
    }
}

/// A number of bytes in MB.
fn megabytes(bytes: usize) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
