//! The store: every answer comes from memory, where each world's rows are complete, behind one lock that settles every
//! race. With a database file, each change is also queued as SQL in the same order (`log.rs`), and acknowledged once SQLite
//! has committed it (`writer.rs`). If it cannot, memory goes back to what the file has. Each table is one file here, with its
//! part of memory and its SQL; callers pass the world of a sandbox (`Sandbox::world`) and never hold a lock.

mod accounts;
mod clients;
mod codes;
mod consents;
mod database;
mod devices;
mod draft;
mod file;
mod growth;
mod held;
mod lock;
mod log;
mod place;
mod planned;
mod readers;
#[cfg(test)]
mod refused;
mod rows;
mod sandboxes;
mod sessions;
mod snapshots;
mod spends;
mod statement;
mod tokens;
mod users;
mod workflows;
mod worlds;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use draft::{Draft, Pen};
use file::{File, Opened};
use log::{Log, Pending};
use rows::Tables;
use sandboxes::Catalogue;

pub use database::Database;
pub(crate) use held::Held;
pub(crate) use rows::Rows;
pub(crate) use sandboxes::{Own, SandboxRow, StoredKey};
pub(crate) use sessions::NewSession;
pub(crate) use worlds::{Origin, Seed};

/// All that one server keeps.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    catalogue: Arc<Mutex<Catalogue>>,
    /// How many servers have had the rows before this one.
    run: u64,
    /// Where the rows outlive the process.
    file: Option<Arc<File>>,
}

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be read.
    #[error("the database cannot be read: {}", file::described(.0))]
    Sql(#[from] sqlx::Error),
    /// The file could not be written: a full disk, a folder that has become read-only. The change was not made; the next
    /// change tries again.
    #[error(
        "the database {path} cannot be written: {why}; no change is acknowledged until it can be written",
        path = path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: Arc<str>,
    },
    /// The file could not be opened or brought to this version's schema.
    #[error("cannot open the database {path}: {why}; choose another with --database, or --database memory", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// What is to be the path of a file is none.
    #[error("{given:?} is {rule}, not the path of a database file; {fix}")]
    NotAPath {
        /// What was given.
        given: String,
        /// What it is instead.
        rule: &'static str,
        /// What to write instead.
        fix: String,
    },
    /// A user cannot have the name that another one has.
    #[error("another user is named {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A table has as many rows as it may have.
    #[error("there are {most} {what} already, and there may be no more")]
    Full {
        /// Which rows.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// There are as many sandboxes as there may be.
    #[error("there are {most} sandboxes already, and there may be no more")]
    TooManySandboxes {
        /// How many.
        most: usize,
    },
    /// A row holds what no version of this server has written.
    #[error("the database holds an unreadable {what}: {why}")]
    Damaged {
        /// Which row it is.
        what: &'static str,
        /// Why it cannot be read.
        why: String,
    },
}

impl StoreError {
    /// What to do about [`StoreError::Unwritable`].
    pub(crate) const SEND_AGAIN: &str =
        "free the disk or fix the permissions, then send the request again";
}

impl Store {
    /// Opens the database and brings it to this version's schema.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        database.check()?;
        let (file, run, catalogue) = match database {
            Database::Memory => (None, 0, Catalogue::default()),
            Database::File(path) => {
                let Opened {
                    file,
                    run,
                    catalogue,
                } = File::open(path).await?;
                (Some(Arc::new(file)), run, catalogue)
            }
        };
        Ok(Self {
            catalogue: Arc::new(Mutex::new(catalogue)),
            run,
            file,
        })
    }

    /// How many servers have had these rows before this one: 0 for the first, and in memory.
    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// Whether a change would be acknowledged. It rewrites a page of the file: reading would not notice a full disk.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        match self.log() {
            None => Ok(()),
            Some(log) => log.try_out().await,
        }
    }

    /// Returns when memory has nothing that the file has refused. Errors: it cannot be reloaded.
    pub(crate) async fn settled(&self) -> Result<(), StoreError> {
        match self.log() {
            None => Ok(()),
            Some(log) => log.settled().await,
        }
    }

    /// Finishes what is under way and closes the file.
    pub(crate) async fn close(&self) {
        if let Some(file) = &self.file {
            file.close().await;
        }
    }

    fn log(&self) -> Option<&Log> {
        self.file.as_ref().map(|file| &*file.log)
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // Whoever panicked while holding the lock changed nothing half: changes are made after all that may fail.
        self.catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until changes are accepted. Errors: the file cannot be written.
    async fn leave(&self) -> Result<Leave<'_>, StoreError> {
        if let Some(log) = self.log() {
            log.admit().await?;
        }
        Ok(Leave(self))
    }
}

/// Changes are accepted.
struct Leave<'a>(&'a Store);

/// A change that is queued, if there is a file.
struct Changed<'a, T> {
    done: T,
    pending: Result<Option<Pending>, StoreError>,
    log: Option<&'a Log>,
}

impl<'a> Leave<'a> {
    /// Changes a world in memory. If the file refuses the change, the world is reloaded from it.
    fn write<T>(
        self,
        world: &Rows,
        act: impl FnOnce(&mut Tables, &mut Draft<'_>) -> T,
    ) -> Changed<'a, T> {
        let log = self.0.log();
        let mut tables = world.write();
        let mut draft = Draft::new(world.shared_key(), log);
        let done = act(&mut tables, &mut draft);
        // Before the lock is released: the file sees changes in the order in which memory saw them.
        let pending = match log {
            Some(log) => log.append_change(world, &mut tables, draft.into_statements()),
            None => Ok(None),
        };
        Changed { done, pending, log }
    }

    /// Plans a change of the catalogue: which sandboxes, snapshots and worlds there are. Memory stays as it is; the caller
    /// applies the plan once it is committed, and prevents other changes of the same sandbox until then.
    fn plan<'w, T>(self, plan: impl FnOnce(&mut Catalogue, &mut Pen<'w>) -> T) -> Changed<'a, T>
    where
        'a: 'w,
    {
        let pen = self.pen();
        self.plan_with(pen, plan)
    }

    /// A pen for [`Leave::plan_with`].
    fn pen<'w>(&self) -> Pen<'w>
    where
        'a: 'w,
    {
        Pen::new(self.0.log())
    }

    /// As [`Leave::plan`]. What the pen has copied was copied before the catalogue was locked: a copy may take long, and
    /// other sandboxes need the catalogue.
    fn plan_with<'w, T>(
        self,
        mut pen: Pen<'w>,
        plan: impl FnOnce(&mut Catalogue, &mut Pen<'w>) -> T,
    ) -> Changed<'a, T>
    where
        'a: 'w,
    {
        let log = self.0.log();
        let mut catalogue = self.0.catalogue();
        let done = plan(&mut catalogue, &mut pen);
        let pending = pen.hand_in();
        Changed { done, pending, log }
    }
}

impl<T> Changed<'_, T> {
    /// Returns when the change is committed.
    async fn kept(self) -> Result<T, StoreError> {
        if let (Some(pending), Some(log)) = (self.pending?, self.log) {
            log.committed(pending).await?;
        }
        Ok(self.done)
    }
}

/// Checks that a table of so many rows has room for one more. Errors: it has as many as it may have.
fn full(rows: usize, most: usize, what: &'static str) -> Result<(), StoreError> {
    if rows >= most {
        return Err(StoreError::Full { what, most });
    }
    Ok(())
}

/// A column that is no value of its type.
fn damaged(what: &'static str, why: &impl ToString) -> StoreError {
    StoreError::Damaged {
        what,
        why: why.to_string(),
    }
}

/// A column of JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| damaged(what, &why))
}

/// The JSON text of a row's document.
fn to_json<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("a document of strings, numbers and lists is JSON")
}
