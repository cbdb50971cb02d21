//! Pages of the journal for the console: a filter by kind and text beside that of the control API, newest first.

use std::sync::Arc;

use super::error::ControlResult;
use super::filter::{Filter, JournalSearch};
use super::requests::JournalRequest;
use super::sign_in_pages::ListedRequest;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{ExchangeKind, StoredExchange, TextNeedle};

/// The kinds of exchanges that a page shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum KindFilter {
    Refused,
    /// Requests of apps, refused or not.
    #[default]
    App,
    All,
}

impl KindFilter {
    fn includes(self, kind: ExchangeKind) -> bool {
        match self {
            Self::Refused => kind == ExchangeKind::Refused,
            Self::App => kind != ExchangeKind::Page,
            Self::All => true,
        }
    }
}

/// The conditions of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalPageQuery {
    pub(crate) filter: Filter,
    pub(crate) kind: KindFilter,
    /// The first digit of the status, such as 4 for 400 to 499.
    pub(crate) status_class: Option<u16>,
    /// A text in path, parameters or response, a name of a client or user, or an id such as `#131`.
    pub(crate) text: String,
}

/// Checked conditions.
#[derive(Debug)]
pub(crate) struct PageSearch {
    search: JournalSearch,
    kind: KindFilter,
    status_class: Option<u16>,
    text: Option<TextSearch>,
    /// Whether requests of the kind match without exception.
    is_kind_only: bool,
}

#[derive(Debug)]
struct TextSearch {
    needle: TextNeedle,
    id: Option<u64>,
    /// The clients and users whose names have the text.
    clients: Vec<String>,
    users: Vec<i64>,
}

impl TextSearch {
    fn matches(&self, request: &StoredExchange) -> bool {
        let is_client = || {
            let client = request.client_id();
            client.is_some_and(|client| self.clients.contains(&client))
        };
        self.id == Some(request.id)
            || request
                .user_id
                .is_some_and(|user| self.users.contains(&user))
            || request.contains(&self.needle)
            || (!self.clients.is_empty() && is_client())
    }
}

impl PageSearch {
    pub(crate) fn matches(&self, request: &StoredExchange) -> bool {
        self.kind.includes(request.kind)
            && (self.status_class).is_none_or(|class| request.status / 100 == class)
            && self.search.matches(request)
            && (self.text.as_ref()).is_none_or(|text| text.matches(request))
    }
}

/// A page of the journal.
#[derive(Debug, Default)]
pub(crate) struct JournalPage {
    /// The newest requests that match, newest first. They are parsed one by one when they are shown.
    pub(crate) ids: Vec<u64>,
    /// How many requests match, on this page or not.
    pub(crate) matching: usize,
    /// Whether older requests match.
    pub(crate) has_older: bool,
}

impl Sandbox {
    /// Checks that the conditions can match.
    pub(crate) fn page_search(&self, query: JournalPageQuery) -> ControlResult<PageSearch> {
        let text = query.text.trim();
        let is_kind_only =
            query.filter == Filter::default() && query.status_class.is_none() && text.is_empty();
        Ok(PageSearch {
            is_kind_only,
            search: self.search(query.filter)?,
            kind: query.kind,
            status_class: query.status_class,
            text: (!text.is_empty()).then(|| self.text_search(text)),
        })
    }

    fn text_search(&self, text: &str) -> TextSearch {
        let needle = TextNeedle::new(text);
        let clients = self.data().list_clients().into_iter();
        let users = self.data().list_users().into_iter();
        TextSearch {
            id: text.trim_start_matches('#').parse().ok(),
            clients: clients
                .filter(|client| needle.is_in(&client.name))
                .map(|client| client.id.to_string())
                .collect(),
            users: users
                .filter(|user| needle.is_in(&user.display_name()))
                .map(|user| user.id.0)
                .collect(),
            needle,
        }
    }

    /// The newest requests before an id that match, and the number of all that match. If the kind alone decides, the number is
    /// known, and the search ends with the page.
    pub(crate) async fn journal_page(
        &self,
        search: &PageSearch,
        before: Option<u64>,
        limit: usize,
    ) -> ControlResult<JournalPage> {
        let _permit = self.journal.readers().searches.acquire().await?;
        let (mut ids, mut matching, mut has_older) = (Vec::new(), 0, false);
        let first = before.unwrap_or(u64::MAX);
        let mut oldest = if search.is_kind_only { first } else { u64::MAX };
        while !(search.is_kind_only && has_older) {
            let page = self.journal.page_before(oldest);
            let Some(last) = page.last() else {
                break;
            };
            oldest = last.id;
            for request in page.iter().filter(|request| search.matches(request)) {
                matching += 1;
                if request.id < first {
                    if ids.len() < limit {
                        ids.push(request.id);
                    } else {
                        has_older = true;
                    }
                }
            }
            // A long search lets other requests run.
            tokio::task::yield_now().await;
        }
        if search.is_kind_only {
            let counts = self.journal.kind_counts();
            let count = match search.kind {
                KindFilter::Refused => counts.refused,
                KindFilter::App => counts.app(),
                KindFilter::All => counts.all(),
            };
            matching = usize::try_from(count).unwrap_or(usize::MAX);
        }
        Ok(JournalPage {
            ids,
            matching,
            has_older,
        })
    }

    /// The requests after an id that match, oldest first, of at most `limit` new ones, and the id of the last one read.
    pub(crate) fn journal_news(
        &self,
        search: &PageSearch,
        after: u64,
    ) -> (Vec<ListedRequest>, u64) {
        let page = self.journal.page_after(after);
        let last = page.last().map_or(after, |request| request.id);
        let matching = page.iter().filter(|request| search.matches(request));
        let listed = matching.map(|request| ListedRequest::new(request));
        (listed.collect(), last)
    }

    /// The requests with these ids that are still stored.
    pub(crate) fn journal_requests(&self, ids: &[u64]) -> Vec<JournalRequest> {
        let found = self.journal.find(ids);
        let shown = found
            .iter()
            .map(|one| JournalRequest::new(one.to_entry(), false));
        shown.collect()
    }

    /// The ids of the next newer and the next older request that match.
    pub(crate) async fn journal_neighbors(
        &self,
        search: &PageSearch,
        id: u64,
    ) -> (Option<u64>, Option<u64>) {
        let newer = neighbor(search, id, |id| self.journal.page_after(id)).await;
        let older = neighbor(search, id, |id| self.journal.page_before(id)).await;
        (newer, older)
    }
}

/// The first request that matches in the pages that `next` returns after an id.
async fn neighbor(
    search: &PageSearch,
    mut id: u64,
    next: impl Fn(u64) -> Vec<Arc<StoredExchange>>,
) -> Option<u64> {
    loop {
        let page = next(id);
        id = page.last()?.id;
        if let Some(found) = page.iter().find(|request| search.matches(request)) {
            return Some(found.id);
        }
        // A long search lets other requests run.
        tokio::task::yield_now().await;
    }
}
