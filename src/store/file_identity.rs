//! Checks that the files of a database are still the ones that were opened.

use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::commit::Outcome;
use super::lock::{Lock, beside};

/// The header of a SQLite file, in bytes.
const HEADER_BYTES: usize = 100;

/// The parts of the header that no commit changes while this server runs: page size and format, encoding, the number of starts
/// (`user_version`) and the application id.
const STABLE_HEADER_RANGES: [Range<usize>; 2] = [0..24, 44..92];

type StableHeader = [Vec<u8>; 2];

/// The files that belong to the database, as they were when it was opened: writes into a removed file are lost.
#[derive(Debug)]
pub(super) struct FileIdentity {
    path: PathBuf,
    /// SQLite's write-ahead log.
    log: PathBuf,
    #[cfg(unix)]
    file_id: Option<FileId>,
    /// The lock's: a descriptor that is opened and closed here would drop the locks of SQLite.
    file: Arc<fs::File>,
    /// The longest that the file has been, in bytes: SQLite shortens it only for `vacuum`, which this server does not use.
    bytes: u64,
    /// None if another program prevented SQLite from writing the header.
    header: Option<StableHeader>,
    /// Set once another program has written to the file: SQLite may have mixed its pages with its own.
    is_overwritten: bool,
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
    fn for_path(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).ok()?;
        Some(Self(found.dev(), found.ino()))
    }
}

impl FileIdentity {
    /// Reads the identity of an open database. A checkpoint writes the commits so far, with the header, into the file.
    pub(super) async fn read(lock: &Lock, connection: &mut SqliteConnection) -> Self {
        // `passive` waits for no other program, and may be prevented by one.
        let written: Result<(i64, i64, i64), _> = sqlx::query_as("pragma wal_checkpoint(passive)")
            .fetch_one(connection)
            .await;
        let is_complete = written.is_ok_and(|(busy, all, done)| busy == 0 && all == done);
        let (path, file) = (lock.path.clone(), Arc::clone(&lock.file));
        let log = beside(&path, "-wal");
        Self {
            #[cfg(unix)]
            file_id: FileId::for_path(&path),
            bytes: length_of(&file),
            header: if is_complete {
                read_stable_header(&file).ok()
            } else {
                None
            },
            file,
            is_overwritten: false,
            #[cfg(unix)]
            log_file: FileId::for_path(&log),
            log_bytes: length(&log),
            log,
            path,
        }
    }

    /// Errors: another file is there now, or none, or another program has written to it.
    pub(super) fn check(&mut self) -> Outcome {
        if !self.is_the_same() {
            let reason = "it was moved, removed or replaced; put it back, or restart the server";
            return Err(reason.into());
        }
        self.check_content()
    }

    /// Errors: the file is shorter than it was, or has another header. Changes of other parts are not noticed.
    pub(super) fn check_content(&mut self) -> Outcome {
        let is_changed = |known: &StableHeader| {
            !read_stable_header(&self.file).is_ok_and(|found| found == *known)
        };
        self.is_overwritten |=
            length_of(&self.file) < self.bytes || self.header.as_ref().is_some_and(is_changed);
        if !self.is_overwritten {
            return Ok(());
        }
        let reason = "it was truncated or overwritten while the server was running; stop the server, remove the -wal beside it, \
                   and put a complete copy in its place";
        Err(reason.into())
    }

    #[cfg(unix)]
    fn is_the_same(&self) -> bool {
        FileId::for_path(&self.path) == self.file_id
    }

    /// An open file cannot be removed on this platform.
    #[cfg(not(unix))]
    fn is_the_same(&self) -> bool {
        self.path.exists()
    }

    /// Whether SQLite would write into a log that was removed, replaced or truncated.
    #[cfg(unix)]
    pub(super) fn is_wal_replaced(&self) -> bool {
        let is_another = self.log_file.is_some() && FileId::for_path(&self.log) != self.log_file;
        is_another || length(&self.log) < self.log_bytes
    }

    /// An open file cannot be removed, but truncated.
    #[cfg(not(unix))]
    pub(super) fn is_wal_replaced(&self) -> bool {
        length(&self.log) < self.log_bytes
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Notes the files after a commit, or those of a new connection.
    pub(super) fn note(&mut self) {
        self.bytes = self.bytes.max(length_of(&self.file));
        self.log_bytes = length(&self.log);
        #[cfg(unix)]
        {
            self.log_file = FileId::for_path(&self.log);
        }
    }
}

fn length_of(file: &fs::File) -> u64 {
    file.metadata().map_or(0, |found| found.len())
}

/// The parts of the header that do not change.
fn read_stable_header(mut file: &fs::File) -> io::Result<StableHeader> {
    let mut header = [0; HEADER_BYTES];
    file.rewind()?;
    file.read_exact(&mut header)?;
    Ok(STABLE_HEADER_RANGES.map(|range| header[range].to_vec()))
}

/// 0 if the file does not exist.
fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}
