//! Tests of opening a database file: a foreign file is rejected unchanged, and our own is opened again.

use std::fs;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::support::Folder;
use crate::store::application_id::APPLICATION_ID;
use crate::store::open::Opened;

async fn run(connection: &mut SqliteConnection, sql: &str) {
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection);
    ran.await.unwrap();
}

/// The files of a folder and their content, without locks and SQLite's shared index of its log.
fn files(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let all = fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap());
    let named = all.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let mut files: Vec<_> = named
        .filter(|(name, _)| !name.ends_with("-lock") && !name.ends_with("-shm"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn foreign_database_is_rejected_unchanged() {
    let of_another_program = "create table cupboards (id integer)";
    let of_an_sqlx_app =
        "create table _sqlx_migrations (version bigint); create table users (id integer)";
    let marked = "pragma application_id = 7; create table sandboxes (name text)";
    let mixed = "create table sandboxes (name text); create table cupboards (id integer)";
    let cases = [
        of_another_program,
        of_an_sqlx_app,
        marked,
        mixed,
        "pragma user_version = 3",
        "pragma application_id = 7",
        "create view cupboards as select 1",
    ];
    for (at, sql) in cases.into_iter().enumerate() {
        for (journal, is_open) in [("delete", false), ("wal", false), ("wal", true)] {
            let folder = Folder::new(&format!("foreign-{at}-{journal}-{is_open}"));
            let path = folder.0.join("other.db");
            let options = SqliteConnectOptions::new().filename(&path);
            let mut other = options.create_if_missing(true).connect().await.unwrap();
            run(
                &mut other,
                &format!("pragma journal_mode = {journal}; {sql}"),
            )
            .await;
            // The last changes of an open connection are only in the log.
            let open = if is_open {
                Some(other)
            } else {
                other.close().await.unwrap();
                None
            };
            let before = files(&folder);
            let refused = Opened::open(&path)
                .await
                .err()
                .map(|error| error.to_string());
            let message = refused.unwrap_or_default();
            assert!(
                message.contains("another program's"),
                "{sql} {journal}: {message}"
            );
            assert!(files(&folder) == before, "{sql} {journal} {is_open}");
            drop(open);
        }
    }
}

#[tokio::test]
async fn other_file_is_rejected_unchanged() {
    let long = "x".repeat(5000);
    for (at, text) in ["x", "\n", "SQLite format", "# Notes", &long]
        .iter()
        .enumerate()
    {
        let folder = Folder::new(&format!("no-database-{at}"));
        let path = folder.0.join("notes.txt");
        fs::write(&path, text).unwrap();
        let before = files(&folder);
        let refused = Opened::open(&path)
            .await
            .err()
            .map(|error| error.to_string());
        let shown = path.display();
        assert_eq!(
            refused.unwrap_or_default(),
            format!(
                "cannot open the database {shown}: it is not an SQLite database; nothing was written to it; choose \
                 another with --database, or --database memory"
            )
        );
        assert!(files(&folder) == before, "{text}");
    }
}

#[tokio::test]
async fn own_database_is_marked_and_opened_again() {
    let folder = Folder::new("ours");
    let path = folder.0.join("mock.db");
    for run in 0..3 {
        let opened = Opened::open(&path).await.unwrap();
        assert_eq!(opened.run, run);
        opened.file.close().await;
        let header = fs::read(&path).unwrap();
        assert_eq!(header[68..72], APPLICATION_ID.to_be_bytes());
    }
    // An empty file belongs to no program.
    let empty = folder.0.join("empty.db");
    fs::write(&empty, "").unwrap();
    Opened::open(&empty).await.unwrap().file.close().await;
}
