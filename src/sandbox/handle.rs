//! A sandbox, and the handle to it that a request holds.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use super::changes::{ChangeKind, ChangeLog, describe_clock_change};
use super::clock::{Clock, ClockState, system_now};
use super::entropy::Entropy;
use super::faults::{ActiveFault, FaultCounters, FaultTarget, Faults};
use super::journal::{Journal, StoredExchange};
use super::keys::IdTokenKey;
use super::progress::{self, Progress};
use super::rate_limits::{Limit, RateLimits};
use super::settings::Settings;
use super::shared_computations::SharedComputations;
use super::template::SandboxTemplate;
use crate::protocol::time::Timestamp;
use crate::store::{DataSource, SandboxData, SandboxRow, Store, StoreError};

/// A handle to a sandbox, pinned to its data at the time the request began. A request that began before a reset keeps
/// writing to the older data, which is discarded.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    core: Arc<SandboxCore>,
    data: Arc<SandboxData>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.core
            .last_used_ms
            .store(system_now().0, Ordering::Relaxed);
    }
}

/// The state that all handles to a sandbox share, whichever data they are pinned to.
#[derive(Debug)]
pub(crate) struct SandboxCore {
    pub(super) name: String,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) key: IdTokenKey,
    settings: RwLock<Arc<Settings>>,
    rate_limits: RateLimits,
    pub(crate) journal: Journal,
    pub(crate) changes: ChangeLog,
    pub(crate) progress: Progress,
    pub(crate) faults: Faults,
    pub(crate) shared_computations: SharedComputations,
    template: Arc<SandboxTemplate>,
    /// The data that a reset restores, if it is not the template's seed.
    seed_data: Option<Arc<SandboxData>>,
    /// The data that new requests use. Changes of the journal, the faults and the settings hold this lock.
    current_data: RwLock<Arc<SandboxData>>,
    /// Held during a reset, a restore, a snapshot or a change of the clock: one at a time.
    pub(super) lifecycle_lock: tokio::sync::Mutex<()>,
    /// The system's time when it was opened.
    opened_at: Timestamp,
    /// The system's time when it was last used, in Unix milliseconds.
    last_used_ms: AtomicI64,
    /// Cancelled when the sandbox is deleted or the server stops: requests that wait for an event end.
    closed: CancellationToken,
}

impl Deref for Sandbox {
    type Target = SandboxCore;

    fn deref(&self) -> &SandboxCore {
        &self.core
    }
}

/// The parts of a sandbox when it is opened.
pub(super) struct CoreParts {
    pub(super) name: String,
    pub(super) store: Store,
    pub(super) template: Arc<SandboxTemplate>,
    pub(super) row: SandboxRow,
    pub(super) clock: ClockState,
    pub(super) entropy: Entropy,
    pub(super) key: IdTokenKey,
    /// Cancelled when the server stops.
    pub(super) closed: CancellationToken,
}

/// The state of a sandbox after a reset or a restore.
pub(super) struct SandboxState {
    pub(super) data: Arc<SandboxData>,
    pub(super) clock: ClockState,
    pub(super) settings: Settings,
    pub(super) faults: Vec<FaultCounters>,
}

impl SandboxCore {
    /// A sandbox that is in the database.
    pub(super) fn new(parts: CoreParts) -> Self {
        let CoreParts { template, row, .. } = parts;
        Self {
            name: parts.name,
            store: parts.store,
            clock: Clock::new(parts.clock),
            entropy: parts.entropy,
            key: parts.key,
            settings: RwLock::new(Arc::new(template.settings.clone())),
            rate_limits: RateLimits::default(),
            journal: Journal::new(template.journal_capacity, &template.journal_limits),
            changes: ChangeLog::default(),
            progress: Progress::default(),
            faults: Faults::new(template.fault_memory.clone()),
            shared_computations: SharedComputations::default(),
            template,
            seed_data: row.seed_data,
            current_data: RwLock::new(row.data),
            lifecycle_lock: tokio::sync::Mutex::default(),
            opened_at: system_now(),
            last_used_ms: AtomicI64::new(system_now().0),
            closed: parts.closed,
        }
    }

    /// Waits until the sandbox is deleted or the server stops.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// The system's time when it was opened: another one after a restart of the server.
    pub(crate) fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When it was last used: now, if a request still uses it.
    pub(super) fn last_used(self: &Arc<Self>) -> Timestamp {
        if Arc::strong_count(self) > 1 {
            system_now()
        } else {
            Timestamp(self.last_used_ms.load(Ordering::Relaxed))
        }
    }

    /// The name in the path; the one without a prefix is `default`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The data that new requests use.
    pub(super) fn current_data(&self) -> Arc<SandboxData> {
        let current = self.current_data.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the settings; of two concurrent changes, neither is lost.
    pub(crate) fn change_settings(&self, change: impl FnOnce(Settings) -> Settings) -> Settings {
        let mut settings = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = change((**settings).clone());
        *settings = Arc::new(changed.clone());
        changed
    }

    /// Changes and stores the clock. Does nothing if a reset replaced `data`.
    async fn change_clock<E: From<StoreError>>(
        &self,
        data: &Arc<SandboxData>,
        change: impl FnOnce(&Clock) -> Result<(), E>,
    ) -> Result<(), E> {
        let _lock = self.lifecycle_lock.lock().await;
        if !Arc::ptr_eq(&self.current_data(), data) {
            return Ok(());
        }
        let changed = Clock::new(self.clock.state());
        change(&changed)?;
        let state = changed.state();
        self.store
            .store_clock(&self.name, data, &state.to_text())
            .await?;
        let before = self.clock.state();
        self.clock.set_state(state);
        if let Some((kind, message)) = describe_clock_change(before, state) {
            self.record_change(kind, &message);
        }
        Ok(())
    }

    /// Records a change of clock, faults or settings after the newest request.
    pub(crate) fn record_change(&self, kind: ChangeKind, message: &str) {
        let after_request = self.journal.newest();
        self.changes.add(after_request, self.now(), kind, message);
    }

    /// Replaces the data and the state that new requests use. `change_journal` runs while no request can write to the journal.
    pub(super) fn switch_to(&self, start: SandboxState, change_journal: impl FnOnce(&Journal)) {
        let mut current = self
            .current_data
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.clock.set_state(start.clock);
        self.change_settings(|_| start.settings);
        self.faults.replace(start.faults);
        self.rate_limits.clear();
        change_journal(&self.journal);
        *current = start.data;
    }

    async fn reset_data(&self) -> Result<(), StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let clock = ClockState::default();
        let origin = self
            .seed_data
            .as_deref()
            .map_or(DataSource::Seed(&self.template.seed), DataSource::Copy);
        let before = self.current_data();
        let new = self
            .store
            .replace_data(&self.name, &before, origin, &clock.to_text())
            .await?;
        // None: the sandbox was deleted.
        if let Some(data) = new {
            let start = SandboxState {
                data,
                clock,
                settings: self.template.settings.clone(),
                faults: Vec::new(),
            };
            self.switch_to(start, |journal| {
                journal.clear();
                self.changes.clear();
                self.progress.clear();
                self.record_change(ChangeKind::SandboxReset, "Sandbox reset");
            });
        }
        Ok(())
    }

    /// Ends the waiting of requests for events, as the sandbox is deleted.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }
}

impl Sandbox {
    /// The data that it is pinned to.
    pub(crate) fn data(&self) -> &SandboxData {
        &self.data
    }

    pub(super) fn new(core: &Arc<SandboxCore>) -> Self {
        Self {
            core: Arc::clone(core),
            data: core.current_data(),
        }
    }

    /// Changes journal, faults, settings or limits, unless the sandbox was reset since the request began.
    pub(crate) fn if_current<T>(&self, act: impl FnOnce(&SandboxCore) -> T) -> Option<T> {
        let current = self
            .core
            .current_data
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::ptr_eq(&current, &self.data).then(|| act(&self.core))
    }

    /// Adds an exchange to the journal, unless it began before a reset. Returns its id.
    pub(crate) fn record(&self, exchange: StoredExchange) -> Option<u64> {
        self.if_current(|core| {
            let steps = progress::steps(&exchange);
            let id = core.journal.push(exchange);
            core.progress.note(&steps, id);
            id
        })
    }

    /// The faults that apply to a request.
    pub(crate) fn matching_faults(&self, target: &FaultTarget) -> Vec<Arc<ActiveFault>> {
        self.if_current(|core| core.faults.matching(target, &core.entropy, self.data()))
            .unwrap_or_default()
    }

    /// Counts a request against a limit and returns whether it is allowed: always, if limits are off, or if the sandbox was reset
    /// since the request began.
    pub(crate) fn check_rate_limit(&self, limit: Limit, key: &str) -> bool {
        let counted = self.if_current(|core| {
            !core.settings().rate_limits || core.rate_limits.allow(limit, key, core.now())
        });
        counted.unwrap_or(true)
    }

    /// Moves or freezes the clock, and stores it for the next start. If it cannot be stored, nothing changes.
    pub(crate) async fn change_clock<E: From<StoreError> + Send + 'static>(
        &self,
        change: impl FnOnce(&Clock) -> Result<(), E> + Send + 'static,
    ) -> Result<(), E> {
        let data = Arc::clone(&self.data);
        self.run_uncancelled(async move |core| core.change_clock(&data, change).await)
            .await
    }

    /// Restores the seed and the start-up settings, and clears the clock, the faults, the journal and the rate limits.
    pub(crate) async fn reset(&self) -> Result<(), StoreError> {
        self.run_uncancelled(async |core| core.reset_data().await)
            .await
    }

    /// Runs `act` to completion even if the client disconnects.
    pub(super) async fn run_uncancelled<T, F>(&self, act: impl FnOnce(Arc<SandboxCore>) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        run_uncancelled(act(Arc::clone(&self.core))).await
    }
}

/// Runs to completion even if the client disconnects: the database and the memory must agree.
pub(super) async fn run_uncancelled<T: Send + 'static>(
    act: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(act).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
