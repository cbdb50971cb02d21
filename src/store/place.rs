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
    /// The log's length after the last commit, in bytes: SQLite shortens it only when asked to.
    log_bytes: u64,
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
            log_bytes: length(&log),
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

    /// Whether SQLite would write into a log that was removed, replaced or truncated.
    #[cfg(unix)]
    pub(super) fn is_log_missing(&self) -> bool {
        let is_another = self.log_file.is_some() && FileId::of(&self.log) != self.log_file;
        is_another || length(&self.log) < self.log_bytes
    }

    /// An open file cannot be removed, but truncated.
    #[cfg(not(unix))]
    pub(super) fn is_log_missing(&self) -> bool {
        length(&self.log) < self.log_bytes
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Notes the log after a commit, or that of a new connection.
    pub(super) fn note_log(&mut self) {
        self.log_bytes = length(&self.log);
        #[cfg(unix)]
        {
            self.log_file = FileId::of(&self.log);
        }
    }
}

/// 0 if there is no such file.
fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// The name of a file that belongs to the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
