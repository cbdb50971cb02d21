//! Checks that the server does not overwrite a file of another option.

use std::fs;
use std::path::{Path, PathBuf};

use super::options::Options;
use crate::invalid::Invalid;
use crate::store::Database;

/// The database, the files of SQLite beside it, and the lock file of this server.
const DATABASE_SUFFIXES: [&str; 5] = ["", "-wal", "-shm", "-journal", "-lock"];

impl Options {
    /// Errors: two options name the same file, and the server writes it.
    pub(super) fn check_files(&self) -> Result<(), Invalid> {
        let mut written: Vec<(&str, PathBuf)> = Vec::new();
        if let Some(Database::File(path)) = self.database.as_ref().map(|option| &option.0) {
            let path = canonical(path);
            written.extend(DATABASE_SUFFIXES.map(|suffix| {
                let mut file = path.clone().into_os_string();
                file.push(suffix);
                ("database", file.into())
            }));
        }
        let others = [
            ("port_file", &self.port_file),
            ("tls_ca_file", &self.tls_ca_file),
            ("config", &self.config),
            ("seed", &self.seed),
            ("signing_key", &self.signing_key),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
        ];
        for (key, path) in others {
            let Some(path) = path else { continue };
            let used = written.iter().find(|(_, other)| is_same(other, path));
            if let Some((other, _)) = used {
                let message = format!(
                    "{} is also used by {}",
                    path.display(),
                    self.sources.name(other)
                );
                return Err(Invalid::new(self.sources.name(key), message)
                    .with_hint("use a different file for each option"));
            }
            if ["port_file", "tls_ca_file"].contains(&key) {
                written.push((key, path.clone()));
            }
        }
        Ok(())
    }
}

/// Compares paths and hard links. Pipes and devices have no data to lose.
fn is_same(one: &Path, other: &Path) -> bool {
    let (known, other_known) = (fs::metadata(one), fs::metadata(other));
    if known.as_ref().is_ok_and(|known| !known.is_file()) {
        return false;
    }
    #[cfg(unix)]
    if let (Ok(known), Ok(other_known)) = (known, other_known) {
        use std::os::unix::fs::MetadataExt as _;
        return (known.dev(), known.ino()) == (other_known.dev(), other_known.ino());
    }
    #[cfg(not(unix))]
    drop(other_known);
    canonical(one) == canonical(other)
}

/// The path without links, also of a file that does not exist yet.
fn canonical(path: &Path) -> PathBuf {
    let of_missing = || {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    fs::canonicalize(path)
        .ok()
        .or_else(of_missing)
        .unwrap_or_else(|| path.to_owned())
}
