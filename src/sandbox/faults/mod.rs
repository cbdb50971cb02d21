//! Injected faults: which requests fail, and how. `middleware/faults.rs` applies them to responses;
//! `control/faults/` checks them and has the presets.

mod active_fault;
mod active_faults;
mod fault;

pub(crate) use active_fault::{ActiveFault, RecordedFault};
pub use active_faults::FaultView;
pub(crate) use active_faults::{FaultCounters, Faults};
pub use fault::Fault;
pub(crate) use fault::{Delay, Effect, FaultTarget};
