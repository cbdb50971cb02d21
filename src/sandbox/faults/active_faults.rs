//! The active faults of one sandbox. Each counts how often it may still apply.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::active_fault::ActiveFault;
use super::fault::{Fault, FaultTarget};
use crate::invalid::Invalid;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::used_bytes::UsedBytes;
use crate::store::{SandboxData, StoreError};

/// An active fault, and how often it has applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "FaultView")
)]
#[non_exhaustive]
pub struct FaultView {
    /// The id by which it is removed.
    pub id: u64,
    /// When it applies, and what happens then.
    #[serde(flatten)]
    pub definition: Fault,
    /// The requests that it matches.
    pub matched: u64,
    /// The requests that it has been applied to.
    pub triggered: u64,
}

/// The most faults of a sandbox, and the most bytes in memory of the faults of all sandboxes.
const MAX_FAULTS: usize = 1000;
const MAX_FAULTS_BYTES: usize = 32 * 1024 * 1024;

/// The faults of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    set: Mutex<FaultTable>,
    /// Of the faults of all sandboxes.
    memory: UsedBytes,
}

#[derive(Debug, Default)]
struct FaultTable {
    faults: Vec<FaultCounters>,
    last_id: u64,
}

impl FaultTable {
    fn size_in_bytes(&self) -> usize {
        let sizes = self.faults.iter().map(|active| active.fault.charge.bytes());
        sizes.sum()
    }
}

const DELETE_SOME: &str = "DELETE faults that are no longer used";

/// A fault, and how often it applied.
#[derive(Debug)]
pub(crate) struct FaultCounters {
    fault: Arc<ActiveFault>,
    matched: u64,
    triggered: u64,
}

impl FaultCounters {
    fn from_view(view: FaultView, memory: &UsedBytes) -> Self {
        Self {
            fault: Arc::new(ActiveFault::new(view.id, view.definition, memory)),
            matched: view.matched,
            triggered: view.triggered,
        }
    }

    fn to_view(&self) -> FaultView {
        FaultView {
            id: self.fault.id,
            definition: self.fault.definition.clone(),
            matched: self.matched,
            triggered: self.triggered,
        }
    }
}

impl Faults {
    /// No faults yet.
    pub(crate) fn new(memory: UsedBytes) -> Self {
        Self {
            set: Mutex::default(),
            memory,
        }
    }

    fn set(&self) -> MutexGuard<'_, FaultTable> {
        // After a panic, counters may be one behind.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault. Errors: there is no room for it.
    pub(crate) fn add(&self, definition: Fault) -> Result<FaultView, Invalid> {
        self.add_to(self.set(), definition)
    }

    /// The same, unless a fault meets the condition.
    pub(crate) fn add_unless(
        &self,
        is_met: impl Fn(&FaultView) -> bool,
        definition: Fault,
    ) -> Result<Option<FaultView>, Invalid> {
        let set = self.set();
        if set.faults.iter().any(|active| is_met(&active.to_view())) {
            return Ok(None);
        }
        self.add_to(set, definition).map(Some)
    }

    fn add_to(
        &self,
        mut set: MutexGuard<'_, FaultTable>,
        definition: Fault,
    ) -> Result<FaultView, Invalid> {
        if set.faults.len() >= MAX_FAULTS {
            let reason = format!("the limit of {MAX_FAULTS} faults in this sandbox is reached");
            return Err(Invalid::new("", reason).with_hint(DELETE_SOME));
        }
        let fault = FaultView {
            id: set.last_id + 1,
            definition,
            matched: 0,
            triggered: 0,
        };
        let active = FaultCounters::from_view(fault.clone(), &self.memory);
        // It is counted before the check, so that parallel calls do not exceed the bound together.
        let used = self.memory.get();
        if used > MAX_FAULTS_BYTES {
            let bytes = active.fault.charge.bytes();
            let reason = format!(
                "no room for {bytes} bytes: the faults of all sandboxes have at most {MAX_FAULTS_BYTES} bytes in memory, \
                 and {} are used",
                used.saturating_sub(bytes)
            );
            return Err(Invalid::new("effect", reason).with_hint(DELETE_SOME));
        }
        set.last_id = fault.id;
        set.faults.push(active);
        Ok(fault)
    }

    pub(crate) fn list(&self) -> Vec<FaultView> {
        self.set()
            .faults
            .iter()
            .map(FaultCounters::to_view)
            .collect()
    }

    /// The error codes that the faults answer with.
    pub(crate) fn errors(&self) -> Vec<String> {
        let set = self.set();
        let errors = set.faults.iter().filter_map(|active| {
            let effect = &active.fault.definition.effect;
            let of_body = || effect.body.as_ref()?.get("error")?.as_str();
            effect.error.as_deref().or_else(of_body)
        });
        errors.map(str::to_owned).collect()
    }

    /// Removes a fault and returns it; None if it does not exist.
    pub(crate) fn remove(&self, id: u64) -> Option<Fault> {
        let mut set = self.set();
        let at = set.faults.iter().position(|active| active.fault.id == id)?;
        let removed = set.faults.remove(at);
        Some(removed.fault.definition.clone())
    }

    pub(crate) fn clear(&self) {
        self.set().faults.clear();
    }

    /// Prepares these faults for [`Faults::replace`], with the number of times that each may still apply. Errors: there is no room
    /// for them in place of the active ones.
    pub(crate) fn prepare(&self, faults: Vec<FaultView>) -> Result<Vec<FaultCounters>, StoreError> {
        let new = |fault| FaultCounters::from_view(fault, &self.memory);
        let prepared: Vec<FaultCounters> = faults.into_iter().map(new).collect();
        let own = self.set().size_in_bytes();
        if self.memory.get().saturating_sub(own) > MAX_FAULTS_BYTES {
            return Err(StoreError::TableFull {
                what: "bytes in the faults of all sandboxes",
                most: MAX_FAULTS_BYTES,
            });
        }
        Ok(prepared)
    }

    /// Replaces the active faults.
    pub(crate) fn replace(&self, faults: Vec<FaultCounters>) {
        let mut set = self.set();
        let newest = faults.iter().map(|active| active.fault.id).max();
        set.last_id = set.last_id.max(newest.unwrap_or(0));
        set.faults = faults;
    }

    /// How many faults there are.
    pub(crate) fn count(&self) -> u64 {
        self.set().faults.len() as u64
    }

    /// Whether there are no faults.
    pub(crate) fn is_empty(&self) -> bool {
        self.set().faults.is_empty()
    }

    /// Whether a fault depends on the user.
    pub(crate) fn need_user(&self) -> bool {
        self.set().faults.iter().any(|active| {
            active.fault.definition.user.is_some() || active.fault.definition.effect.deny_consent
        })
    }

    /// The faults that apply to this request: each of them counts it. `data` has the users that faults name.
    pub(crate) fn matching(
        &self,
        target: &FaultTarget,
        entropy: &Entropy,
        data: &SandboxData,
    ) -> Vec<Arc<ActiveFault>> {
        let mut set = self.set();
        let mut applied = Vec::new();
        for active in &mut set.faults {
            let definition = &active.fault.definition;
            if !definition.fits(target, data) {
                continue;
            }
            active.matched += 1;
            let due = definition.nth.is_none_or(|nth| active.matched == nth)
                && definition.skip.is_none_or(|skip| active.matched > skip)
                && definition
                    .times
                    .is_none_or(|times| active.triggered < times)
                && definition
                    .probability
                    .is_none_or(|chance| entropy.fraction() < chance);
            if due {
                active.triggered += 1;
                applied.push(Arc::clone(&active.fault));
            }
        }
        applied
    }
}
