//! Conversions of column values, and the sizes and bounds of rows.

use super::error::StoreError;
use crate::model::account::Currency;

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

/// SQLite's integers are signed; JSON amounts are far below their maximum.
pub(crate) fn integer(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

pub(crate) fn amount(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(|_| damaged("amount of buzz", &column))
}

pub(crate) fn currency_named(name: &str) -> Result<Currency, StoreError> {
    Currency::named(name).ok_or_else(|| damaged("kind of buzz", &name))
}
