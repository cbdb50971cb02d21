//! What has the app done? Every exchange with this sandbox, in order, bounded. Who writes it down is
//! `exchange/record.rs`; what is asked of it is `control/requests.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::faults::SetFault;
use crate::contract::Decision;
use crate::protocol::call::{Endpoint, GrantType};
use crate::protocol::time::Timestamp;

/// So many exchanges are kept unless it is set otherwise; the oldest go.
pub(crate) const DEFAULT_CAPACITY: usize = 10_000;

/// In bytes, and several times what most exchanges weigh: who keeps so many keeps so much times as many, and what is
/// sent by the page lets older ones go sooner.
const USUAL_WEIGHT: usize = 4096;

/// In bytes: even few exchanges may be large.
const LEAST_HEAVIEST: usize = 4 * 1024 * 1024;

/// So many are taken to pieces in one go.
const AT_ONCE: usize = 50;

/// One exchange, secrets and all: whoever shows it redacts it, and `Debug` shows nothing that was sent.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Counts from 1, and goes on over a clearing.
    pub(crate) id: u64,
    /// The newest exchange that was over when this one began: what the app could know of.
    pub(crate) after: u64,
    /// The sandbox's time.
    pub(crate) at: Timestamp,
    /// The system's, which no control call moves or stops.
    pub(crate) real: Timestamp,
    /// The connection, where requests come on it one after another.
    pub(crate) connection: Option<u16>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) params: Map<String, Value>,
    /// Those of the query alone, as they came.
    pub(crate) query: Option<String>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) client_id: Option<String>,
    pub(crate) user_id: Option<i64>,
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    /// The body, where it is JSON.
    pub(crate) answer: Option<Value>,
    /// How long the answer asks the app to wait, in seconds.
    pub(crate) retry_after: Option<u32>,
    /// The differences that decided something.
    pub(crate) differences: Vec<Decision>,
    /// The faults that touched it, as they were set then.
    pub(crate) faults: Vec<SetFault>,
    /// Why it revoked nothing, although it was answered as if it had.
    pub(crate) idle: Option<Idle>,
    /// Our extensions that it relied on.
    pub(crate) extensions: Vec<&'static str>,
}

/// Why a revocation of a token that there is left it as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// The body names no client that is registered.
    NoClient,
    /// A public client has no secret to show, and so no say.
    PublicClient,
    /// A confidential client without its secret.
    NoSecret,
    /// A confidential client with another secret than its own.
    WrongSecret,
    /// It is not the client's to revoke, by difference `revoke-by-client`.
    NotTheirs,
}

/// An exchange as it is written down: what is counted, and how the rest is told once somebody asks. Most are never asked
/// for, and no request waits until its own has been taken to pieces.
pub(crate) struct Folded {
    pub(crate) endpoint: Endpoint,
    pub(crate) grant: Option<GrantType>,
    pub(crate) is_preflight: bool,
    /// How much memory it takes, in bytes, as far as the caller decides.
    pub(crate) weight: usize,
    /// The entry, given its id.
    pub(crate) unfold: Box<dyn FnOnce(u64) -> Entry + Send>,
}

/// An exchange that is kept.
#[derive(Debug)]
struct Slot {
    weight: usize,
    tale: Tale,
}

/// It is told already or not.
enum Tale {
    Folded(u64, Box<dyn FnOnce(u64) -> Entry + Send>),
    Told(Box<Entry>),
    /// For as long as it takes to tell it, and for good where that failed.
    Lost,
}

impl Slot {
    fn tell(&mut self) -> Option<&Entry> {
        if let Tale::Folded(..) = self.tale
            && let Tale::Folded(id, unfold) = std::mem::replace(&mut self.tale, Tale::Lost)
        {
            self.tale = Tale::Told(Box::new(unfold(id)));
        }
        match &self.tale {
            Tale::Told(entry) => Some(entry),
            Tale::Folded(..) | Tale::Lost => None,
        }
    }
}

impl fmt::Debug for Tale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tale(…)")
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// The grant of a token request.
    pub(crate) fn grant_type(&self) -> Option<&str> {
        self.params.get("grant_type").and_then(Value::as_str)
    }

    /// Whether a browser asked leave for a call, and not the app: no counter counts it.
    pub(crate) fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
    }

    /// The error code of the answer, if it is an error.
    pub(crate) fn error(&self) -> Option<&str> {
        self.answer.as_ref()?.get("error")?.as_str()
    }
}

/// How often what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// Requests. Preflights, which browsers send by themselves, are not counted.
    pub total: u64,
    /// Requests to each endpoint.
    pub endpoints: BTreeMap<Endpoint, u64>,
    /// Token requests by each grant.
    pub grants: BTreeMap<GrantType, u64>,
}

/// The exchanges of one sandbox.
#[derive(Debug)]
pub(crate) struct Journal {
    kept: Mutex<Kept>,
    capacity: usize,
    /// In bytes.
    heaviest: usize,
    /// The id of the newest entry.
    newest: AtomicU64,
    /// The same, as far as somebody waits for the next.
    watched: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Slot>,
    /// Of all entries.
    weight: usize,
    counters: Counters,
    last_id: u64,
    breaks: Breaks,
    gone: Gone,
}

/// Where control calls have changed what an app could rely on: after which exchanges.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaks {
    /// Rows and clock went back to a snapshot.
    pub(crate) turned_back: Vec<u64>,
    /// Tokens were ended.
    pub(crate) tokens_ended: Vec<u64>,
}

/// What a journal has let go since it was cleared, to make room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gone {
    /// How many.
    pub(crate) count: u64,
    /// The id of the newest of them; 0 where there are none.
    pub(crate) last: u64,
}

impl Kept {
    /// The id of the oldest exchange: they are numbered one after another.
    fn first_id(&self) -> u64 {
        self.last_id + 1 - self.entries.len() as u64
    }

    /// Makes room: the oldest goes.
    fn let_go(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.weight -= oldest.weight;
        }
        self.gone.count += 1;
        self.gone.last = self.first_id() - 1;
    }

    /// The exchanges after this one.
    fn after(&mut self, id: u64) -> impl Iterator<Item = &mut Slot> {
        let known = (id + 1).saturating_sub(self.first_id());
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        self.entries.iter_mut().skip(known)
    }

    /// Takes some exchanges after this one to pieces. The last of them; nothing where there are none.
    fn unfold_some(&mut self, after: u64) -> Option<u64> {
        let first = self.first_id();
        let some = self.after(after).take(AT_ONCE);
        let many = some.map(Slot::tell).count() as u64;
        (many > 0).then(|| first.max(after + 1) + many - 1)
    }
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            kept: Mutex::default(),
            capacity,
            heaviest: capacity.saturating_mul(USUAL_WEIGHT).max(LEAST_HEAVIEST),
            newest: AtomicU64::new(0),
            watched: watch::Sender::new(0),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Entries are pushed whole: whoever panicked while holding the lock left a readable journal.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an exchange down, and gives it its id.
    pub(crate) fn push(&self, exchange: Folded) {
        let is_watched = {
            let mut kept = self.kept();
            kept.last_id += 1;
            let id = kept.last_id;
            if !exchange.is_preflight {
                kept.counters.total += 1;
                *kept
                    .counters
                    .endpoints
                    .entry(exchange.endpoint)
                    .or_default() += 1;
            }
            if let Some(grant) = exchange.grant {
                *kept.counters.grants.entry(grant).or_default() += 1;
            }
            kept.entries.push_back(Slot {
                weight: exchange.weight,
                tale: Tale::Folded(id, exchange.unfold),
            });
            kept.weight += exchange.weight;
            let is_too_heavy = |kept: &Kept| kept.weight > self.heaviest && kept.entries.len() > 1;
            while kept.entries.len() > self.capacity || is_too_heavy(&kept) {
                kept.let_go();
            }
            // Whoever begins to watch looks at this first.
            self.newest.store(id, Ordering::Release);
            self.watched.receiver_count() > 0
        };
        if is_watched {
            self.tell_watchers();
        }
    }

    /// Wakes whoever watches.
    fn tell_watchers(&self) {
        // Of two that come at once, the newer one is told.
        self.watched
            .send_modify(|told| *told = self.newest().max(*told));
    }

    /// Takes to pieces what is not yet, a little at a time: whoever writes the next one down waits for a little at the most.
    fn unfold(&self) {
        let mut after = 0;
        while let Some(last) = self.kept().unfold_some(after) {
            after = last;
        }
    }

    /// The exchanges that fit, oldest first.
    pub(crate) fn matching(&self, fits: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.unfold();
        let mut kept = self.kept();
        let told = kept.entries.iter_mut().filter_map(Slot::tell);
        told.filter(|entry| fits(entry)).cloned().collect()
    }

    /// Some exchanges after this one, oldest first: none, where it is the newest.
    pub(crate) fn page(&self, after: u64) -> Vec<Entry> {
        let mut kept = self.kept();
        let some = kept.after(after).take(AT_ONCE);
        some.filter_map(Slot::tell).cloned().collect()
    }

    /// Whether any exchange is so.
    pub(crate) fn any(&self, is_so: impl Fn(&Entry) -> bool) -> bool {
        self.unfold();
        let mut kept = self.kept();
        kept.entries.iter_mut().filter_map(Slot::tell).any(is_so)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.kept().counters.clone()
    }

    /// What has been let go to make room.
    pub(crate) fn gone(&self) -> Gone {
        self.kept().gone
    }

    /// The id of the newest exchange, whether it is still kept or not.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Notes that rows and clock go back: what an app is seen to do again from here on, it may do for the first time.
    pub(crate) fn turn_back(&self) {
        self.note(|breaks| &mut breaks.turned_back);
    }

    /// Notes that tokens were ended: what an app does about it, it does for a reason.
    pub(crate) fn end_tokens(&self) {
        self.note(|breaks| &mut breaks.tokens_ended);
    }

    fn note(&self, kind: impl FnOnce(&mut Breaks) -> &mut Vec<u64>) {
        let mut kept = self.kept();
        let (newest, gone) = (kept.last_id, kept.gone.last);
        let noted = kind(&mut kept.breaks);
        // What nobody can see any more needs no note.
        noted.retain(|after| (gone..newest).contains(after));
        noted.push(newest);
    }

    pub(crate) fn breaks(&self) -> Breaks {
        self.kept().breaks.clone()
    }

    /// Forgets every exchange. Ids go on, so that nobody takes a new one for one that is gone.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        let gone = std::mem::take(&mut kept.entries);
        kept.weight = 0;
        kept.counters = Counters::default();
        kept.gone = Gone::default();
        kept.breaks = Breaks::default();
        drop(kept);
        // Nobody waits while what was in it is given back, be it ten thousand exchanges.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(gone))),
            Err(_) => drop(gone),
        }
    }

    /// Tells of every exchange that comes from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        let watch = {
            // Nothing is written down between the one and the other: what comes later is told.
            let _kept = self.kept();
            self.watched.subscribe()
        };
        self.tell_watchers();
        watch
    }
}
