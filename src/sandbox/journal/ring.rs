//! The stored exchanges of one sandbox: numbered without gaps, the oldest are removed first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::credentials::{CredentialAction, CredentialEvents};
use super::kind::KindCounts;
use super::memory_limit::MemoryLimit;
use super::stored::StoredExchange;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::secret::SecretHash;

/// At most this many exchanges are handed out or evicted under one lock.
const MAX_PAGE: usize = 50;

/// The number of requests, in total and by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Counters {
    /// Requests. Preflights, which browsers send by themselves, are not counted.
    pub total: u64,
    /// Requests to each endpoint.
    pub endpoints: BTreeMap<Endpoint, u64>,
    /// Token requests by each grant.
    pub grants: BTreeMap<GrantType, u64>,
}

impl Counters {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        for (endpoint, count) in other.endpoints {
            *self.endpoints.entry(endpoint).or_default() += count;
        }
        for (grant, count) in other.grants {
            *self.grants.entry(grant).or_default() += count;
        }
    }
}

/// The exchanges that a journal has removed since it was cleared, to make room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evicted {
    pub(crate) count: u64,
    /// The id of the newest of them; 0 if there are none.
    pub(crate) last: u64,
}

#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<RingState>);

#[derive(Debug, Default)]
struct RingState {
    entries: VecDeque<Arc<StoredExchange>>,
    credentials: CredentialEvents,
    counters: Counters,
    /// Of the stored exchanges.
    kinds: KindCounts,
    last_id: u64,
    /// The id of the newest exchange before each restore of a snapshot.
    restores: Vec<u64>,
    evicted: Evicted,
    /// How often it was cleared.
    clearings: u64,
}

impl RingState {
    /// The id of the oldest exchange: they are numbered without gaps.
    fn first_id(&self) -> u64 {
        self.last_id + 1 - self.entries.len() as u64
    }

    /// How many stored exchanges have this id or a smaller one.
    fn count_up_to(&self, id: u64) -> usize {
        let known = id.saturating_add(1).saturating_sub(self.first_id());
        usize::try_from(known).map_or(self.entries.len(), |known| known.min(self.entries.len()))
    }

    fn exchanges_of(
        &self,
        events: Vec<(u64, CredentialAction)>,
    ) -> Vec<(Arc<StoredExchange>, CredentialAction)> {
        let place = |id: u64| usize::try_from(id.checked_sub(self.first_id())?).ok();
        let found = events.into_iter().filter_map(|(id, action)| {
            let exchange = self.entries.get(place(id)?)?;
            Some((Arc::clone(exchange), action))
        });
        found.collect()
    }

    fn remove_oldest(&mut self) -> Option<Arc<StoredExchange>> {
        let oldest = self.entries.pop_front()?;
        self.kinds.remove(oldest.kind);
        self.evicted.count += 1;
        self.evicted.last = oldest.id;
        self.credentials.remove_up_to(oldest.id);
        Some(oldest)
    }
}

impl Ring {
    fn state(&self) -> MutexGuard<'_, RingState> {
        // Entries are added whole: after a panic under the lock, the state is still valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an exchange and gives it its id, which `added` receives under the lock.
    pub(super) fn push(
        &self,
        mut exchange: StoredExchange,
        capacity: usize,
        limit: &MemoryLimit,
        added: impl FnOnce(u64),
    ) {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        exchange.id = id;
        exchange.sequence = limit.next_sequence();
        if !exchange.is_preflight {
            state.counters.total += 1;
            let endpoints = &mut state.counters.endpoints;
            *endpoints.entry(exchange.endpoint).or_default() += 1;
        }
        if let Some(grant) = exchange.grant {
            *state.counters.grants.entry(grant).or_default() += 1;
        }
        state.credentials.push(id, &exchange.credential_events);
        state.kinds.add(exchange.kind);
        state.entries.push_back(Arc::new(exchange));
        let is_full = state.entries.len() > capacity;
        let removed = is_full.then(|| state.remove_oldest());
        added(id);
        // The removed exchange is freed after the lock.
        drop(state);
        drop(removed);
    }

    /// The sequence number of the oldest exchange.
    pub(super) fn oldest_sequence(&self) -> Option<u64> {
        Some(self.state().entries.front()?.sequence)
    }

    /// Evicts exchanges up to this sequence number, until this many bytes are freed or a page is evicted. Returns how many
    /// bytes were freed, and the sequence number of the exchange that is now the oldest.
    pub(super) fn evict(&self, last: u64, bytes: usize) -> (usize, Option<u64>) {
        let mut freed = 0;
        let mut evicted = Vec::with_capacity(MAX_PAGE);
        let mut state = self.state();
        while freed < bytes && evicted.len() < MAX_PAGE {
            let is_included = |oldest: &Arc<StoredExchange>| oldest.sequence <= last;
            if !state.entries.front().is_some_and(is_included) {
                break;
            }
            if let Some(oldest) = state.remove_oldest() {
                freed += oldest.size_in_bytes();
                evicted.push(oldest);
            }
        }
        if state.entries.len() < state.entries.capacity() / 4 {
            state.entries.shrink_to_fit();
        }
        let next = state.entries.front().map(|oldest| oldest.sequence);
        drop(state);
        (freed, next)
    }

    /// At most a page of exchanges after this one, oldest first.
    pub(super) fn page_after(&self, id: u64) -> Vec<Arc<StoredExchange>> {
        let state = self.state();
        let known = state.count_up_to(id);
        state
            .entries
            .range(known..)
            .take(MAX_PAGE)
            .cloned()
            .collect()
    }

    /// At most a page of exchanges before this one, newest first.
    pub(super) fn page_before(&self, id: u64) -> Vec<Arc<StoredExchange>> {
        let state = self.state();
        let known = state.count_up_to(id.saturating_sub(1));
        let entries = state.entries.range(..known).rev();
        entries.take(MAX_PAGE).cloned().collect()
    }

    /// The exchanges of these ids that are still stored.
    pub(super) fn find(&self, ids: &[u64]) -> Vec<Arc<StoredExchange>> {
        let state = self.state();
        let place = |id: &u64| usize::try_from(id.checked_sub(state.first_id())?).ok();
        let found = ids.iter().filter_map(|id| state.entries.get(place(id)?));
        found.cloned().collect()
    }

    /// The requests that did something with this credential and are still stored, oldest first.
    pub(super) fn credential_history(
        &self,
        hash: &SecretHash,
    ) -> Vec<(Arc<StoredExchange>, CredentialAction)> {
        let state = self.state();
        state.exchanges_of(state.credentials.history(hash))
    }

    /// The newest request that issued this credential, and those that used or revoked it since, newest first.
    pub(super) fn credential_life(
        &self,
        hash: &SecretHash,
    ) -> Vec<(Arc<StoredExchange>, CredentialAction)> {
        let state = self.state();
        state.exchanges_of(state.credentials.life(hash))
    }

    pub(super) fn counters(&self) -> Counters {
        self.state().counters.clone()
    }

    pub(super) fn kind_counts(&self) -> KindCounts {
        self.state().kinds
    }

    pub(super) fn evicted(&self) -> Evicted {
        self.state().evicted
    }

    pub(super) fn restores(&self) -> Vec<u64> {
        self.state().restores.clone()
    }

    pub(super) fn clearings(&self) -> u64 {
        self.state().clearings
    }

    /// Notes the restore of a snapshot after the newest exchange.
    pub(super) fn note_restore(&self) {
        let mut state = self.state();
        let (newest, oldest) = (state.last_id, state.evicted.last);
        // Restores before the oldest exchange have no effect.
        state
            .restores
            .retain(|after| (oldest..newest).contains(after));
        state.restores.push(newest);
    }

    /// Moves every exchange, with the counters, to another ring. Ids go on.
    pub(super) fn clear(&self) -> Self {
        Self::cleared(self.state())
    }

    /// The same, unless no exchange was added since it was cleared.
    pub(super) fn clear_if_any(&self) -> Option<Self> {
        let state = self.state();
        let has_any = !state.entries.is_empty() || state.evicted.count > 0;
        has_any.then(|| Self::cleared(state))
    }

    fn cleared(mut state: MutexGuard<'_, RingState>) -> Self {
        let empty = RingState {
            last_id: state.last_id,
            clearings: state.clearings + 1,
            ..RingState::default()
        };
        Self(Mutex::new(std::mem::replace(&mut *state, empty)))
    }

    /// Puts the exchanges of a ring that was cleared from this one before those that were added since. Returns whether it was
    /// possible: exchanges in between may have been removed, to make room or by another clearing.
    pub(super) fn put_back(&self, cleared: &Self, capacity: usize) -> bool {
        let mut state = self.state();
        let mut cleared = cleared.state();
        if state.first_id() != cleared.last_id + 1 {
            return false;
        }
        let mut merged = std::mem::take(&mut *cleared);
        drop(cleared);
        let added = std::mem::take(&mut *state);
        merged.entries.extend(added.entries);
        merged.credentials.append(added.credentials);
        merged.counters.add(added.counters);
        merged.kinds.add_all(added.kinds);
        merged.last_id = added.last_id;
        merged.restores.extend(added.restores);
        merged.clearings = added.clearings + 1;
        let mut removed = Vec::new();
        while merged.entries.len() > capacity {
            removed.extend(merged.remove_oldest());
        }
        *state = merged;
        drop(state);
        drop(removed);
        true
    }

    /// Runs `act` while no exchange is added.
    pub(super) fn locked<T>(&self, act: impl FnOnce() -> T) -> T {
        let _state = self.state();
        act()
    }
}
