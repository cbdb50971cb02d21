//! In-memory tables, one `RwLock` per sandbox: all reads are served from memory, and the lock settles every race.
//!
//! With a database file, each change is also queued as SQL in the same order (`write_queue.rs`), and acknowledged once
//! SQLite has committed it (`writer.rs`). If the commit fails, memory is reloaded from the file. `tables/table.rs` has the
//! generic table; a table's row type and its columns are in one file of `tables/`, and the operations on it in the file of the
//! same name here. Callers pass the data of a sandbox (`Sandbox::data`) and never hold a lock.

mod application_id;
mod clients;
mod codes;
mod columns;
mod commit;
mod consents;
mod credentials;
mod database;
mod devices;
mod error;
mod file;
mod file_identity;
mod handle;
mod initial_data;
mod lock;
mod open;
mod purge;
mod readers;
mod removal;
mod sandbox_data;
mod sandbox_index;
mod sandbox_index_commit;
mod sandboxes;
mod sessions;
mod snapshots;
mod spends;
mod statement;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod workflows;
mod write_batch;
mod write_queue;
mod writer;

pub(crate) use columns::from_json;
pub use database::Database;
pub(crate) use devices::NewDevice;
pub use error::StoreError;
pub(crate) use handle::Store;
pub(crate) use initial_data::{DataSource, Seed};
pub(crate) use sandbox_data::SandboxData;
pub(crate) use sandboxes::NewSandboxRow;
pub(crate) use sessions::NewSession;
pub(crate) use tables::consents::StoredConsent;
pub(crate) use tables::grant_tables::{GrantTable, UserClientFilter};
pub(crate) use tables::sandboxes::{SandboxRow, StoredKey};
