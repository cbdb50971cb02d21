//! The `sandboxes` table: which there are, in which world each one is, and what it goes back to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::log::Pen;
use super::snapshots::Snapshot;
use super::statement::Statement;
use super::worlds::{self, Origin, Seed, sow};
use super::{Done, Leave, Rows, Store, StoreError, snapshots};

/// Which sandboxes there are, their snapshots, and which worlds are on their way out.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) sandboxes: BTreeMap<String, Kept>,
    pub(super) last_world: i64,
    pub(super) retired: BTreeSet<String>,
}

/// A sandbox and its snapshots by name.
#[derive(Debug)]
pub(super) struct Kept {
    row: SandboxRow,
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
        let rows: Vec<Row> = sqlx::query_as(
            "select name, world, clock, signing_key, key_id, seed_world, settings, is_explicit from sandboxes",
        )
        .fetch_all(&mut *db)
        .await?;
        let mut sandboxes = BTreeMap::new();
        for found in rows {
            let key_id = found.key_id;
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
            let snapshots = snapshots::read(&mut *db, &found.name).await?;
            sandboxes.insert(found.name, Kept { row, snapshots });
        }
        Ok(Self {
            sandboxes,
            last_world,
            retired: retired.into_iter().collect(),
        })
    }

    /// A sandbox that is in this world; nothing where it is gone, or another call was faster.
    pub(super) fn sandbox_in(&mut self, name: &str, world: &Rows) -> Option<&mut Kept> {
        let kept = self.sandboxes.get_mut(name)?;
        (kept.row.world.key() == world.key()).then_some(kept)
    }

    /// Moves a sandbox on to a world that begins now, with the clock. Nothing where it is not in the world `from`.
    pub(super) fn move_on(
        &mut self,
        name: &str,
        from: &Rows,
        (origin, clock): (Origin<'_>, &str),
        pen: &mut Pen<'_>,
    ) -> Option<Arc<Rows>> {
        self.sandbox_in(name, from)?;
        let new = self.begin(origin, pen);
        if let Some(kept) = self.sandboxes.get_mut(name) {
            kept.row.world = Arc::clone(&new);
            clock.clone_into(&mut kept.row.clock);
        }
        pen.note(|| move_to(name, new.key(), clock));
        self.retire(from.key(), pen);
        Some(new)
    }

    /// Takes a sandbox and its snapshots out. What comes back is the worlds that are to be removed.
    fn remove(&mut self, name: &str, pen: &mut Pen<'_>) -> Vec<String> {
        let Some(kept) = self.sandboxes.remove(name) else {
            return Vec::new();
        };
        pen.note(|| snapshots::delete_all(name));
        pen.note(|| delete(name));
        let snapshots = kept.snapshots.into_values().map(|snapshot| snapshot.rows);
        let worlds: Vec<String> = snapshots
            .chain([kept.row.world])
            .chain(kept.row.seed_world)
            .map(|world| world.key().to_owned())
            .collect();
        for world in &worlds {
            self.retire(world, pen);
        }
        worlds
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

    /// Marks a sandbox as asked for explicitly.
    pub(crate) async fn claim_sandbox(&self, name: &str) -> Result<(), StoreError> {
        self.leave()
            .await?
            .rewrite(|catalogue, pen| {
                if let Some(kept) = catalogue.sandboxes.get_mut(name) {
                    kept.row.is_explicit = true;
                    pen.note(|| claim(name));
                }
            })
            .kept()
            .await
    }

    /// The sandboxes that there are, by name.
    pub(crate) fn list_sandboxes(&self) -> Vec<String> {
        self.catalogue().sandboxes.keys().cloned().collect()
    }

    /// Makes a sandbox from its own seed, or else from the server's. Where that cannot be kept, there is none.
    pub(crate) async fn insert_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        own: Own<'_>,
        (clock, signing_key): (&str, &StoredKey),
    ) -> Result<SandboxRow, StoreError> {
        let Done { what, kept } = self
            .leave()
            .await?
            .rewrite(|catalogue, pen| {
                let own_seed = own.seed.map(Origin::Seed);
                let seed_world = own_seed.map(|origin| catalogue.begin(origin, pen));
                let origin = seed_world
                    .as_deref()
                    .map_or(Origin::Seed(seed), Origin::World);
                let row = SandboxRow {
                    world: catalogue.begin(origin, pen),
                    clock: clock.to_owned(),
                    signing_key: Some(signing_key.clone()),
                    seed_world,
                    settings: own.settings.map(str::to_owned),
                    is_explicit: own.is_explicit,
                };
                pen.note(|| insert(name, &row));
                let kept = Kept {
                    row: row.clone(),
                    snapshots: BTreeMap::new(),
                };
                catalogue.sandboxes.insert(name.to_owned(), kept);
                row
            })
            .settled()
            .await;
        if let Err(why) = kept {
            Leave(self).rewrite(|catalogue, pen| catalogue.remove(name, pen));
            return Err(why);
        }
        Ok(what)
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
            .rewrite(|catalogue, pen| {
                if let Some(kept) = catalogue.sandboxes.get_mut(name) {
                    kept.row.signing_key = Some(signing_key.clone());
                    pen.note(|| set_signing_key(name, signing_key));
                }
            })
            .kept()
            .await?;
        self.leave()
            .await?
            .write(world, |tables, draft| sow(tables, draft, seed))
            .kept()
            .await
    }

    /// Keeps the clock of a sandbox, unless it has gone on from this world. Where that cannot be kept, it stays at `before`.
    pub(crate) async fn keep_clock(
        &self,
        name: &str,
        world: &Rows,
        (clock, before): (&str, &str),
    ) -> Result<(), StoreError> {
        let put = |clock: &str, catalogue: &mut Catalogue, pen: &mut Pen<'_>| {
            if let Some(kept) = catalogue.sandbox_in(name, world) {
                clock.clone_into(&mut kept.row.clock);
                pen.note(|| set_clock(name, clock));
            }
        };
        let kept = self
            .leave()
            .await?
            .rewrite(|catalogue, pen| put(clock, catalogue, pen))
            .kept()
            .await;
        if kept.is_err() {
            Leave(self).rewrite(|catalogue, pen| put(before, catalogue, pen));
        }
        kept
    }

    /// Begins a sandbox anew. What comes back is its new world; nothing where it is gone.
    pub(crate) async fn begin_anew(
        &self,
        name: &str,
        world: &Rows,
        origin: Origin<'_>,
        clock: &str,
    ) -> Result<Done<Option<Arc<Rows>>>, StoreError> {
        if let Origin::World(origin) = origin {
            self.load(origin).await?;
        }
        let leave = self.leave().await?;
        Ok(leave
            .rewrite(|catalogue, pen| catalogue.move_on(name, world, (origin, clock), pen))
            .settled()
            .await)
    }

    /// Removes a sandbox and its snapshots. What comes back is the worlds that are to be removed: nothing where
    /// there was no such sandbox.
    pub(crate) async fn delete_sandbox(&self, name: &str) -> Result<Done<Vec<String>>, StoreError> {
        let leave = self.leave().await?;
        Ok(leave
            .rewrite(|catalogue, pen| catalogue.remove(name, pen))
            .settled()
            .await)
    }
}
