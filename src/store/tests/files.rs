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

/// The files of a folder and what is in them, less SQLite's index of its log, which readers share.
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
async fn a_foreign_database_is_refused_and_no_byte_of_it_changes() {
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
            // An open connection has its last changes in the log alone.
            let open = if is_open {
                Some(other)
            } else {
                other.close().await.unwrap();
                None
            };
            let before = files(&folder);
            let refused = Opened::open(&path).await.err().map(|why| why.to_string());
            let said = refused.unwrap_or_default();
            assert!(
                said.contains("another program's"),
                "{sql} {journal}: {said}"
            );
            assert!(files(&folder) == before, "{sql} {journal} {is_open}");
            drop(open);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_no_byte_of_it_changes() {
    let long = "x".repeat(5000);
    for (at, text) in ["x", "\n", "SQLite format", "# Notes", &long]
        .iter()
        .enumerate()
    {
        let folder = Folder::new(&format!("no-database-{at}"));
        let path = folder.0.join("notes.txt");
        fs::write(&path, text).unwrap();
        let before = files(&folder);
        let refused = Opened::open(&path).await.err().map(|why| why.to_string());
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
async fn a_database_of_ours_is_marked_and_opened_again_after_any_end() {
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
