//! The files that belong to a database, and whether they are still the ones that were opened.

use std::path::{Path, PathBuf};

use super::log::Outcome;

/// The files that belong to the database, as they were when it was opened: what is written into a removed one is lost.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// SQLite's write-ahead log.
    log: PathBuf,
    #[cfg(unix)]
    file: Option<FileId>,
    #[cfg(unix)]
    log_file: Option<FileId>,
}

/// Device and inode.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

#[cfg(unix)]
impl FileId {
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).ok()?;
        Some(Self(found.dev(), found.ino()))
    }
}

impl Place {
    /// For a database that is open already.
    pub(super) fn of(path: PathBuf) -> Self {
        let log = beside(&path, "-wal");
        Self {
            #[cfg(unix)]
            file: FileId::of(&path),
            #[cfg(unix)]
            log_file: FileId::of(&log),
            log,
            path,
        }
    }

    /// Errors: another file is there now, or none.
    pub(super) fn check(&self) -> Outcome {
        if self.is_the_same() {
            return Ok(());
        }
        Err("it was moved, removed or replaced; put it back, or restart the server".into())
    }

    #[cfg(unix)]
    fn is_the_same(&self) -> bool {
        FileId::of(&self.path) == self.file
    }

    /// An open file cannot be removed there.
    #[cfg(not(unix))]
    fn is_the_same(&self) -> bool {
        self.path.exists()
    }

    /// Whether SQLite writes into a log that is not there any more.
    #[cfg(unix)]
    pub(super) fn is_log_missing(&self) -> bool {
        self.log_file.is_some() && FileId::of(&self.log) != self.log_file
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, reason = "the same shape on every system")]
    pub(super) fn is_log_missing(&self) -> bool {
        false
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Notes the log of a new connection.
    pub(super) fn note_log(&mut self) {
        #[cfg(unix)]
        {
            self.log_file = FileId::of(&self.log);
        }
    }
}

/// The name of a file that belongs to the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
