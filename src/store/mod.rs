//! How is it kept? Every answer comes from memory: the rows of each world are there whole, behind one lock that settles
//! every race. With a file, each change is also written down as SQL, in the same order, and nobody is told
//! that theirs is made before SQLite has committed it: `log.rs` and `writer.rs`. Tables are one file each, with what memory and SQL make of
//! a change side by side; callers hand over the world of a sandbox (`Sandbox::world`) and never hold a lock.

mod accounts;
mod clients;
mod codes;
mod consents;
mod devices;
mod file;
mod growth;
mod held;
mod log;
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

use crate::protocol::scope::Scope;
use file::File;
use log::{Draft, Log, Pen, Ticket};
use rows::Tables;
use sandboxes::Catalogue;

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

/// Where the rows live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Database {
    /// In this process only, gone with it.
    #[default]
    Memory,
    /// In a file; an acknowledged write survives `kill -9`.
    File(PathBuf),
}

impl std::str::FromStr for Database {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "memory" {
            Self::Memory
        } else {
            Self::File(text.into())
        })
    }
}

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be read.
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// The file could not be written: a full disk, a directory that has become read-only. What was asked for is not
    /// acknowledged, and nothing that was is lost; the next change tries again.
    #[error(
        "the database {path} cannot be written: {why}; nothing that was acknowledged is lost, and writing goes on by itself \
         once there is room and leave to write",
        path = path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: Arc<str>,
    },
    /// The file could not be opened or brought to this version's schema.
    #[error("cannot open the database {path}: {why}; choose another with --database, or --database memory", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
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

impl Store {
    /// Opens the database and brings it to this version's schema.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let (file, run, catalogue) = match database {
            Database::Memory => (None, 0, Catalogue::default()),
            Database::File(path) => {
                let (file, run, catalogue) = File::open(path).await?;
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

    /// Whether a write would be kept. It writes a page of the file anew: reading would tell nothing of a full disk.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        match &self.file {
            None => Ok(()),
            Some(file) => file.log.try_out().await,
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

    /// Leave to change something, which whoever changes asks for first.
    async fn leave(&self) -> Result<Leave<'_>, StoreError> {
        if let Some(log) = self.log() {
            log.admit().await?;
        }
        Ok(Leave(self))
    }
}

/// What has been done, in memory, and whether the file has it: where it has not, it will once it can be written.
#[derive(Debug)]
#[must_use]
pub(crate) struct Done<T> {
    pub(crate) what: T,
    pub(crate) kept: Result<(), StoreError>,
}

/// Somebody may change something now.
struct Leave<'a>(&'a Store);

/// Something is changed in memory, and whoever asked for it is not yet told.
struct Changed<'a, T> {
    done: T,
    ticket: Ticket,
    log: Option<&'a Log>,
    /// How often the world had been changed by then.
    changes: u64,
}

impl<'a> Leave<'a> {
    /// Changes a world.
    fn write<T>(
        self,
        world: &Rows,
        act: impl FnOnce(&mut Tables, &mut Draft<'_>) -> T,
    ) -> Changed<'a, T> {
        self.write_row(world, |tables, draft| {
            tables.changes += 1;
            act(tables, draft)
        })
    }

    /// Makes or uses up what one caller alone holds – a code, a refresh token – so that no other change builds on it.
    fn write_row<T>(
        self,
        world: &Rows,
        act: impl FnOnce(&mut Tables, &mut Draft<'_>) -> T,
    ) -> Changed<'a, T> {
        let log = self.0.log();
        let mut tables = world.write();
        let mut draft = Draft::new(world.shared_key(), log);
        let done = act(&mut tables, &mut draft);
        // Before the lock is let go, so that the file sees changes in the order in which memory saw them.
        let ticket = log.map_or(0, |log| log.append(draft.into_statements()));
        Changed {
            done,
            ticket,
            log,
            changes: tables.changes,
        }
    }

    /// Changes which sandboxes, snapshots and worlds there are.
    fn rewrite<T>(self, act: impl FnOnce(&mut Catalogue, &mut Pen<'_>) -> T) -> Changed<'a, T> {
        let log = self.0.log();
        let mut catalogue = self.0.catalogue();
        let mut pen = Pen::new(log);
        let done = act(&mut catalogue, &mut pen);
        let ticket = pen.hand_in();
        Changed {
            done,
            ticket,
            log,
            changes: 0,
        }
    }
}

impl<T> Changed<'_, T> {
    /// Comes back when the change is kept. Where it cannot be, it is taken back, so that whoever tries again once there is
    /// room finds what they had; the file gets both. It stays, as the file will have it, where somebody has changed something
    /// of the world since: they may have been told of what they built on it.
    async fn kept_or_undone(
        self,
        world: &Rows,
        undo: impl FnOnce(&mut Tables, &mut Draft<'_>, T),
    ) -> Result<T, StoreError> {
        let Some(log) = self.log else {
            return Ok(self.done);
        };
        let Err(why) = log.kept(self.ticket).await else {
            return Ok(self.done);
        };
        let mut tables = world.write();
        if tables.changes != self.changes {
            return Err(why);
        }
        let mut draft = Draft::new(world.shared_key(), Some(log));
        undo(&mut tables, &mut draft, self.done);
        log.append(draft.into_statements());
        Err(why)
    }

    /// Comes back when the change is kept.
    async fn kept(self) -> Result<T, StoreError> {
        let Done { what, kept } = self.settled().await;
        kept.map(|()| what)
    }

    /// Comes back when it is known whether the change is kept: for what goes on in memory either way, since the file will
    /// have it once there is room.
    async fn settled(self) -> Done<T> {
        let kept = match self.log {
            Some(log) => log.kept(self.ticket).await,
            None => Ok(()),
        };
        Done {
            what: self.done,
            kept,
        }
    }
}

/// That there is room for one more row, if there may be only so many.
fn full(rows: usize, most: Option<usize>, what: &'static str) -> Result<(), StoreError> {
    match most {
        Some(most) if rows >= most => Err(StoreError::Full { what, most }),
        _ => Ok(()),
    }
}

/// A scope column: every writer of one is a [`Scope`].
fn scope(bits: u32) -> Result<Scope, StoreError> {
    Scope::from_bits(bits).ok_or_else(|| damaged("scope", &bits))
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
