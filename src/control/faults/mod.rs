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

impl Sandbox {
    /// Adds a fault.
    pub(crate) fn add_fault(&self, fault: Fault) -> ControlResult<FaultView> {
        check::check(&fault)?;
        self.check_client_and_user(fault.client_id.as_deref(), fault.user.as_ref())?;
        // A reset deletes the faults that were added before it.
        let added = self.if_current(|core| core.faults.add(fault.clone()));
        let added = added.unwrap_or_else(|| Faults::default().add(fault));
        Ok(added?)
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
        match id.parse() {
            Ok(number) if self.if_current(|core| core.faults.remove(number)) == Some(true) => {
                Ok(())
            }
            _ => Err(self.no_fault(id)),
        }
    }

    /// Deletes all faults.
    pub(crate) fn delete_faults(&self) {
        self.if_current(|core| core.faults.clear());
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
