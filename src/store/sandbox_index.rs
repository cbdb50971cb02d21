//! The index of all sandboxes and their snapshots, the limits of both, and the statements of a change of it.

use super::columns::check_room;
use super::commit::PendingCommit;
use super::error::StoreError;
use super::file::DatabaseFile;
use super::initial_data::{DataSource, Seed, apply_seed};
use super::sandbox_data::SandboxData;
use super::statement::Statement;
use super::tables::Tables;
use super::tables::data_keys::{self, TABLES};
use super::tables::sandboxes::{self, SandboxRow};
use super::tables::snapshots::{self, StoredSnapshot};
use super::write_batch::WriteBatch;

use sqlx::SqliteConnection;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLockReadGuard, Weak};

/// A [`DataSource`] whose rows cannot change until they are copied.
pub(super) enum LockedSource<'a> {
    Seed(&'a Seed),
    /// A copy of the rows of other data, which stay locked until the statements are queued: the file must copy the same rows
    /// as memory.
    Copy {
        from: &'a SandboxData,
        tables: Box<Tables>,
        _lock: RwLockReadGuard<'a, Tables>,
    },
}

impl<'a> LockedSource<'a> {
    pub(super) fn new(source: DataSource<'a>) -> Self {
        match source {
            DataSource::Seed(seed) => Self::Seed(seed),
            DataSource::Copy(from) => Self::copy(from),
        }
    }

    pub(super) fn copy(from: &'a SandboxData) -> Self {
        let lock = from.read();
        Self::Copy {
            from,
            tables: Box::new(lock.clone()),
            _lock: lock,
        }
    }

    pub(super) fn size_in_bytes(&self) -> usize {
        match self {
            Self::Seed(seed) => seed.size_in_bytes(),
            Self::Copy { tables, .. } => tables.size_in_bytes(),
        }
    }
}

/// The statements of one change of the sandbox index; none without a file.
pub(super) struct SandboxIndexBatch {
    file: Option<Arc<DatabaseFile>>,
    statements: Vec<Statement>,
}

impl SandboxIndexBatch {
    pub(super) fn new(file: Option<Arc<DatabaseFile>>) -> Self {
        Self {
            file,
            statements: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, statement: impl FnOnce() -> Statement) {
        if self.file.is_some() {
            self.statements.push(statement());
        }
    }

    /// Creates data whose rows `fill` inserts.
    pub(super) fn create_data(
        &mut self,
        key: Arc<str>,
        fill: impl FnOnce(&mut Tables, &mut WriteBatch<'_>),
    ) -> Arc<SandboxData> {
        let mut tables = Tables::default();
        let mut rows = WriteBatch::new(&key, self.file.is_some());
        fill(&mut tables, &mut rows);
        self.statements.extend(rows.into_statements());
        SandboxData::new(key, tables, self.file.clone())
    }

    /// Queues the statements.
    pub(super) fn submit(self) -> Result<Option<PendingCommit>, StoreError> {
        match self.file {
            Some(file) if !self.statements.is_empty() => {
                file.queue.append(self.statements).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl SandboxIndex {
    /// Creates data under a key that was never used before. The caller stores the returned handle.
    pub(super) fn create_data(
        &mut self,
        source: &mut LockedSource<'_>,
        batch: &mut SandboxIndexBatch,
    ) -> Arc<SandboxData> {
        // Used up even if the change is refused.
        self.last_key += 1;
        let id = self.last_key;
        let key: Arc<str> = format!("#{id}").into();
        batch.push(|| data_keys::insert(id, &key));
        batch.create_data(key, |tables, rows| match source {
            LockedSource::Seed(seed) => apply_seed(tables, rows, seed),
            LockedSource::Copy {
                from, tables: copy, ..
            } => {
                *tables = std::mem::take(copy);
                tables.pending = None;
                for table in &TABLES {
                    rows.push(|key| table.copy_rows(from.key(), key));
                }
            }
        })
    }
}

/// The bytes of changes that are planned and not committed yet: they count, so that parallel changes do not exceed a bound
/// together.
#[derive(Debug, Default)]
pub(crate) struct PlannedBytes(Vec<Weak<usize>>);

impl PlannedBytes {
    /// Counts these bytes until the returned value is dropped.
    pub(crate) fn add(&mut self, bytes: usize) -> Arc<usize> {
        let planned = Arc::new(bytes);
        self.0.push(Arc::downgrade(&planned));
        planned
    }

    /// How many changes there are, and their bytes.
    pub(crate) fn sum(&mut self) -> (usize, usize) {
        self.0.retain(|planned| planned.strong_count() > 0);
        let bytes = self.0.iter().filter_map(Weak::upgrade);
        (self.0.len(), bytes.map(|bytes| *bytes).sum())
    }
}

/// The sandboxes and their snapshots.
#[derive(Debug, Default)]
pub(super) struct SandboxIndex {
    pub(super) sandboxes: BTreeMap<String, SandboxRecord>,
    /// The number in the key of the newest data.
    last_key: i64,
    pub(super) planned_snapshots: PlannedBytes,
    pub(super) planned_seeds: PlannedBytes,
}

/// A sandbox and its snapshots by name.
#[derive(Debug)]
pub(super) struct SandboxRecord {
    pub(crate) row: SandboxRow,
    /// The size of its own seed.
    pub(super) seed_bytes: usize,
    pub(super) snapshots: BTreeMap<String, StoredSnapshot>,
}

impl SandboxIndex {
    /// Reads a file's sandbox index, without the rows of the sandboxes, and queues the removal of rows that no sandbox uses.
    pub(super) async fn read(
        db: &mut SqliteConnection,
        file: &Arc<DatabaseFile>,
    ) -> Result<Self, StoreError> {
        let last_key = data_keys::last(&mut *db).await?;
        for key in data_keys::retired(&mut *db).await? {
            file.remove_later(key.into());
        }
        let sizes = data_keys::sizes(&mut *db).await?;
        let mut records = BTreeMap::new();
        for (name, row) in sandboxes::read(&mut *db, file).await? {
            let seed_bytes = row
                .seed_data
                .as_ref()
                .and_then(|data| sizes.get(data.key()));
            let seed_bytes = seed_bytes.copied().unwrap_or_default();
            let snapshots = snapshots::read(&mut *db, file, &name, &sizes).await?;
            let record = SandboxRecord {
                row,
                seed_bytes,
                snapshots,
            };
            records.insert(name, record);
        }
        Ok(Self {
            sandboxes: records,
            last_key,
            ..Self::default()
        })
    }

    /// The sandbox with this data; none if it was deleted, or another call was faster.
    pub(super) fn sandbox_in(
        &mut self,
        name: &str,
        data: &SandboxData,
    ) -> Option<&mut SandboxRecord> {
        let record = self.sandboxes.get_mut(name)?;
        (record.row.data.key() == data.key()).then_some(record)
    }

    pub(super) fn snapshot(&self, sandbox: &str, name: &str) -> Option<&StoredSnapshot> {
        self.sandboxes.get(sandbox)?.snapshots.get(name)
    }
}

impl SandboxRecord {
    /// All its data: its own, its seed's and its snapshots'.
    pub(super) fn all_data(&self) -> impl Iterator<Item = &SandboxData> {
        let snapshots = self.snapshots.values().map(|snapshot| &snapshot.data);
        snapshots
            .chain([&self.row.data])
            .chain(&self.row.seed_data)
            .map(|data| &**data)
    }
}

/// The most snapshots of one sandbox: each is a copy of all rows.
const MAX_SNAPSHOTS_OF_SANDBOX: usize = 100;

/// The most snapshots of all sandboxes.
const MAX_SNAPSHOTS: usize = 10_000;

/// The most bytes that all snapshots have together.
const MAX_SNAPSHOT_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    128 * 1024 * 1024
};

impl SandboxIndex {
    /// Checks that there is room for a snapshot of this name, beside those that are being taken. A snapshot that replaces
    /// another counts only by its bytes.
    pub(crate) fn check_room_for_snapshot(
        &mut self,
        sandbox: &str,
        name: &str,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let (planned, planned_bytes) = self.planned_snapshots.sum();
        let all = self.sandboxes.iter().flat_map(|(owner, record)| {
            let others = record.snapshots.iter();
            others.filter(move |(other, _)| (owner.as_str(), other.as_str()) != (sandbox, name))
        });
        let all: usize = all.map(|(_, snapshot)| snapshot.bytes).sum();
        if all + planned_bytes + bytes > MAX_SNAPSHOT_BYTES {
            let what = "bytes in the snapshots of all sandboxes";
            return Err(StoreError::TableFull {
                what,
                most: MAX_SNAPSHOT_BYTES,
            });
        }
        let Some(record) = self.sandboxes.get(sandbox) else {
            return Ok(());
        };
        if record.snapshots.contains_key(name) {
            return Ok(());
        }
        let own = record.snapshots.len();
        check_room(own, MAX_SNAPSHOTS_OF_SANDBOX, "snapshots in this sandbox")?;
        let all = self.sandboxes.values().map(|record| record.snapshots.len());
        let all = all.sum::<usize>() + planned;
        check_room(all, MAX_SNAPSHOTS, "snapshots in all sandboxes")
    }
}

/// The most bytes that the seeds of all sandboxes with a seed of their own have.
const MAX_SEED_BYTES: usize = if cfg!(test) {
    64 * 1024
} else {
    32 * 1024 * 1024
};

impl SandboxIndex {
    /// Checks that there is room for one more seed of a sandbox: such a sandbox stores it twice, as its rows and to go
    /// back to. Errors: the bound.
    pub(super) fn check_room_for_seed(&mut self, bytes: usize) -> Result<(), StoreError> {
        let (_, planned) = self.planned_seeds.sum();
        let all: usize = self
            .sandboxes
            .values()
            .map(|record| record.seed_bytes)
            .sum();
        if bytes > 0 && all + planned + bytes > MAX_SEED_BYTES {
            let what = "bytes in the seeds of sandboxes";
            return Err(StoreError::TableFull {
                what,
                most: MAX_SEED_BYTES,
            });
        }
        Ok(())
    }
}
