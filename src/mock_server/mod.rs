//! The mock for Rust tests: [`MockServer`] and its sandboxes. Each operation is a method that calls the one of `control/`.

mod builder;
mod clock_and_snapshots;
mod requests;
mod sandbox;
mod server;
mod tokens;
mod users_and_clients;

pub use crate::control::error::ControlError as MockError;
pub use builder::MockServerBuilder;
pub use sandbox::MockSandbox;
pub use server::MockServer;
