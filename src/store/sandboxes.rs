//! The `sandboxes` table: which there are, in which world each one is, and what it goes back to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::planned::Planned;
use super::snapshots::Snapshot;
use super::statement::Statement;
use super::worlds::{self, Origin, Seed, Start, mark_retired, sow};
use super::{Rows, Store, StoreError, snapshots};

/// Which sandboxes there are, their snapshots, and which worlds are on their way out.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) sandboxes: BTreeMap<String, Kept>,
    pub(super) last_world: i64,
    pub(super) retired: BTreeSet<String>,
    pub(super) planned_snapshots: Planned,
    pub(super) planned_seeds: Planned,
}

/// A sandbox and its snapshots by name.
#[derive(Debug)]
pub(super) struct Kept {
    row: SandboxRow,
    /// Of its own seed.
    pub(super) seed_bytes: usize,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

/// A sandbox as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct SandboxRow {
    /// Its rows.
    pub(crate) world: Arc<Rows>,
    pub(crate) clock: String,
    /// The private key for id tokens; none where an older version made the sandbox.
    pub(crate) signing_key: Option<StoredKey>,
    /// The world that a reset goes back to, where that is not the server's seed.
    pub(crate) seed_world: Option<Arc<Rows>>,
    /// The settings it was made with, where they are not the server's.
    pub(crate) settings: Option<String>,
    /// A control call or Rust asked for it, not only a request that named it.
    is_explicit: bool,
}

/// A private key for id tokens as the `sandboxes` table stores it.
#[derive(Clone)]
pub(crate) struct StoredKey {
    /// The `kid` it is published by; none in a row of an older version.
    pub(crate) id: Option<String>,
    pub(crate) private_key: Vec<u8>,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({:?})", self.id)
    }
}

/// What a new sandbox has that is not the server's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own<'a> {
    pub(crate) seed: Option<&'a Seed>,
    pub(crate) settings: Option<&'a str>,
    pub(crate) is_explicit: bool,
}

/// A row of the table, its columns by name.
#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    world: String,
    clock: String,
    signing_key: Option<Vec<u8>>,
    key_id: Option<String>,
    seed_world: Option<String>,
    settings: Option<String>,
    is_explicit: bool,
}

impl Catalogue {
    /// What is in a file, less the rows.
    pub(super) async fn read(db: &mut SqliteConnection) -> Result<Self, StoreError> {
        let (last_world, retired) = worlds::read(&mut *db).await?;
        let sizes = worlds::sizes(&mut *db).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select name, world, clock, signing_key, key_id, seed_world, settings, is_explicit from sandboxes",
        )
        .fetch_all(&mut *db)
        .await?;
        let mut sandboxes = BTreeMap::new();
        for found in rows {
            let key_id = found.key_id;
            let seed_bytes = found.seed_world.as_ref().and_then(|world| sizes.get(world));
            let seed_bytes = seed_bytes.copied().unwrap_or_default();
            let row = SandboxRow {
                world: Rows::in_file(found.world),
                clock: found.clock,
                signing_key: found.signing_key.map(|private_key| StoredKey {
                    id: key_id,
                    private_key,
                }),
                seed_world: found.seed_world.map(Rows::in_file),
                settings: found.settings,
                is_explicit: found.is_explicit,
            };
            let snapshots = snapshots::read(&mut *db, &found.name, &sizes).await?;
            let kept = Kept {
                row,
                seed_bytes,
                snapshots,
            };
            sandboxes.insert(found.name, kept);
        }
        Ok(Self {
            sandboxes,
            last_world,
            retired: retired.into_iter().collect(),
            ..Self::default()
        })
    }

    /// A sandbox that is in this world; nothing where it is gone, or another call was faster.
    pub(super) fn sandbox_in(&mut self, name: &str, world: &Rows) -> Option<&mut Kept> {
        let kept = self.sandboxes.get_mut(name)?;
        (kept.row.world.key() == world.key()).then_some(kept)
    }
}

impl Kept {
    /// The keys of its worlds: its own, its seed's and its snapshots'.
    fn worlds(&self) -> Vec<String> {
        let snapshots = self.snapshots.values().map(|snapshot| &snapshot.rows);
        snapshots
            .chain([&self.row.world])
            .chain(&self.row.seed_world)
            .map(|world| world.key().to_owned())
            .collect()
    }
}

fn insert(name: &str, row: &SandboxRow) -> Statement {
    let key = row.signing_key.as_ref();
    Statement::new(
        "insert or replace into sandboxes
             (name, world, clock, signing_key, key_id, seed_world, settings, is_explicit)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(name)
    .bind(row.world.key())
    .bind(&row.clock)
    .bind(key.map(|key| key.private_key.as_slice()))
    .bind(key.and_then(|key| key.id.as_deref()))
    .bind(row.seed_world.as_ref().map(|world| world.key()))
    .bind(row.settings.as_deref())
    .bind(row.is_explicit)
}

fn claim(name: &str) -> Statement {
    Statement::new("update sandboxes set is_explicit = 1 where name = ?").bind(name)
}

fn move_to(name: &str, world: &str, clock: &str) -> Statement {
    Statement::new("update sandboxes set world = ?, clock = ? where name = ?")
        .bind(world)
        .bind(clock)
        .bind(name)
}

fn set_clock(name: &str, clock: &str) -> Statement {
    Statement::new("update sandboxes set clock = ? where name = ?")
        .bind(clock)
        .bind(name)
}

fn set_signing_key(name: &str, key: &StoredKey) -> Statement {
    Statement::new("update sandboxes set signing_key = ?, key_id = ? where name = ?")
        .bind(key.private_key.as_slice())
        .bind(key.id.as_deref())
        .bind(name)
}

fn delete(name: &str) -> Statement {
    Statement::new("delete from sandboxes where name = ?").bind(name)
}

impl Store {
    /// A sandbox that is there already, its rows in memory.
    pub(crate) async fn find_sandbox(&self, name: &str) -> Result<Option<SandboxRow>, StoreError> {
        let found = {
            let catalogue = self.catalogue();
            catalogue.sandboxes.get(name).map(|kept| kept.row.clone())
        };
        if let Some(row) = &found {
            self.load(&row.world).await?;
        }
        Ok(found)
    }

    /// Whether there is a sandbox of this name.
    pub(crate) fn has_sandbox(&self, name: &str) -> bool {
        self.catalogue().sandboxes.contains_key(name)
    }

    /// Whether a control call or Rust asked for this sandbox, not only a request that named it.
    pub(crate) fn is_explicit(&self, name: &str) -> bool {
        let catalogue = self.catalogue();
        let kept = catalogue.sandboxes.get(name);
        kept.is_some_and(|kept| kept.row.is_explicit)
    }

    /// Whether there is a sandbox of this name that only requests have named so far.
    pub(crate) fn has_unclaimed(&self, name: &str) -> bool {
        let catalogue = self.catalogue();
        let kept = catalogue.sandboxes.get(name);
        kept.is_some_and(|kept| !kept.row.is_explicit)
    }

    /// Marks a sandbox as asked for explicitly.
    pub(crate) async fn claim_sandbox(&self, name: &str) -> Result<(), StoreError> {
        self.leave()
            .await?
            .plan(|_, pen| pen.note(|| claim(name)))
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandboxes.get_mut(name) {
            kept.row.is_explicit = true;
        }
        Ok(())
    }

    /// The sandboxes that there are, by name.
    pub(crate) fn list_sandboxes(&self) -> Vec<String> {
        self.catalogue().sandboxes.keys().cloned().collect()
    }

    /// Makes a sandbox from its own seed, or else from the server's. Errors: there is no room for the seed.
    pub(crate) async fn insert_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        own: Own<'_>,
        (clock, signing_key): (&str, &StoredKey),
    ) -> Result<SandboxRow, StoreError> {
        let seed_bytes = own.seed.map_or(0, Seed::size_in_bytes);
        let (row, _planned) = self
            .leave()
            .await?
            .plan(|catalogue, pen| {
                catalogue.check_room_for_seed(seed_bytes)?;
                let seed_world = own.seed.map(|own| catalogue.begin(Start::Seed(own), pen));
                let seed = own.seed.unwrap_or(seed);
                let row = SandboxRow {
                    world: catalogue.begin(Start::Seed(seed), pen),
                    clock: clock.to_owned(),
                    signing_key: Some(signing_key.clone()),
                    seed_world,
                    settings: own.settings.map(str::to_owned),
                    is_explicit: own.is_explicit,
                };
                pen.note(|| insert(name, &row));
                let planned = catalogue.planned_seeds.add(seed_bytes);
                Ok::<_, StoreError>((row, planned))
            })
            .kept()
            .await??;
        let kept = Kept {
            row: row.clone(),
            seed_bytes,
            snapshots: BTreeMap::new(),
        };
        self.catalogue().sandboxes.insert(name.to_owned(), kept);
        Ok(row)
    }

    /// Brings a sandbox of an earlier run up to the server's seed of today: its users and clients in place of those
    /// of the same ids.
    pub(crate) async fn refresh_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        world: &Rows,
        signing_key: &StoredKey,
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .plan(|_, pen| pen.note(|| set_signing_key(name, signing_key)))
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandboxes.get_mut(name) {
            kept.row.signing_key = Some(signing_key.clone());
        }
        self.leave()
            .await?
            .write(world, |tables, draft| sow(tables, draft, seed))
            .kept()
            .await
    }

    /// Stores the clock of a sandbox, unless it has moved on from this world.
    pub(crate) async fn keep_clock(
        &self,
        name: &str,
        world: &Rows,
        clock: &str,
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .plan(|catalogue, pen| {
                if catalogue.sandbox_in(name, world).is_some() {
                    pen.note(|| set_clock(name, clock));
                }
            })
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandbox_in(name, world) {
            clock.clone_into(&mut kept.row.clock);
        }
        Ok(())
    }

    /// Moves a sandbox to a new world, which is returned, with the clock. None if it is not in the world `from` any more.
    pub(crate) async fn begin_anew(
        &self,
        name: &str,
        from: &Rows,
        origin: Origin<'_>,
        clock: &str,
    ) -> Result<Option<Arc<Rows>>, StoreError> {
        if let Origin::World(origin) = origin {
            self.load(origin).await?;
        }
        let leave = self.leave().await?;
        let planned = {
            let mut pen = leave.pen();
            let start = Start::new(origin, &mut pen);
            leave.plan_with(pen, |catalogue, pen| {
                catalogue.sandbox_in(name, from)?;
                let new = catalogue.begin(start, pen);
                pen.note(|| move_to(name, new.key(), clock));
                pen.note(|| mark_retired(from.key()));
                Some(new)
            })
        };
        let new = planned.kept().await?;
        if let Some(new) = &new {
            let mut catalogue = self.catalogue();
            if let Some(kept) = catalogue.sandbox_in(name, from) {
                kept.row.world = Arc::clone(new);
                clock.clone_into(&mut kept.row.clock);
            }
            catalogue.retired.insert(from.key().to_owned());
        }
        Ok(new)
    }

    /// Deletes a sandbox and its snapshots. Returns the keys of the worlds that are to be removed; none if there was no such
    /// sandbox.
    pub(crate) async fn delete_sandbox(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let worlds = self
            .leave()
            .await?
            .plan(|catalogue, pen| {
                let known = catalogue.sandboxes.get(name);
                let worlds = known.map(Kept::worlds).unwrap_or_default();
                if known.is_some() {
                    pen.note(|| snapshots::delete_all(name));
                    pen.note(|| delete(name));
                }
                for world in &worlds {
                    pen.note(|| mark_retired(world));
                }
                worlds
            })
            .kept()
            .await?;
        let mut catalogue = self.catalogue();
        catalogue.sandboxes.remove(name);
        catalogue.retired.extend(worlds.iter().cloned());
        Ok(worlds)
    }
}
