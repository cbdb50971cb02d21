//! `GET /_mock/requests/{id}` of a browser: a request as a page of its own.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::ACCEPT;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use super::detail::Detail;
use super::search::SearchForm;
use crate::control::{JournalPageQuery, KindFilter};
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    layout: ConsoleLayout,
    list: String,
    id: String,
    detail: Option<Detail>,
}

/// Whether a request for `/_mock/requests/{id}` comes from a browser; None for any other request.
pub(crate) fn is_for_browser(request: &Request) -> Option<bool> {
    let id = request.uri().path().strip_prefix("/_mock/requests/")?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if id.contains('/') || !is_read {
        return None;
    }
    let mut accepted = request.headers().get_all(ACCEPT).iter();
    Some(accepted.any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    }))
}

/// `GET /_mock/requests/{id}`. With `?secrets=show`, secrets are shown.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    // The control API has the path, too: its router has taken the parameter out of it already.
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    let query = query.unwrap_or_default();
    let form = SearchForm::parse(&query);
    let number = id.parse().ok();
    let found = number.and_then(|id| sandbox.request(id, form.shows_secrets).ok());
    let mut detail = None;
    if let Some(found) = found {
        let shown = Detail::new(&found, sandbox, base, form.shows_secrets);
        let all = JournalPageQuery {
            kind: KindFilter::All,
            ..form.journal_query().unwrap_or_default()
        };
        let neighbors = match sandbox.page_search(all) {
            Ok(search) => sandbox.journal_neighbors(&search, found.request.id).await,
            Err(_) => (None, None),
        };
        detail = Some(shown.between(neighbors, base));
    }
    let status = match detail {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    let here = number.map(|id| super::row::request_path(base, id));
    let here = here.unwrap_or_else(|| base.path(ConsolePage::Requests.path()));
    let layout = ConsoleLayout::new(&state, &context, ConsolePage::Requests).returning_to(here);
    let shown = RequestPage {
        list: base.path(ConsolePage::Requests.path()),
        id: super::pairs::cut(id),
        detail,
        layout,
    };
    console_page(status, &shown.layout, &shown)
}
