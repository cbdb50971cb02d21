//! Conversions of column values, and the sizes and bounds of rows.

use super::error::StoreError;
use crate::model::account::Currency;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// The approximate bytes of a row in memory, without its long texts.
pub(crate) const ROW_BYTES: usize = 256;

/// Checks that a table of this many rows has room for one more. Errors: it is full.
pub(crate) fn check_room(rows: usize, most: usize, what: &'static str) -> Result<(), StoreError> {
    if rows >= most {
        return Err(StoreError::TableFull { what, most });
    }
    Ok(())
}

/// The error for a column whose value is not of its type.
pub(crate) fn damaged(what: &'static str, reason: &impl ToString) -> StoreError {
    StoreError::Damaged {
        what,
        reason: reason.to_string(),
    }
}

/// Reads a column of JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(what, &error))
}

/// The JSON text of a row's document.
pub(crate) fn to_json<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("a document of strings, numbers and lists is JSON")
}

/// Reads the hash of a secret; `what` is for errors.
pub(crate) fn secret_hash(what: &'static str, bytes: &[u8]) -> Result<SecretHash, StoreError> {
    SecretHash::from_bytes(bytes).ok_or_else(|| damaged(what, &bytes.len()))
}

pub(crate) fn scope(row: &SqliteRow) -> Result<Scope, StoreError> {
    Ok(Scope::from_any_bits(row.try_get("scope")?))
}

/// SQLite's integers are signed; JSON amounts are far below their maximum.
pub(crate) fn integer(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Reads a column that has an amount of buzz.
pub(crate) fn amount(row: &SqliteRow, column: &str) -> Result<u64, StoreError> {
    let amount: i64 = row.try_get(column)?;
    u64::try_from(amount).map_err(|_| damaged("amount of buzz", &amount))
}

pub(crate) fn currency(row: &SqliteRow) -> Result<Currency, StoreError> {
    let name: &str = row.try_get("currency")?;
    Currency::named(name).ok_or_else(|| damaged("kind of buzz", &name))
}
