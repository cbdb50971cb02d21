//! Injected faults: rules that say which requests fail, and how. `middleware/faults.rs` applies them to responses;
//! `control/faults/` checks them and has the presets.

mod active;
mod rule;
mod triggered;

pub use active::SetFault;
pub(crate) use active::{FaultState, Faults};
pub use rule::Fault;
pub(crate) use rule::{Delay, Effect, FaultRequest};
pub(crate) use triggered::{RecordedFault, TriggeredFault};
