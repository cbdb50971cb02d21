//! Operations on faults: add, list, delete.

mod builder;
mod check;
mod presets;

use serde::Serialize;
use serde_json::json;

use super::error::{ControlError, ControlResult};
use crate::invalid::Invalid;
use crate::redact::redact;
use crate::sandbox::Sandbox;
use crate::sandbox::changes::ChangeKind;
use crate::sandbox::faults::{Fault, FaultView, Faults};

pub(crate) use presets::PresetOptions;
pub use presets::{AppliedPreset, NewPresetFault, Preset};

/// `{"faults":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct FaultList {
    pub(crate) faults: Vec<FaultView>,
}

/// The name and description of the preset that equals the fault, or the fault as JSON without the secrets of its answer.
pub(crate) fn describe_fault(fault: &Fault) -> String {
    let preset = Preset::ALL
        .iter()
        .find(|preset| preset.to_fault().as_ref() == Some(fault));
    match preset {
        Some(preset) => format!("{}: {}", preset.name(), preset.description()),
        None => redact(json!(fault)).to_string(),
    }
}

/// The description of a fault that was added: `Fault token-endpoint-down turned on, once`.
fn describe_added_fault(id: u64, fault: &Fault) -> String {
    let times = match fault.times {
        Some(1) => ", once".to_owned(),
        Some(times) => format!(", {times} times"),
        None => String::new(),
    };
    format!("Fault {} turned on{times}", fault_name(id, fault))
}

/// The preset that a fault has the effect of. Its options are how often it applies, and to which client.
pub(crate) fn preset_of(fault: &Fault) -> Option<Preset> {
    let without_options = Fault {
        times: None,
        client_id: None,
        ..fault.clone()
    };
    let mut presets = Preset::ALL.iter();
    presets
        .find(|preset| preset.to_fault().as_ref() == Some(&without_options))
        .copied()
}

/// Whether a fault has applied as often as it may.
pub(crate) fn is_over(fault: &FaultView) -> bool {
    let is_past = |nth: u64| fault.matched >= nth;
    let has_applied = |times: u64| fault.triggered >= times;
    fault.definition.times.is_some_and(has_applied) || fault.definition.nth.is_some_and(is_past)
}

/// Whether one of the faults has the effect of the preset and may still apply.
pub(crate) fn is_preset_on(preset: Preset, faults: &[FaultView]) -> bool {
    let mut active = faults.iter().filter(|fault| !is_over(fault));
    active.any(|fault| preset_of(&fault.definition) == Some(preset))
}

/// The name of the preset that a fault has the effect of, or its id.
fn fault_name(id: u64, fault: &Fault) -> String {
    preset_of(fault).map_or_else(|| id.to_string(), |preset| preset.name().to_owned())
}

impl Sandbox {
    /// Adds a fault.
    pub(crate) fn add_fault(&self, fault: Fault) -> ControlResult<FaultView> {
        check::check(&fault)?;
        self.check_client_and_user(fault.client_id.as_deref(), fault.user.as_ref())?;
        // A reset deletes the faults that were added before it.
        let added = self.if_current(|core| {
            let added = core.faults.add(fault.clone())?;
            let message = describe_added_fault(added.id, &fault);
            core.record_change(ChangeKind::FaultAdded, &message);
            Ok(added)
        });
        let added = added.unwrap_or_else(|| Faults::default().add(fault));
        Ok(added?)
    }

    /// Adds a fault, unless one meets the condition. Returns whether it was added.
    pub(crate) fn add_fault_unless(
        &self,
        is_met: impl Fn(&FaultView) -> bool,
        fault: &Fault,
    ) -> ControlResult<bool> {
        check::check(fault)?;
        let added = self.if_current(|core| {
            let added = core.faults.add_unless(is_met, fault.clone())?;
            if let Some(added) = &added {
                let message = describe_added_fault(added.id, fault);
                core.record_change(ChangeKind::FaultAdded, &message);
            }
            Ok::<_, Invalid>(added.is_some())
        });
        Ok(added.unwrap_or(Ok(true))?)
    }

    /// The faults.
    pub(crate) fn list_faults(&self) -> FaultList {
        FaultList {
            faults: self.faults.list(),
        }
    }

    /// One fault, by its id as text.
    pub(crate) fn read_fault(&self, id: &str) -> ControlResult<FaultView> {
        let found = self
            .faults
            .list()
            .into_iter()
            .find(|fault| fault.id.to_string() == id);
        found.ok_or_else(|| self.no_fault(id))
    }

    /// Deletes one fault.
    pub(crate) fn delete_fault(&self, id: &str) -> ControlResult<()> {
        let removed = id.parse().ok().and_then(|number| {
            let removed = self.if_current(|core| {
                let removed = core.faults.remove(number)?;
                let message = format!("Fault {} turned off", fault_name(number, &removed));
                core.record_change(ChangeKind::FaultDeleted, &message);
                Some(())
            });
            removed.flatten()
        });
        removed.ok_or_else(|| self.no_fault(id))
    }

    /// Deletes all faults.
    pub(crate) fn delete_faults(&self) {
        self.if_current(|core| {
            if !core.faults.is_empty() {
                core.faults.clear();
                core.record_change(ChangeKind::FaultDeleted, "All faults turned off");
            }
        });
    }

    fn no_fault(&self, id: &str) -> ControlError {
        let ids: Vec<String> = self
            .faults
            .list()
            .iter()
            .map(|fault| fault.id.to_string())
            .collect();
        let error = Invalid::new("id", format!("no fault {id:?}"));
        ControlError::NotFound(if ids.is_empty() {
            error.with_hint("there are no faults")
        } else {
            error.with_hint(format!("there are {}", ids.join(", ")))
        })
    }
}
