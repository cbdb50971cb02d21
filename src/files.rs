//! Writes files that another program waits for: they appear complete, or not at all. Our own, because the files of crates
//! such as `tempfile` are readable by their owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The most bytes of a file that is written here.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Checks that writing the file loses no data: it does not exist, is not a regular file, is empty, or has text that
/// `is_expected` accepts. Errors: the kind of its content.
pub(crate) fn check_replaceable(
    file: &Path,
    option: &str,
    expected: &str,
    is_expected: impl FnOnce(&str) -> bool,
) -> io::Result<()> {
    if !fs::metadata(file).is_ok_and(|known| known.is_file()) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    let found = match std::str::from_utf8(&bytes) {
        Ok(text) if text.is_empty() || is_expected(text) => return Ok(()),
        _ if bytes.starts_with(b"SQLite format 3\0") => "a SQLite database",
        Ok(_) => "other text",
        Err(_) => "binary data",
    };
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!(
            "it holds {found}, not {expected}; nothing was written to it; choose another with {option}, or remove it"
        ),
    ))
}

/// Writes a temporary file in the same folder and renames it, so that no reader sees a part of it. A file that cannot be
/// replaced, such as a pipe or a mounted file, is written in place.
pub(crate) fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let is_special = fs::metadata(file).is_ok_and(|known| !known.is_file());
    if is_special {
        return fs::write(file, text);
    }
    let replaced = temporary_name(file).and_then(|temporary| {
        let written = write_new(&temporary, text).and_then(|()| fs::rename(&temporary, file));
        written.inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    });
    replaced.or_else(|_| fs::write(file, text))
}

/// A name in the same folder that no other process uses.
fn temporary_name(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let name = name.to_string_lossy();
    Ok(file.with_file_name(format!(".{name}.{}.tmp", std::process::id())))
}

/// Creates the file; does not follow a link at this path.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(file)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_without_leftovers() {
        let folder = std::env::temp_dir().join(format!("mock-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("ca.pem");
        write_whole(&file, "one").unwrap();
        // A program that has the old file open continues to read it.
        let mut old = fs::File::open(&file).unwrap();
        write_whole(&file, "two").unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut old, &mut text).unwrap();
        assert_eq!(text, "one");
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let missing = folder.join("none/ca.pem");
        let error = write_whole(&missing, "x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(&folder).unwrap();
    }
}
