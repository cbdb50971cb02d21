//! A sandbox, and the handle to it that a request holds.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use super::clock::{Clock, ClockState, system_now};
use super::entropy::Entropy;
use super::faults::{FaultRequest, FaultState, Faults, TriggeredFault};
use super::generation::Generation;
use super::in_flight::InFlight;
use super::journal::{Journal, StoredExchange};
use super::keys::IdTokenKey;
use super::purge::Purger;
use super::rate_limits::{Limit, RateLimits};
use super::settings::Settings;
use super::template::SandboxTemplate;
use crate::protocol::time::Timestamp;
use crate::store::{InitialData, SandboxData, SandboxRow, Store, StoreError};

/// A handle to a sandbox, pinned to its data at the time the request began. A request that began before a reset keeps
/// writing to the older data, which is discarded.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    core: Arc<SandboxCore>,
    generation: Arc<Generation>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.core
            .last_used_ms
            .store(system_now().0, Ordering::Relaxed);
    }
}

/// The part of a sandbox that all its generations share.
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
    pub(crate) faults: Faults,
    pub(crate) in_flight: InFlight,
    template: Arc<SandboxTemplate>,
    /// The data that a reset restores, if it is not the template's seed.
    seed_world: Option<Arc<SandboxData>>,
    /// The current generation. Changes of the journal, the faults and the settings hold this lock.
    generation: RwLock<Arc<Generation>>,
    /// Held during a reset, a restore, a snapshot or a change of the clock: one at a time.
    pub(super) lifecycle_lock: tokio::sync::Mutex<()>,
    pub(super) purger: Purger,
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

/// What a sandbox is opened with.
pub(super) struct CoreParts {
    pub(super) name: String,
    pub(super) store: Store,
    pub(super) template: Arc<SandboxTemplate>,
    pub(super) row: SandboxRow,
    pub(super) clock: ClockState,
    pub(super) entropy: Entropy,
    pub(super) key: IdTokenKey,
    pub(super) purger: Purger,
    /// Cancelled when the server stops.
    pub(super) closed: CancellationToken,
}

impl SandboxCore {
    /// A sandbox that is in the database.
    pub(super) fn new(parts: CoreParts) -> Self {
        let CoreParts {
            template,
            row,
            purger,
            ..
        } = parts;
        let generation = Generation::new(row.world, purger.clone());
        Self {
            name: parts.name,
            store: parts.store,
            clock: Clock::starting(parts.clock),
            entropy: parts.entropy,
            key: parts.key,
            settings: RwLock::new(Arc::new(template.settings.clone())),
            rate_limits: RateLimits::default(),
            journal: Journal::new(template.journal_capacity, &template.journal_limits),
            faults: Faults::new(template.fault_memory.clone()),
            in_flight: InFlight::default(),
            template,
            seed_world: row.seed_world,
            generation: RwLock::new(Arc::new(generation)),
            lifecycle_lock: tokio::sync::Mutex::default(),
            purger,
            last_used_ms: AtomicI64::new(system_now().0),
            closed: parts.closed,
        }
    }

    /// Waits until the sandbox is deleted or the server stops.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
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

    /// The generation that new requests use.
    pub(super) fn current_generation(&self) -> Arc<Generation> {
        Arc::clone(
            &self
                .generation
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
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

    /// Changes nothing if `began`, the generation of the caller, is not the current one any more.
    async fn change_clock<E: From<StoreError>>(
        &self,
        began: &Arc<Generation>,
        change: impl FnOnce(&Clock) -> Result<(), E>,
    ) -> Result<(), E> {
        let _lock = self.lifecycle_lock.lock().await;
        if !Arc::ptr_eq(&self.current_generation(), began) {
            return Ok(());
        }
        let changed = Clock::starting(self.clock.state());
        change(&changed)?;
        let state = changed.state();
        let (generation, clock) = (self.current_generation(), state.to_text());
        self.store
            .store_clock(&self.name, generation.rows(), &clock)
            .await?;
        self.clock.put(state);
        Ok(())
    }

    /// Makes these rows the current generation, with the clock, the settings and the faults that belong to them.
    pub(super) fn switch_to(
        &self,
        rows: Arc<SandboxData>,
        (clock, settings, faults): (ClockState, Settings, Vec<FaultState>),
        forget: impl FnOnce(&Self),
    ) {
        let new = Arc::new(Generation::new(rows, self.purger.clone()));
        let mut generation = self
            .generation
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.clock.put(clock);
        self.change_settings(|_| settings);
        self.faults.replace(faults);
        self.rate_limits.clear();
        forget(self);
        std::mem::replace(&mut *generation, new).mark_stale();
    }

    async fn reset_data(&self) -> Result<(), StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let clock = ClockState::default();
        let origin = self
            .seed_world
            .as_deref()
            .map_or(InitialData::Seed(&self.template.seed), InitialData::Copy);
        let before = self.current_generation();
        let begun = self
            .store
            .replace_data(&self.name, before.rows(), origin, &clock.to_text())
            .await?;
        // None: the sandbox was deleted.
        if let Some(rows) = begun {
            let state = (clock, self.template.settings.clone(), Vec::new());
            self.switch_to(rows, state, |core| core.journal.clear());
        }
        Ok(())
    }

    /// Marks the sandbox as deleted: requests in progress finish, then its data is removed.
    pub(super) fn close(&self) {
        self.current_generation().mark_stale();
        self.closed.cancel();
    }
}

impl Sandbox {
    /// Its data.
    pub(crate) fn world(&self) -> &SandboxData {
        self.generation.rows()
    }

    pub(super) fn new(core: &Arc<SandboxCore>) -> Self {
        Self {
            core: Arc::clone(core),
            generation: core.current_generation(),
        }
    }

    /// Changes journal, faults, settings or limits, unless the sandbox was reset since the request began.
    pub(crate) fn if_current<T>(&self, act: impl FnOnce(&SandboxCore) -> T) -> Option<T> {
        let current = self
            .core
            .generation
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::ptr_eq(&current, &self.generation).then(|| act(&self.core))
    }

    /// Adds an exchange to the journal, unless it began before a reset. Returns its id.
    pub(crate) fn record(&self, exchange: StoredExchange) -> Option<u64> {
        self.if_current(|core| core.journal.push(exchange))
    }

    /// The faults that apply to a request.
    pub(crate) fn matching_faults(&self, target: &FaultRequest) -> Vec<Arc<TriggeredFault>> {
        self.if_current(|core| core.faults.matching(target, &core.entropy, self.world()))
            .unwrap_or_default()
    }

    /// Counts a request against a limit and returns whether it is allowed: always, while limits are off.
    pub(crate) fn check_rate_limit(&self, limit: Limit, key: &str) -> bool {
        let counted = self.if_current(|core| {
            !core.settings().rate_limits || core.rate_limits.admit(limit, key, core.now())
        });
        counted.unwrap_or(true)
    }

    /// Moves or stops the clock, and stores it for the next start. If it cannot be stored, nothing changes.
    pub(crate) async fn change_clock<E: From<StoreError> + Send + 'static>(
        &self,
        change: impl FnOnce(&Clock) -> Result<(), E> + Send + 'static,
    ) -> Result<(), E> {
        let began = Arc::clone(&self.generation);
        self.run_uncancelled(async move |core| core.change_clock(&began, change).await)
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
