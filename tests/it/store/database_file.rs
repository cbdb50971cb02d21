//! The database file: invalid paths, files in use, and other programs' files are rejected.

use std::path::Path;

use civitai_oauth_mock::{Contract, Database, Server};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Program, TempDir, config};

/// The same text wherever it is given.
const ADVICE: &str =
    r#""file:x.db" is a URI, not the path of a database file; write only the path: "x.db""#;

#[test]
fn a_uri_is_refused_at_every_entrance() {
    let folder = TempDir::new();
    let configured = folder.write("mock.toml", "database = \"file:x.db\"\n");
    let configured = format!("--config={}", configured.display());
    let in_folder = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Program::command(arguments);
        command.current_dir(&folder);
        if let Some(value) = variable {
            command.env("CIVITAI_MOCK_DATABASE", value);
        }
        let output = command.output().expect("the program was built");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let listen = "--listen=127.0.0.1:0";
    let mut message = vec![
        in_folder(&[listen, "--database=file:x.db"], None),
        in_folder(&[listen], Some("file:x.db")),
        in_folder(&[listen, &configured], None),
    ];
    for one in &message {
        assert!(one.contains(ADVICE), "{one}");
    }
    for given in ["", ":memory:", "file::memory:", "sqlite://x.db"] {
        message.push(in_folder(&[listen, &format!("--database={given}")], None));
    }
    let message: Vec<String> = message.iter().map(|one| folder.redacted(one)).collect();
    assert_snapshot!(message.join("\n"), @r#"
    error: invalid value 'file:x.db' for '--database <PATH|memory>': "file:x.db" is a URI, not the path of a database file; write only the path: "x.db"

    For more information, try '--help'.

    error: invalid value 'file:x.db' for 'CIVITAI_MOCK_DATABASE': "file:x.db" is a URI, not the path of a database file; write only the path: "x.db"

    For more information, try '--help'.

    civitai-oauth-mock: <folder>/mock.toml:1: database: "file:x.db" is a URI, not the path of a database file; write only the path: "x.db"

    error: invalid value '' for '--database <PATH|memory>': "" is an empty path, not the path of a database file; name a file, or "memory"

    For more information, try '--help'.

    error: invalid value ':memory:' for '--database <PATH|memory>': ":memory:" is SQLite's name for memory, not the path of a database file; write "memory"

    For more information, try '--help'.

    error: invalid value 'file::memory:' for '--database <PATH|memory>': "file::memory:" is a URI, not the path of a database file; write "memory"

    For more information, try '--help'.

    error: invalid value 'sqlite://x.db' for '--database <PATH|memory>': "sqlite://x.db" is a URI, not the path of a database file; write only the path: "x.db"

    For more information, try '--help'.
    "#);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is created: {left:?}");
}

#[tokio::test]
async fn a_uri_is_refused_in_rust() {
    for given in ["", ":memory:", "file:x.db", "file::memory:"] {
        let mut config = config(Contract::Documented);
        config.database = Database::File(given.into());
        let error = Server::start(config).await.expect_err("it is no path");
        assert!(error.to_string().contains("not the path"), "{error}");
    }
    let error = "file:x.db".parse::<Database>().expect_err("it is no path");
    assert_eq!(error.to_string(), ADVICE);
}

/// Starts a second server, which must fail.
fn second(database: &Path) -> String {
    let database = format!("--database={}", database.display());
    let output = Program::output(&["--listen=127.0.0.1:0", &database]);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_one_server_even_by_a_hard_link_or_without_its_lock_file() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let (program, sandbox) = Program::on_file(&database, None);
    let link = folder.path("link.db");
    std::fs::hard_link(&database, &link).unwrap();
    let message = second(&link);
    assert!(message.contains("another server has it open"), "{message}");
    std::fs::remove_file(folder.path("mock.db-lock")).unwrap();
    let message = second(&database);
    assert!(message.contains("another server has it open"), "{message}");
    let tokens = sandbox.tokens(&CONF, "1").await;
    drop(program);
    let (_program, sandbox) = Program::on_file(&database, None);
    assert!(sandbox.is_active(&tokens.access).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_second_server_in_the_same_process_takes_no_lock_from_the_first() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let start = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(database.clone());
        Server::start(config).await
    };
    let first = start().await.unwrap();
    let locks = || {
        use std::os::unix::fs::MetadataExt as _;
        let inode = std::fs::metadata(&database).unwrap().ino();
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        let of_file = |line: &&str| line.contains("POSIX") && line.contains(&format!(":{inode} "));
        all.lines().filter(of_file).count()
    };
    let before = locks();
    assert!(before > 0, "SQLite holds a lock while it is open");
    for removed in [false, true] {
        if removed {
            std::fs::remove_file(folder.path("mock.db-lock")).unwrap();
        }
        let error = start().await.expect_err("it has a server");
        assert!(error.to_string().contains("another server"), "{error}");
        assert_eq!(locks(), before, "removed: {removed}");
    }
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_that_is_truncated_acknowledges_nothing_more() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let (program, sandbox) = Program::on_file(&database, None);
    sandbox.tokens(&CONF, "1").await;
    let log = std::fs::File::options()
        .write(true)
        .open(folder.path("mock.db-wal"));
    log.unwrap().set_len(0).unwrap();
    let refused = sandbox
        .request("POST", "/_mock/snapshots/s")
        .json(&json!({}))
        .await;
    assert_eq!(refused.status, 503, "{refused}");
    assert_eq!(sandbox.get("/api/health/ready").await.status, 503);
    let text = "was removed, replaced or truncated";
    let message = program.kill_after(text, 1);
    assert!(message.contains(text), "{message}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_that_is_removed_loses_nothing() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let log = folder.path("mock.db-wal");
    let (program, sandbox) = Program::on_file(&database, None);
    let before = sandbox.tokens(&CONF, "1").await;
    std::fs::remove_file(&log).unwrap();
    let after = sandbox.tokens(&CONF, "1").await;
    std::fs::remove_file(&log).unwrap();
    folder.write("mock.db-wal", "not a log");
    sandbox.control("POST", "/snapshots/s", json!({})).await;
    let text = "was removed, replaced or truncated";
    let message = program.kill_after(text, 2);
    assert_eq!(message.matches(text).count(), 2, "{message}");
    let (program, sandbox) = Program::on_file(&database, None);
    for tokens in [&before, &after] {
        assert!(sandbox.is_active(&tokens.access).await);
    }
    sandbox
        .control("POST", "/snapshots/s/restore", json!({}))
        .await;
    // And with nothing to write any more.
    let last = sandbox.tokens(&CONF, "1").await;
    std::fs::remove_file(&log).unwrap();
    assert_eq!(program.terminate(), Some(0));
    let (_program, sandbox) = Program::on_file(&database, None);
    assert!(sandbox.is_active(&last.access).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_truncated_or_overwritten_acknowledges_nothing_more() {
    let folder = TempDir::new();
    for case in ["truncated.db", "overwritten.db"] {
        let database = folder.path(case);
        let (program, _) = Program::on_file(&database, None);
        assert_eq!(program.terminate(), Some(0));
        let backup = std::fs::read(&database).unwrap();
        let (program, sandbox) = Program::on_file(&database, None);
        sandbox.tokens(&CONF, "1").await;
        let complete = std::fs::read(&database).unwrap();
        // In place, as `: > mock.db` and `cp backup.db mock.db` do.
        let bytes = if case == "truncated.db" {
            &[]
        } else {
            &*backup
        };
        std::fs::write(&database, bytes).unwrap();
        let text = "it was truncated or overwritten while the server was running; stop the server";
        for at_once in [true, false] {
            let refused = sandbox
                .request("POST", "/_mock/snapshots/s")
                .json(&json!({}))
                .await;
            assert_eq!(
                (refused.status, &*refused.text("error")),
                (503, "unwritable"),
                "{case}: {refused}"
            );
            assert!(refused.text("message").contains(text), "{case}: {refused}");
            let ready = sandbox.get("/api/health/ready").await;
            assert_eq!(ready.status, 503, "{case}: {ready}");
            // What SQLite has read meanwhile may be wrong.
            if at_once {
                std::fs::write(&database, &complete).unwrap();
            }
        }
        let message = program.kill_after(text, 1);
        assert!(message.contains(text), "{case}: {message}");
    }
}

/// Big-endian, in the header of a SQLite file.
const APPLICATION_ID: std::ops::Range<usize> = 68..72;

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_database_is_rejected_and_unchanged() {
    let folder = TempDir::new();
    let earlier: &[u8] = include_bytes!("../support/first-schema.db");
    let mut marked = earlier.to_vec();
    marked[APPLICATION_ID].copy_from_slice(b"Mine");
    let other = String::from_utf8_lossy(b"sandboxes").into_owned();
    let mut foreign = earlier.to_vec();
    for at in 0..foreign.len() - other.len() {
        if foreign[at..].starts_with(other.as_bytes()) {
            foreign[at..at + other.len()].copy_from_slice(b"cupboards");
        }
    }
    let mut message = String::new();
    for (name, bytes) in [("marked.db", marked), ("tables.db", foreign)] {
        let path = folder.path(name);
        std::fs::write(&path, &bytes).unwrap();
        message += &folder.redacted(&second(&path));
        assert!(std::fs::read(&path).unwrap() == bytes, "{name} has changed");
        let log = path.with_extension("db-wal");
        assert!(!log.exists(), "{name}");
    }
    assert_snapshot!(message, @"
    civitai-oauth-mock: cannot open the database <folder>/marked.db: it is another program's SQLite database (application id 1298755173, user version 0, tables: _sqlx_migrations, clients, codes, consents, sandboxes, sessions, tokens, users); nothing was written to it; choose another with --database, or --database memory
    civitai-oauth-mock: cannot open the database <folder>/tables.db: it is another program's SQLite database (application id 0, user version 0, tables: _sqlx_migrations, clients, codes, consents, cupboards, sessions, tokens, users); nothing was written to it; choose another with --database, or --database memory
    ");
    // One of an earlier version is opened, and marked.
    let path = folder.path("earlier.db");
    std::fs::write(&path, earlier).unwrap();
    let (program, _) = Program::on_file(&path, None);
    assert_eq!(program.terminate(), Some(0));
    assert_eq!(&std::fs::read(&path).unwrap()[APPLICATION_ID], b"CivM");
}
