//! The catalogue: sandboxes, their snapshots, and the data that is to be removed.

use super::catalogue_batch::CatalogueBatch;
use super::columns::check_room;
use super::error::StoreError;
use super::initial_data::{InitialData, Seed, apply_seed};
use super::planned_bytes::PlannedBytes;
use super::sandbox_data::SandboxData;
use super::tables::Tables;
use super::tables::sandboxes::{self, SandboxRow};
use super::tables::snapshots::{self, Snapshot};
use super::tables::worlds::{self, TABLES};
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows that new data begins with.
pub(super) enum StartingRows<'a> {
    Seed(&'a Seed),
    /// Those of a sandbox, which [`CatalogueBatch::copy`] has copied.
    Copy(&'a SandboxData, Box<Tables>),
}

impl<'a> StartingRows<'a> {
    pub(super) fn new(origin: InitialData<'a>, batch: &mut CatalogueBatch<'a>) -> Self {
        match origin {
            InitialData::Seed(seed) => Self::Seed(seed),
            InitialData::Copy(from) => Self::Copy(from, Box::new(batch.copy(from))),
        }
    }
}

impl Catalogue {
    /// Creates data under a key that was never used before. The caller stores the returned handle.
    pub(super) fn begin(
        &mut self,
        start: StartingRows<'_>,
        batch: &mut CatalogueBatch<'_>,
    ) -> Arc<SandboxData> {
        // Used up even if the plan is refused.
        self.last_world += 1;
        let id = self.last_world;
        let key: Arc<str> = format!("#{id}").into();
        batch.push(|| worlds::insert(id, &key));
        let tables = match start {
            StartingRows::Seed(seed) => {
                let mut tables = Tables::default();
                let mut rows = batch.for_new_data(&key);
                apply_seed(&mut tables, &mut rows, seed);
                batch.append(rows);
                tables
            }
            StartingRows::Copy(from, mut tables) => {
                tables.pending = None;
                for table in &TABLES {
                    batch.push(|| table.copy_rows(from.key(), &key));
                }
                *tables
            }
        };
        SandboxData::new(key, tables)
    }
}

/// The sandboxes, their snapshots, and the keys of data that is to be removed.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) sandboxes: BTreeMap<String, SandboxRecord>,
    pub(super) last_world: i64,
    pub(super) retired: BTreeSet<String>,
    pub(super) planned_snapshots: PlannedBytes,
    pub(super) planned_seeds: PlannedBytes,
}

/// A sandbox and its snapshots by name.
#[derive(Debug)]
pub(super) struct SandboxRecord {
    pub(crate) row: SandboxRow,
    /// Of its own seed.
    pub(super) seed_bytes: usize,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

impl Catalogue {
    /// What is in a file, less the rows.
    pub(super) async fn read(db: &mut SqliteConnection) -> Result<Self, StoreError> {
        let (last_world, retired) = worlds::read(&mut *db).await?;
        let sizes = worlds::sizes(&mut *db).await?;
        let mut records = BTreeMap::new();
        for (name, row) in sandboxes::read(&mut *db).await? {
            let seed_bytes = row
                .seed_world
                .as_ref()
                .and_then(|data| sizes.get(data.key()));
            let seed_bytes = seed_bytes.copied().unwrap_or_default();
            let snapshots = snapshots::read(&mut *db, &name, &sizes).await?;
            let record = SandboxRecord {
                row,
                seed_bytes,
                snapshots,
            };
            records.insert(name, record);
        }
        Ok(Self {
            sandboxes: records,
            last_world,
            retired: retired.into_iter().collect(),
            ..Self::default()
        })
    }

    /// The sandbox with this data; none if it was deleted, or another call was faster.
    pub(super) fn sandbox_in(
        &mut self,
        name: &str,
        world: &SandboxData,
    ) -> Option<&mut SandboxRecord> {
        let record = self.sandboxes.get_mut(name)?;
        (record.row.world.key() == world.key()).then_some(record)
    }
}

impl SandboxRecord {
    /// The keys of its worlds: its own, its seed's and its snapshots'.
    pub(crate) fn worlds(&self) -> Vec<String> {
        let snapshots = self.snapshots.values().map(|snapshot| &snapshot.rows);
        snapshots
            .chain([&self.row.world])
            .chain(&self.row.seed_world)
            .map(|world| world.key().to_owned())
            .collect()
    }
}

/// Most snapshots of one sandbox, and of all: each is a copy of all rows.
const MOST_OF_SANDBOX: usize = 100;

const MOST: usize = 10_000;

/// The most bytes that all snapshots have together.
const MAX_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    128 * 1024 * 1024
};

impl Catalogue {
    /// Checks that there is room for a snapshot of this name, beside those that are being taken. One that takes the place
    /// of another counts only its bytes.
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
        if all + planned_bytes + bytes > MAX_BYTES {
            let what = "bytes in the snapshots of all sandboxes";
            return Err(StoreError::Full {
                what,
                most: MAX_BYTES,
            });
        }
        let Some(record) = self.sandboxes.get(sandbox) else {
            return Ok(());
        };
        if record.snapshots.contains_key(name) {
            return Ok(());
        }
        let own = record.snapshots.len();
        check_room(own, MOST_OF_SANDBOX, "snapshots in this sandbox")?;
        let all = self.sandboxes.values().map(|record| record.snapshots.len());
        let all = all.sum::<usize>() + planned;
        check_room(all, MOST, "snapshots in all sandboxes")
    }
}

/// The most bytes that the seeds of all sandboxes with a seed of their own have.
const MAX_SEED_BYTES: usize = if cfg!(test) {
    64 * 1024
} else {
    32 * 1024 * 1024
};

impl Catalogue {
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
            return Err(StoreError::Full {
                what,
                most: MAX_SEED_BYTES,
            });
        }
        Ok(())
    }
}
