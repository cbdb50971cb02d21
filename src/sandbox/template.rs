//! [`SandboxTemplate`], from which sandboxes are created.

use std::time::Duration;

use super::journal::JournalLimits;
use super::keys::IdTokenKey;
use super::settings::{Settings, SettingsPatch};
use super::used_bytes::UsedBytes;
use crate::store::Seed;

/// The seed, settings and limits that every sandbox of a server starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct SandboxTemplate {
    pub(crate) seed: Seed,
    pub(crate) settings: Settings,
    pub(crate) entropy_seed: Option<u64>,
    /// The key for id tokens; without one each sandbox generates its own.
    pub(crate) key: Option<IdTokenKey>,
    /// How many exchanges a journal stores.
    pub(crate) journal_capacity: usize,
    /// The limits that all journals share.
    pub(crate) journal_limits: JournalLimits,
    /// The memory of the faults of all sandboxes.
    pub(crate) fault_memory: UsedBytes,
}

/// The parts of the template that one sandbox replaces.
#[derive(Debug)]
pub(crate) struct TemplateOverrides {
    pub(crate) seed: Option<Seed>,
    pub(crate) settings: SettingsPatch,
    pub(crate) created_by: CreatedBy,
}

impl TemplateOverrides {
    /// No overrides.
    pub(super) fn new(created_by: CreatedBy) -> Self {
        Self {
            seed: None,
            settings: SettingsPatch::default(),
            created_by,
        }
    }
}

/// The origin of a sandbox. Request-created sandboxes are evicted to make room for explicit ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreatedBy {
    /// A request to an endpoint or a page that named it.
    Request,
    /// `POST /_mock/sandboxes`, any other control call, or Rust.
    Explicit,
}

impl CreatedBy {
    /// How long a sandbox must have been idle to make room for one that is created so. Sandboxes that tests create by
    /// their requests do not remove each other while the tests run.
    pub(super) fn least_idle(self) -> Duration {
        match self {
            Self::Request => Duration::from_mins(1),
            Self::Explicit => Duration::ZERO,
        }
    }
}
