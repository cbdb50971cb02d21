//! The lines of the request list, newest first: requests, with the page loads of a sign-in below the request that started it,
//! and the changes between them.

use std::collections::BTreeMap;

use askama::Template;

use super::change_row::ChangeRow;
use super::row::{PageGroup, Row};
use super::search::SearchForm;
use crate::control::{Change, JournalPage, ListedRequest};
use crate::http::base_url::BaseUrl;
use crate::pages::console::navigation::ConsolePage;
use crate::sandbox::Sandbox;

/// The most changes of one page: the newest.
const MAX_CHANGES: usize = 50;

/// What the list is made of.
pub(super) struct ListSource<'a> {
    pub(super) page: &'a JournalPage,
    pub(super) search: &'a SearchForm,
    /// The request that the detail shows.
    pub(super) selected: Option<u64>,
    pub(super) sandbox: &'a Sandbox,
    pub(super) base: &'a BaseUrl,
}

/// The rows as HTML.
pub(super) fn render(source: &ListSource<'_>, mut changes: Vec<Change>) -> Vec<String> {
    let (sandbox, base) = (source.sandbox, source.base);
    let now = sandbox.now();
    let ids = source.page.ids.iter();
    let listed: Vec<ListedRequest> = ids.filter_map(|id| sandbox.listed_request(*id)).collect();
    let starts = starts(&listed);
    let mut lines = Vec::new();
    for (at, one) in listed.iter().enumerate() {
        if starts.contains_key(&at) {
            continue;
        }
        let id = one.request.id;
        while changes
            .last()
            .is_some_and(|change| change.after_request >= id)
        {
            lines.extend(
                changes
                    .pop()
                    .map(|change| ChangeRow::new(change, now).render()),
            );
        }
        // In the order of time, as steps of the sign-in.
        let pages = (at_of(&starts, at).rev()).filter_map(|page| listed.get(page));
        let pages: Vec<&ListedRequest> = pages.collect();
        let is_selected = |one: &ListedRequest| source.selected == Some(one.request.id);
        let is_open = source.search.open == Some(id) || pages.iter().any(|page| is_selected(page));
        let mut row = Row::new(&one.request, sandbox, base);
        row.is_selected = is_selected(one);
        row.group = PageGroup::head(pages.len(), is_open, || open_path(source, id, is_open));
        lines.push(row.render());
        for page in pages {
            let mut row = Row::new(&page.request, sandbox, base);
            row.is_selected = is_selected(page);
            row.group = PageGroup::Member { head: id, is_open };
            lines.push(row.render());
        }
    }
    let older = changes.into_iter().rev();
    lines.extend(older.map(|change| ChangeRow::new(change, now).render()));
    lines.into_iter().filter_map(Result::ok).collect()
}

/// The place of each page load, with the place of the request that started its sign-in.
fn starts(listed: &[ListedRequest]) -> BTreeMap<usize, usize> {
    let start_of = |at: usize| {
        let older = listed.iter().enumerate().skip(at + 1);
        let mut starts = older.filter(|(_, one)| listed[at].is_page_of(one));
        starts.next().map(|(start, _)| (at, start))
    };
    (0..listed.len()).filter_map(start_of).collect()
}

/// The places of the page loads of one sign-in.
fn at_of(
    starts: &BTreeMap<usize, usize>,
    start: usize,
) -> impl DoubleEndedIterator<Item = usize> + '_ {
    let own = starts.iter().filter(move |(_, one)| **one == start);
    own.map(|(page, _)| *page)
}

/// The list with the page loads of this request, or without them if they are shown.
fn open_path(source: &ListSource<'_>, id: u64, is_open: bool) -> String {
    let here = source.base.path(ConsolePage::Requests.path());
    let open = (!is_open).then_some(id);
    format!("{here}?{}", source.search.with_open(open))
}

/// The changes that belong on the page, oldest first.
pub(super) fn changes(page: &JournalPage, search: &SearchForm, sandbox: &Sandbox) -> Vec<Change> {
    if !search.shows_changes() {
        return Vec::new();
    }
    let oldest = page.ids.last().filter(|_| page.has_older);
    let oldest = oldest.copied().unwrap_or_default();
    // The newest request of an older page is the one before `before`.
    let before = search.first().ok().flatten().unwrap_or(u64::MAX);
    let mut changes = sandbox.changes.list();
    changes.retain(|change| (oldest..before).contains(&change.after_request));
    changes.drain(..changes.len().saturating_sub(MAX_CHANGES));
    changes
}
