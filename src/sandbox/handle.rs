//! A sandbox, and the handle to it that a request holds.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use super::clock::{Clock, ClockState, system_now};
use super::entropy::Entropy;
use super::faults::{FaultRequest, FaultState, Faults, TriggeredFault};
use super::in_flight::InFlight;
use super::journal::{Journal, StoredExchange};
use super::keys::IdTokenKey;
use super::rate_limits::{Limit, RateLimits};
use super::settings::Settings;
use super::template::SandboxTemplate;
use super::world::{Purger, World};
use crate::protocol::time::Timestamp;
use crate::store::{Origin, Rows, SandboxRow, Store, StoreError};

/// A sandbox as one request sees it: after a reset, a request that began before it writes to rows that are not read.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    core: Arc<SandboxCore>,
    world: Arc<World>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.core.used.store(system_now().0, Ordering::Relaxed);
    }
}

/// What stays of a sandbox while its rows come and go.
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
    /// The world that a reset goes back to, where it is not the template's seed.
    seed_world: Option<Arc<Rows>>,
    /// The world of today. This lock is held to change what belongs to it: journal, faults, settings.
    world: RwLock<Arc<World>>,
    /// One reset, restore or snapshot at a time, and one clock to keep.
    pub(super) lifecycle_lock: tokio::sync::Mutex<()>,
    pub(super) purger: Purger,
    /// When it was last used, in the system's time.
    used: AtomicI64,
    /// The sandbox is deleted or the server stops: requests that wait for something to come wait no longer.
    gone: CancellationToken,
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
    pub(super) gone: CancellationToken,
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
        let world = World::new(row.world, purger.clone());
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
            world: RwLock::new(Arc::new(world)),
            lifecycle_lock: tokio::sync::Mutex::default(),
            purger,
            used: AtomicI64::new(system_now().0),
            gone: parts.gone,
        }
    }

    /// Waits until the sandbox is deleted or the server stops.
    pub(crate) async fn closed(&self) {
        self.gone.cancelled().await;
    }

    /// When it was last used: now, while somebody still holds it.
    pub(super) fn last_used(self: &Arc<Self>) -> Timestamp {
        if Arc::strong_count(self) > 1 {
            system_now()
        } else {
            Timestamp(self.used.load(Ordering::Relaxed))
        }
    }

    /// The name in the path; the one without a prefix is `default`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The world of today.
    pub(super) fn current_world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
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

    /// `began` is the world that the caller knows: if it was left behind, nothing changes.
    async fn change_clock<E: From<StoreError>>(
        &self,
        began: &Arc<World>,
        change: impl FnOnce(&Clock) -> Result<(), E>,
    ) -> Result<(), E> {
        let _lock = self.lifecycle_lock.lock().await;
        if !Arc::ptr_eq(&self.current_world(), began) {
            return Ok(());
        }
        let changed = Clock::starting(self.clock.state());
        change(&changed)?;
        let state = changed.state();
        let (world, clock) = (self.current_world(), state.to_text());
        self.store
            .keep_clock(&self.name, world.rows(), &clock)
            .await?;
        self.clock.put(state);
        Ok(())
    }

    /// Goes to another world, with all that belongs to it.
    pub(super) fn switch_to(
        &self,
        rows: Arc<Rows>,
        (clock, settings, faults): (ClockState, Settings, Vec<FaultState>),
        forget: impl FnOnce(&Self),
    ) {
        let new = Arc::new(World::new(rows, self.purger.clone()));
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        self.clock.put(clock);
        self.change_settings(|_| settings);
        self.faults.replace(faults);
        self.rate_limits.clear();
        forget(self);
        std::mem::replace(&mut *world, new).retire();
    }

    async fn reset_data(&self) -> Result<(), StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let clock = ClockState::default();
        let origin = self
            .seed_world
            .as_deref()
            .map_or(Origin::Seed(&self.template.seed), Origin::World);
        let before = self.current_world();
        let begun = self
            .store
            .begin_anew(&self.name, before.rows(), origin, &clock.to_text())
            .await?;
        // None: the sandbox was deleted.
        if let Some(world) = begun {
            let state = (clock, self.template.settings.clone(), Vec::new());
            self.switch_to(world, state, |core| core.journal.clear());
        }
        Ok(())
    }

    /// The sandbox is gone: what is under way finishes, and its rows go after it.
    pub(super) fn close(&self) {
        self.current_world().retire();
        self.gone.cancel();
    }
}

impl Sandbox {
    /// Its rows.
    pub(crate) fn world(&self) -> &Rows {
        self.world.rows()
    }

    pub(super) fn new(core: &Arc<SandboxCore>) -> Self {
        Self {
            core: Arc::clone(core),
            world: core.current_world(),
        }
    }

    /// Changes journal, faults, settings or limits, unless the sandbox was reset since the request began.
    pub(crate) fn if_current<T>(&self, act: impl FnOnce(&SandboxCore) -> T) -> Option<T> {
        let today = self
            .core
            .world
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::ptr_eq(&today, &self.world).then(|| act(&self.core))
    }

    /// Adds an exchange to the journal, unless it began before a reset. Returns its id.
    pub(crate) fn record(&self, exchange: StoredExchange) -> Option<u64> {
        self.if_current(|core| core.journal.push(exchange))
    }

    /// Notes in the journal that tokens were ended by no doing of the app's.
    pub(crate) fn note_tokens_ended(&self) {
        self.if_current(|core| core.journal.note_tokens_ended());
    }

    /// The faults that apply to a request.
    pub(crate) fn matching_faults(&self, target: &FaultRequest) -> Vec<Arc<TriggeredFault>> {
        self.if_current(|core| core.faults.matching(target, &core.entropy, self.world()))
            .unwrap_or_default()
    }

    /// Counts a request against a limit. Whether it may go on: always, while limits are off.
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
        let began = Arc::clone(&self.world);
        self.run_uncancelled(async move |core| core.change_clock(&began, change).await)
            .await
    }

    /// Back to the seed and the start-up settings: rows, clock, faults, journal and rate limits too.
    pub(crate) async fn reset(&self) -> Result<(), StoreError> {
        self.run_uncancelled(async |core| core.reset_data().await)
            .await
    }

    /// Does something with what stays of the sandbox, to its end.
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
        Err(why) => std::panic::resume_unwind(why.into_panic()),
    }
}
