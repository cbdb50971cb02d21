//! Locks that reserve a database file for one server at a time.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reserves a file for this server: two that each answer from their own memory would overwrite each other.
#[derive(Debug)]
pub(super) struct Lock {
    /// The file's one name, whatever link it was given by.
    pub(super) path: PathBuf,
    /// The lock file beside the database.
    _beside: fs::File,
    /// The database itself, which may have another name or have lost its lock file. Opened before SQLite opens it and closed
    /// after SQLite has closed it: closing any descriptor of a file drops all POSIX locks of the process on it.
    pub(super) file: Arc<fs::File>,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, String> {
        let path = existing(path)?;
        let lock = beside(&path, "-lock");
        // Nothing is written into it: it may be another program's.
        let opened = private(fs::OpenOptions::new().append(true).create(true)).open(&lock);
        let beside = opened.map_err(|error| format!("{}: {error}", lock.display()))?;
        reserve(&beside)?;
        Ok(Self {
            file: Arc::new(Self::take_file(&path)?),
            path,
            _beside: beside,
        })
    }

    /// Locks the file on Linux alone: elsewhere such a lock would conflict with SQLite's own.
    fn take_file(path: &Path) -> Result<fs::File, String> {
        let file = fs::File::open(path).map_err(|error| error.to_string())?;
        if !cfg!(target_os = "linux") {
            return Ok(file);
        }
        match reserve(&file) {
            Ok(()) => Ok(file),
            Err(error) => {
                // The other server may be in this process: closing the descriptor would drop the locks of its SQLite. Few
                // bytes leak: only a user who removes lock files or links databases gets here.
                std::mem::forget(file);
                Err(error)
            }
        }
    }
}

fn reserve(file: &fs::File) -> Result<(), String> {
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            "another server has it open; stop that server first".to_owned()
        }
        fs::TryLockError::Error(error) => format!("it cannot be locked: {error}"),
    })
}

/// The canonical path of the file. If there is no such file, it is created for this user alone: it holds private keys. What
/// SQLite creates beside it has the same permissions.
fn existing(path: &Path) -> Result<PathBuf, String> {
    let found = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let created = private(fs::OpenOptions::new().append(true).create(true)).open(path);
            let created = created.and_then(|_| fs::canonicalize(path));
            created.map_err(|error| {
                format!("it cannot be created: {error}; the folder must exist, and this user must be able to write to it")
            })
        }
        found => found.map_err(|error| error.to_string()),
    }?;
    if found.is_file() {
        Ok(found)
    } else {
        Err("it is not a file".to_owned())
    }
}

/// Only this user can read and write the files that these options create.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// The name of a file that belongs to the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
