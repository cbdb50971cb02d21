//! Input of the mock's own formats: reading of JSON and TOML, and the error of seeds, configuration files and control calls.

mod error;
mod problem;
mod read;
mod toml_file;

pub use error::Invalid;
pub(crate) use error::{ErrorView, MAKE_ROOM};
pub(crate) use read::from_json;
pub(crate) use toml_file::{from_toml, line_of_key};
