//! The `--database` setting: memory, or a file whose path is checked.

use std::path::PathBuf;

use super::error::StoreError;

/// Where the rows are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Database {
    /// In memory; lost when the process ends.
    #[default]
    Memory,
    /// In a file; an acknowledged write survives `kill -9`.
    File(PathBuf),
}

impl std::str::FromStr for Database {
    type Err = StoreError;

    /// "memory", or the path of a file. Errors: a URI, or a name that SQLite reads as something other than a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let database = if text.eq_ignore_ascii_case("memory") {
            Self::Memory
        } else {
            Self::File(text.into())
        };
        database.check()?;
        Ok(database)
    }
}

impl Database {
    /// Checks that SQLite reads the path as a path: neither its locks nor the file's permissions hold for anything else.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let given = path.to_string_lossy();
        let refused = |kind: &'static str, fix: String| {
            Err(StoreError::NotAPath {
                given: given.clone().into_owned(),
                kind,
                fix,
            })
        };
        if given.trim().is_empty() {
            return refused("an empty path", "name a file, or \"memory\"".to_owned());
        }
        let lower = given.to_ascii_lowercase();
        if lower == ":memory:" {
            return refused("SQLite's name for memory", "write \"memory\"".to_owned());
        }
        let schemes = ["file:", "sqlite:", "sqlite3:"];
        let Some(scheme) = schemes.iter().find(|scheme| lower.starts_with(**scheme)) else {
            return Ok(());
        };
        let rest = given[scheme.len()..].split(['?', '#']).next();
        let rest = rest.unwrap_or_default();
        let file = rest.strip_prefix("//").unwrap_or(rest);
        let fix = if ["", ":memory:"].contains(&file) || lower.contains("mode=memory") {
            "write \"memory\"".to_owned()
        } else {
            format!("write only the path: {file:?}")
        };
        refused("a URI", fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn database_is_memory_or_the_path_of_a_file() {
        for memory in ["memory", "Memory"] {
            assert_eq!(memory.parse::<Database>().unwrap(), Database::Memory);
        }
        for path in ["x.db", "./file:x.db", "/tmp/a b?c.db", "c:\\x.db"] {
            let parsed = path.parse::<Database>().unwrap();
            assert_eq!(parsed, Database::File(path.into()));
        }
        let given = [
            "",
            " ",
            ":memory:",
            "file:x.db",
            "FILE:x.db",
            "file::memory:",
            "file:x?mode=memory",
            "file:///tmp/x.db?mode=rwc",
            "sqlite:x.db",
            "sqlite://x.db",
            "sqlite::memory:",
        ];
        let refused = given.map(|given| given.parse::<Database>().unwrap_err().to_string());
        insta::assert_snapshot!(refused.join("\n"), @r##"
        "" is an empty path, not the path of a database file; name a file, or "memory"
        " " is an empty path, not the path of a database file; name a file, or "memory"
        ":memory:" is SQLite's name for memory, not the path of a database file; write "memory"
        "file:x.db" is a URI, not the path of a database file; write only the path: "x.db"
        "FILE:x.db" is a URI, not the path of a database file; write only the path: "x.db"
        "file::memory:" is a URI, not the path of a database file; write "memory"
        "file:x?mode=memory" is a URI, not the path of a database file; write "memory"
        "file:///tmp/x.db?mode=rwc" is a URI, not the path of a database file; write only the path: "/tmp/x.db"
        "sqlite:x.db" is a URI, not the path of a database file; write only the path: "x.db"
        "sqlite://x.db" is a URI, not the path of a database file; write only the path: "x.db"
        "sqlite::memory:" is a URI, not the path of a database file; write "memory"
        "##);
    }

    #[tokio::test]
    async fn uri_is_rejected_when_it_is_opened() {
        for given in ["", ":memory:", "file:x.db", "file::memory:?cache=shared"] {
            let opened = Store::open(&Database::File(given.into())).await;
            let refused = matches!(opened, Err(StoreError::NotAPath { .. }));
            assert!(refused, "{given:?}: {opened:?}");
        }
    }
}
