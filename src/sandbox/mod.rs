//! What is one private world? A store of its own, a clock, randomness, settings and rate limits; everything
//! that a request touches hangs off one `Sandbox`. Which sandboxes there are is `registry.rs`.

pub(crate) mod clock;
pub(crate) mod entropy;
pub(crate) mod faults;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod rate_limits;
pub(crate) mod registry;
pub(crate) mod settings;

use std::sync::{Arc, PoisonError, RwLock};

use clock::{Clock, ClockState};
use entropy::Entropy;
use faults::Faults;
use journal::Journal;
use keys::IdTokenKey;
use rate_limits::{Limit, RateLimits};
use settings::Settings;

use crate::protocol::time::Timestamp;
use crate::store::{Database, Seed, Store, StoreError, World};

/// What every sandbox of a server starts from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blueprint {
    pub(crate) seed: Seed,
    pub(crate) settings: Settings,
    pub(crate) entropy_seed: Option<u64>,
    /// The key for id tokens; without one each sandbox draws its own.
    pub(crate) key: Option<IdTokenKey>,
    /// How many exchanges a journal keeps.
    pub(crate) journal_capacity: usize,
}

/// One private world.
#[derive(Debug)]
pub(crate) struct Sandbox {
    name: String,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) key: IdTokenKey,
    settings: RwLock<Arc<Settings>>,
    rate_limits: RateLimits,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    blueprint: Arc<Blueprint>,
}

impl Sandbox {
    /// Opens a sandbox: as it was left where the database knows it, else as the blueprint says.
    async fn open(name: &str, store: Store, blueprint: Arc<Blueprint>) -> Result<Self, StoreError> {
        let entropy = Entropy::new(blueprint.entropy_seed, name);
        let clock = Clock::default();
        let known = store.find_world(name).await?;
        if let Some(known) = &known {
            clock.put(read_clock(&known.clock)?);
        }
        let kept = known.and_then(|known| known.signing_key);
        let key = blueprint
            .key
            .clone()
            .or_else(|| kept.as_deref().and_then(IdTokenKey::from_bytes))
            .unwrap_or_else(|| IdTokenKey::draw(&entropy));
        let world = World {
            clock: clock_text(&clock),
            signing_key: Some(key.to_bytes()),
        };
        store.plant(name, &blueprint.seed, &world).await?;
        Ok(Self {
            name: name.to_owned(),
            entropy,
            key,
            clock,
            settings: RwLock::new(Arc::new(blueprint.settings.clone())),
            rate_limits: RateLimits::default(),
            journal: Journal::new(blueprint.journal_capacity),
            faults: Faults::default(),
            store,
            blueprint,
        })
    }

    /// The name in the path; the one without a prefix is `default`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the rows of this sandbox are kept under.
    pub(crate) fn world(&self) -> &str {
        &self.name
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn put_settings(&self, settings: Settings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Changes the settings: of two changes at once, neither is lost.
    pub(crate) fn change_settings(&self, change: impl FnOnce(Settings) -> Settings) -> Settings {
        let mut settings = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = change((**settings).clone());
        *settings = Arc::new(changed.clone());
        changed
    }

    /// Counts a request against a limit. Whether it may go on: always, while limits are off.
    pub(crate) fn admits(&self, limit: Limit, key: &str) -> bool {
        !self.settings().rate_limits || self.rate_limits.admit(limit, key, self.now())
    }

    /// Back to the seed and the start-up settings: rows, clock and rate limits too.
    pub(crate) async fn reset(&self) -> Result<(), StoreError> {
        self.clock.put(ClockState::default());
        self.put_settings(self.blueprint.settings.clone());
        self.rate_limits.clear();
        self.faults.clear();
        self.journal.clear();
        self.store
            .replant(&self.name, &self.blueprint.seed, &clock_text(&self.clock))
            .await
    }

    /// Forgets which requests were counted.
    pub(crate) fn forget_rate_limits(&self) {
        self.rate_limits.clear();
    }

    /// Keeps the clock as it stands, so that a restart goes on from there.
    pub(crate) async fn keep_clock(&self) -> Result<(), StoreError> {
        self.store
            .keep_clock(&self.name, &clock_text(&self.clock))
            .await
    }
}

fn clock_text(clock: &Clock) -> String {
    serde_json::to_string(&clock.state()).expect("a clock state is JSON")
}

fn read_clock(text: &str) -> Result<ClockState, StoreError> {
    serde_json::from_str(text).map_err(|why| StoreError::Damaged {
        what: "clock",
        why: why.to_string(),
    })
}

/// Opens the database that all sandboxes of a server share.
pub(crate) async fn open_store(database: &Database) -> Result<Store, StoreError> {
    Store::open(database).await
}
