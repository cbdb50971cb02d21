//! The search of the journal. Found requests are parsed one by one, when they are sent.

use std::time::Duration;

use super::error::{ControlError, ControlResult};
use super::filter::JournalSearch;
use super::har;
use super::requests::{JournalRequest, RequestList, RequestQuery};
use crate::invalid::Invalid;
use crate::protocol::duration::SignedDuration;
use crate::redact::printable_json;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{ReaderPermit, TooManyReaders};

const LONGEST_WAIT: SignedDuration = SignedDuration(60_000);

/// The ids of found requests, which are parsed one by one when they are sent.
#[derive(Debug)]
pub(crate) struct SearchResult {
    ids: Vec<u64>,
    unredacted: bool,
    /// `None` if the query asks for none.
    permit: Option<ReaderPermit>,
}

/// A response with more requests is sent in pieces.
const MAX_WHOLE: usize = 32;

/// Number of requests in a piece of a long response.
const PIECE: usize = 8;

/// The most requests of an HTTP archive, which is built in memory: about 10 MB.
const MAX_ARCHIVED: usize = 1000;

impl From<TooManyReaders> for ControlError {
    fn from(_: TooManyReaders) -> Self {
        let error = Invalid::new("", "too many clients are reading the journal");
        Self::Busy(error.with_hint("retry in one second, with limit"))
    }
}

impl Sandbox {
    /// The requests that match, oldest first, and the counters of all.
    pub(crate) async fn list_requests(&self, query: RequestQuery) -> ControlResult<RequestList> {
        let found = self.find_requests(query).await?;
        Ok(self.show_requests(&found))
    }

    /// The same as JSON, with at most one piece in memory.
    pub(crate) async fn stream_requests(&self, query: RequestQuery) -> ControlResult<JsonPieces> {
        let found = self.find_requests(query).await?;
        if found.ids.len() <= MAX_WHOLE {
            let whole = serde_json::to_string(&self.show_requests(&found)).unwrap_or_default();
            return Ok(JsonPieces::Whole(printable_json(&whole).into_owned()));
        }
        let SearchResult {
            ids,
            unredacted,
            permit,
        } = found;
        // The search permit is released before the wait for the turn to send.
        drop(permit);
        let turn = self.journal.readers().streams.acquire().await?;
        Ok(JsonPieces::Stream(JsonStream {
            sandbox: self.clone(),
            ids,
            unredacted,
            at: 0,
            is_first: true,
            is_done: false,
            _turn: turn,
        }))
    }

    /// The newest requests that match as an HTTP archive, for a server at this base URL. Errors: a limit of more than
    /// [`MAX_ARCHIVED`].
    pub(crate) async fn archive_requests(
        &self,
        mut query: RequestQuery,
        base: &str,
    ) -> ControlResult<String> {
        let limit = *query.limit.get_or_insert(MAX_ARCHIVED);
        if limit > MAX_ARCHIVED {
            let message =
                format!("{limit} is greater than {MAX_ARCHIVED}, the most of one archive");
            let hint = "request further archives with before";
            return Err(Invalid::new("limit", message).with_hint(hint).into());
        }
        let found = self.find_requests(query).await?;
        let _turn = self.journal.readers().streams.acquire().await?;
        let mut archive = har::HEAD.to_owned();
        for ids in found.ids.chunks(PIECE) {
            for stored in self.journal.find(ids) {
                let request = JournalRequest::new(stored.to_entry(), found.unredacted);
                if !archive.ends_with('[') {
                    archive.push(',');
                }
                let entry = har::entry(&request, base).to_string();
                archive.push_str(&printable_json(&entry));
            }
            // A long archive lets other requests run.
            tokio::task::yield_now().await;
        }
        archive.push_str(har::TAIL);
        Ok(archive)
    }

    fn show_requests(&self, found: &SearchResult) -> RequestList {
        let pieces = found.ids.chunks(PIECE);
        let stored = pieces.flat_map(|ids| self.journal.find(ids));
        let shown = stored.map(|request| JournalRequest::new(request.to_entry(), found.unredacted));
        RequestList {
            requests: shown.collect(),
            counters: self.journal.counters(),
            evicted: self.journal.evicted().count,
        }
    }

    /// Deletes every request.
    pub(crate) fn delete_requests(&self) {
        self.if_current(|core| {
            core.journal.clear();
            core.changes.clear();
            core.progress.clear();
        });
    }

    /// Deletes every request. For 30 seconds, [`Sandbox::undo_delete_requests`] can put them back.
    pub(crate) fn delete_requests_undoably(&self) {
        self.if_current(|core| core.journal.clear_undoably());
    }

    /// Puts the requests back that were deleted last. Errors: it is too late.
    pub(crate) fn undo_delete_requests(&self) -> ControlResult<()> {
        if self.if_current(|core| core.journal.undo_clear()) == Some(true) {
            return Ok(());
        }
        let error = Invalid::new("", "the deleted requests can no longer be put back");
        let hint = "undo within 30 seconds, before another clearing or a reset";
        Err(ControlError::Conflict(error.with_hint(hint)))
    }

    async fn find_requests(&self, query: RequestQuery) -> ControlResult<SearchResult> {
        let wait = query.wait.unwrap_or(SignedDuration(0));
        if !(SignedDuration(0)..=LONGEST_WAIT).contains(&wait) {
            let message = format!("{wait} is not between 0s and {LONGEST_WAIT}");
            return Err(Invalid::new("wait", message)
                .with_hint("repeat the request to wait longer")
                .into());
        }
        if let (Some(count), None) = (query.count, query.wait) {
            let message = format!("count {count} requires wait");
            return Err(Invalid::new("count", message)
                .with_hint("add wait, for example wait=5s, or omit count")
                .into());
        }
        let search = self.search(query.filter)?;
        if query.wait.is_some() {
            let count = query.count.unwrap_or(1);
            self.wait_for(&search, count, wait.to_std()).await?;
        }
        let before = query.before.unwrap_or(u64::MAX);
        let limit = query.limit.unwrap_or(usize::MAX);
        let permit = match limit {
            0 => None,
            _ => Some(self.journal.readers().searches.acquire().await?),
        };
        Ok(SearchResult {
            ids: self.newest_ids(&search, before, limit).await,
            unredacted: query.unredacted,
            permit,
        })
    }

    /// The ids of the newest requests before `before` that match, at most `limit`, oldest first.
    async fn newest_ids(&self, search: &JournalSearch, mut before: u64, limit: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < limit {
            let page = self.journal.page_before(before);
            let Some(oldest) = page.last() else {
                break;
            };
            let fitting = page.iter().filter(|request| search.matches(request));
            ids.extend(fitting.take(limit - ids.len()).map(|request| request.id));
            before = oldest.id;
            if before <= search.after() {
                break;
            }
            // A long search lets other requests run.
            tokio::task::yield_now().await;
        }
        ids.reverse();
        ids
    }

    /// Waits until this many requests match, for at most `wait`. Each request is compared once.
    async fn wait_for(
        &self,
        search: &JournalSearch,
        count: usize,
        wait: Duration,
    ) -> ControlResult<()> {
        let _place = self.journal.readers().waits.try_acquire()?;
        // Watched before it is read, so that requests in between wake this task.
        let mut news = self.journal.watch();
        let enough = async {
            let mut permit = Some(self.journal.readers().searches.acquire().await?);
            let (mut clearings, mut last, mut found) =
                (self.journal.clearings(), search.after(), 0);
            loop {
                let now = self.journal.clearings();
                if now != clearings {
                    (clearings, last, found) = (now, search.after(), 0);
                }
                while let page = self.journal.page_after(last)
                    && let Some(newest) = page.last()
                {
                    found += page
                        .iter()
                        .filter(|request| search.matches(request))
                        .count();
                    last = newest.id;
                    tokio::task::yield_now().await;
                }
                // A waiting call holds no reader permit.
                permit.take();
                if found >= count || news.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            waited = tokio::time::timeout(wait, enough) => waited.unwrap_or(Ok(())),
            // A deleted sandbox gets no more requests.
            () = self.closed() => Ok(()),
        }
    }
}

/// The response of `GET /_mock/requests`, as JSON without terminal control characters.
#[derive(Debug)]
pub(crate) enum JsonPieces {
    Whole(String),
    Stream(JsonStream),
}

/// A long response in pieces. Requests that are evicted meanwhile are left out.
#[derive(Debug)]
pub(crate) struct JsonStream {
    sandbox: Sandbox,
    ids: Vec<u64>,
    unredacted: bool,
    /// Number of ids sent so far.
    at: usize,
    is_first: bool,
    is_done: bool,
    _turn: ReaderPermit,
}

impl Iterator for JsonStream {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.is_done {
            return None;
        }
        let mut piece = String::new();
        if self.at == 0 {
            piece.push_str("{\"requests\":[");
        }
        let ids = &self.ids[self.at..self.ids.len().min(self.at + PIECE)];
        for request in self.sandbox.journal.find(ids) {
            let shown = JournalRequest::new(request.to_entry(), self.unredacted);
            if !std::mem::take(&mut self.is_first) {
                piece.push(',');
            }
            let json = serde_json::to_string(&shown).unwrap_or_default();
            piece.push_str(&printable_json(&json));
        }
        self.at += ids.len();
        if self.at == self.ids.len() {
            self.is_done = true;
            let counters = serde_json::to_string(&self.sandbox.journal.counters());
            let evicted = self.sandbox.journal.evicted().count;
            let end = format!(
                "],\"counters\":{},\"evicted\":{evicted}}}",
                counters.unwrap_or_default()
            );
            piece.push_str(&end);
        }
        Some(piece)
    }
}
