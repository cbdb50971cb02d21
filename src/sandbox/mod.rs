//! One sandbox: data, clock, randomness, settings, faults, rate limits and a journal of its own. `registry.rs` has all
//! sandboxes.

pub(crate) mod changes;
pub(crate) mod clock;
pub(crate) mod credential_cause;
pub(crate) mod entropy;
pub(crate) mod faults;
mod handle;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod name;
pub(crate) mod progress;
pub(crate) mod rate_limits;
pub(crate) mod registry;
pub(crate) mod settings;
pub(crate) mod shared_computations;
mod slots;
mod snapshots;
pub(crate) mod spending;
pub(crate) mod template;
pub(crate) mod used_bytes;

pub(crate) use handle::Sandbox;
