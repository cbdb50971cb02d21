//! The errors of the store.

use std::path::PathBuf;
use std::sync::Arc;

/// An error of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be read.
    #[error("the database cannot be read: {}", described(.0))]
    Sql(#[from] sqlx::Error),
    /// The file could not be written: a full disk, a folder that has become read-only. The change was not made; the next
    /// change tries again.
    #[error(
        "the database {path} cannot be written: {reason}; changes are not acknowledged until it can be written",
        path = path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: Arc<str>,
    },
    /// The file could not be opened or brought to this version's schema.
    #[error("cannot open the database {path}: {reason}; choose another with --database, or --database memory", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The given path is not the path of a file.
    #[error("{given:?} is {kind}, not the path of a database file; {fix}")]
    NotAPath {
        /// The given text.
        given: String,
        /// Its kind.
        kind: &'static str,
        /// The fix.
        fix: String,
    },
    /// Another user has the name.
    #[error("another user has the username {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A table is full.
    #[error("the limit of {most} {what} is reached")]
    TableFull {
        /// Which rows.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// The limit of sandboxes is reached.
    #[error("the limit of {most} sandboxes is reached")]
    TooManySandboxes {
        /// How many.
        most: usize,
    },
    /// A row that no version of this server has written.
    #[error("the database has an unreadable {what}: {reason}")]
    Damaged {
        /// Which row it is.
        what: &'static str,
        /// The reason.
        reason: String,
    },
}

impl StoreError {
    /// The fix for [`StoreError::Unwritable`].
    pub(crate) const SEND_AGAIN: &str =
        "free the disk or fix the permissions, then send the request again";
}

/// Describes an SQLite error, with its code.
pub(super) fn described(error: &sqlx::Error) -> String {
    let Some(database_error) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
    };
    let code = database_error.code().unwrap_or_default();
    let primary = code.parse::<i32>().map(|code| code & 0xff);
    let message = format!("{} (SQLite code {code})", database_error.message());
    match primary {
        Ok(5) => format!("another program has locked it: {message}"),
        // SQLITE_READONLY and SQLITE_CANTOPEN: it writes files of its own beside the database.
        Ok(8 | 14) => {
            format!("{message}; this user must be able to write to the file and to its folder")
        }
        Ok(13) => format!("the disk is full: {message}"),
        _ => message,
    }
}
