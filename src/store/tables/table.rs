//! A table of a sandbox: its rows in memory, and each change of them as SQL.

use super::grant_tables::UserClientFilter;
use super::sql::TableSql;
use crate::protocol::time::Timestamp;
use crate::store::columns::ROW_BYTES;
use crate::store::error::StoreError;
use crate::store::purge::PurgeThreshold;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

/// A row, and how the file stores it.
pub(crate) trait Row: Clone + Debug + Send + Unpin {
    /// Finds the row in memory.
    type Key: Clone + Debug + Eq + Hash + Send + Unpin;
    /// A second way to find rows; `()` for none.
    type Index: Index<Self>;

    const SQL: TableSql;

    /// The number of the row, if the table numbers its rows.
    fn number(&self) -> i64 {
        0
    }

    /// The approximate bytes in memory.
    fn size_in_bytes(&self) -> usize {
        ROW_BYTES
    }

    /// Binds the columns of the file's key.
    fn bind_key(&self, key: &Self::Key, statement: Statement) -> Statement;

    /// Binds the other columns.
    fn bind_columns(&self, key: &Self::Key, statement: Statement) -> Statement;

    /// Reads a row of the file.
    fn read(row: &SqliteRow) -> Result<(Self::Key, Self), StoreError>;

    /// The statement that inserts or replaces the row.
    fn put_statement(&self, data_key: &Arc<str>, key: &Self::Key) -> Statement {
        self.bind_columns(key, self.start(Self::SQL.put, data_key, key))
    }

    fn delete_statement(&self, data_key: &Arc<str>, key: &Self::Key) -> Statement {
        self.start(Self::SQL.delete, data_key, key)
    }

    /// A row replaces another one with the same unique value, so the order of both statements and those of other rows is free.
    fn start(&self, sql: &'static str, data_key: &Arc<str>, key: &Self::Key) -> Statement {
        let statement = Statement::new(sql).bind(data_key);
        self.bind_key(key, statement).for_row(Self::SQL.name)
    }
}

/// Finds the rows of a table by something else than their keys.
pub(crate) trait Index<R: Row>: Clone + Debug + Default {
    /// It may replace parts of the row by equal ones that other rows share.
    fn insert(&mut self, key: &R::Key, row: &mut R);
    fn remove(&mut self, key: &R::Key, row: &R);
}

impl<R: Row> Index<R> for () {
    fn insert(&mut self, _: &R::Key, _: &mut R) {}
    fn remove(&mut self, _: &R::Key, _: &R) {}
}

/// A row that belongs to a user and a client.
pub(crate) trait GrantRow: Row {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool;
}

/// A row that is removed when it has expired.
pub(crate) trait ExpiringRow: Row {
    /// Deletes the rows of a data key that expired before a time.
    const DELETE_EXPIRED: &'static str;

    /// A purge removes the row after this time.
    fn retained_until(&self) -> Timestamp;
}

/// A table of a sandbox. It is read as a map.
#[derive(Debug, Clone)]
pub(crate) struct Table<R: Row> {
    rows: HashMap<R::Key, R>,
    pub(crate) index: R::Index,
    last_number: i64,
    pub(crate) purge_threshold: PurgeThreshold,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            index: R::Index::default(),
            last_number: 0,
            purge_threshold: PurgeThreshold::default(),
        }
    }
}

impl<R: Row> Deref for Table<R> {
    type Target = HashMap<R::Key, R>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<R: Row> Table<R> {
    /// The number for a row: that of the stored row of this key, or one after all others.
    pub(crate) fn number_for<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> i64
    where
        R::Key: Borrow<Q>,
    {
        self.get(key).map_or(self.last_number + 1, R::number)
    }

    /// Inserts a row, or replaces that of the same key.
    pub(crate) fn put(&mut self, key: R::Key, row: R, batch: &mut WriteBatch<'_>) {
        batch.push(|data_key| row.put_statement(data_key, &key));
        self.insert(key, row);
    }

    fn insert(&mut self, key: R::Key, mut row: R) {
        self.last_number = self.last_number.max(row.number());
        match self.rows.entry(key) {
            Entry::Occupied(mut known) => {
                self.index.remove(known.key(), known.get());
                self.index.insert(known.key(), &mut row);
                known.insert(row);
            }
            Entry::Vacant(new) => {
                self.index.insert(new.key(), &mut row);
                new.insert(row);
            }
        }
    }

    /// Changes a row in place, if it exists. The index must not depend on the change.
    pub(crate) fn change(
        &mut self,
        key: &R::Key,
        batch: &mut WriteBatch<'_>,
        change: impl FnOnce(&mut R),
    ) {
        if let Some(row) = self.rows.get_mut(key) {
            change(row);
            batch.push(|data_key| row.put_statement(data_key, key));
        }
    }

    /// The rows, to change them in memory. The caller adds a statement to the batch that changes them in the file.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.rows.values_mut()
    }

    /// Removes a row and returns it, if it exists.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(
        &mut self,
        key: &Q,
        batch: &mut WriteBatch<'_>,
    ) -> Option<R>
    where
        R::Key: Borrow<Q>,
    {
        let (key, row) = self.remove_from_memory(key)?;
        batch.push(|data_key| row.delete_statement(data_key, &key));
        Some(row)
    }

    /// Removes a row from memory. The caller adds a statement to the batch that deletes it in the file.
    pub(crate) fn remove_from_memory<Q: Hash + Eq + ?Sized>(
        &mut self,
        key: &Q,
    ) -> Option<(R::Key, R)>
    where
        R::Key: Borrow<Q>,
    {
        let (key, row) = self.rows.remove_entry(key)?;
        self.index.remove(&key, &row);
        Some((key, row))
    }

    /// Removes rows from memory and returns how many. The caller adds a statement to the batch that deletes them in the file.
    pub(crate) fn remove_where(&mut self, mut is_meant: impl FnMut(&R) -> bool) -> u64 {
        let before = self.rows.len();
        for (key, row) in self.rows.extract_if(|_, row| is_meant(row)) {
            self.index.remove(&key, &row);
        }
        (before - self.rows.len()) as u64
    }

    /// The approximate bytes of all rows.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.values().map(R::size_in_bytes).sum()
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows = sqlx::query(R::SQL.select)
            .bind(key)
            .map(|row| R::read(&row))
            .fetch_all(db)
            .await?;
        let mut table = Self::default();
        for row in rows {
            let (key, row) = row?;
            table.insert(key, row);
        }
        Ok(table)
    }
}

impl<R: GrantRow> Table<R> {
    /// The rows that the filter selects.
    pub(crate) fn matching(
        &self,
        filter: UserClientFilter<'_>,
    ) -> impl Iterator<Item = (&R::Key, &R)> + Clone {
        self.iter().filter(move |(_, row)| row.matches(filter))
    }

    /// Removes the rows that the filter selects and returns how many there were.
    pub(crate) fn remove_matching(
        &mut self,
        filter: UserClientFilter<'_>,
        batch: &mut WriteBatch<'_>,
    ) -> u64 {
        batch.push(|key| {
            Statement::new(R::SQL.delete_matching)
                .bind(key)
                .bind(filter.user)
                .bind(filter.client)
        });
        self.remove_where(|row| row.matches(filter))
    }
}

impl<R: ExpiringRow> Table<R> {
    /// Removes expired rows when the table is past its threshold, or has as many rows as it may have.
    pub(crate) fn purge_if_due(&mut self, now: Timestamp, most: usize, batch: &mut WriteBatch<'_>) {
        if self.purge_threshold.should_purge(self.len())
            || self.len() >= most && self.purge_threshold.should_purge_when_full(now)
        {
            self.purge(now, batch);
        }
    }

    /// Removes the rows that expired before `cutoff`.
    pub(crate) fn purge(&mut self, cutoff: Timestamp, batch: &mut WriteBatch<'_>) {
        let removed = self.remove_where(|row| row.retained_until() < cutoff);
        self.purge_threshold.purged(self.len());
        if removed > 0 {
            batch.push(|key| Statement::new(R::DELETE_EXPIRED).bind(key).bind(cutoff));
        }
    }
}
