//! A full disk: rejected operations have no effect, acknowledged ones are stored, and writing resumes automatically.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    CONF, DEVICE_APPROVE, Device, Program, SPA, SandboxClient, SpendingApp, Stopwatch, TempDir,
    Tokens,
};

/// The slowest disk that the test accepts.
const LONGEST: Duration = Duration::from_mins(1);

/// A server whose disk can be filled, and its default sandbox.
struct Disk {
    program: Program,
    mock: SandboxClient,
    database: std::path::PathBuf,
}

impl Disk {
    fn new(folder: &TempDir) -> Self {
        let database = folder.path("mock.db");
        let (program, mock) = Program::on_file(&database, None);
        Self {
            program,
            mock,
            database,
        }
    }

    /// Sends a control call while the disk is full, which fails with 503.
    async fn refuses(&self, method: &str, path: &str, input: Value) {
        self.program.limit_files("0");
        let refused = self
            .mock
            .request(method, &format!("/_mock{path}"))
            .json(&input)
            .await;
        self.program.limit_files("unlimited");
        assert_eq!(
            (refused.status, &*refused.text("error")),
            (503, "unwritable"),
            "{path}: {refused}"
        );
        let message = refused.text("message");
        assert!(
            message.contains("changes are not acknowledged"),
            "{refused}"
        );
        self.wait_until_ready().await;
    }

    /// Waits until the server is ready, without a restart or another action.
    async fn wait_until_ready(&self) {
        let began = Stopwatch::start();
        while began.elapsed() < LONGEST {
            let ready = self.mock.get("/api/health/ready").await;
            // A disk may be slow; any other answer would be wrong.
            if ready.status != 503 || ready.text("error") != "timeout" {
                assert_eq!(ready.status, 200, "{ready}");
                return;
            }
        }
        panic!("the disk is too slow for any test");
    }

    /// The same after a restart.
    fn again(self) -> Self {
        let Self {
            program, database, ..
        } = self;
        assert_eq!(program.terminate(), Some(0));
        let (program, mock) = Program::on_file(&database, None);
        Self {
            program,
            mock,
            database,
        }
    }

    async fn user(&self, name: &str) {
        self.mock
            .control("POST", "/users", json!({ "username": name }))
            .await;
    }

    async fn users(&self) -> Vec<String> {
        let users = self.mock.users().await.into_iter();
        users
            .map(|user| user["username"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_rejects_writes_and_loses_nothing() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let (program, mock) = Program::on_file(&database, None);
    let before = mock.tokens(&CONF, "1").await;

    let code = mock.code(&CONF, "1").await;
    let later = mock.tokens(&CONF, "1").await;

    program.limit_files("0");
    for sent in [
        CONF.refresh_params(&before.refresh),
        CONF.redeem_params(&code),
        CONF.refresh_params(&later.refresh),
    ] {
        let refused = mock.token(&sent).await;
        assert_eq!(
            (refused.status, &*refused.text("error")),
            (503, "unwritable"),
            "{refused}"
        );
        assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
        assert!(refused.body.contains("mock.db cannot be written"));
    }
    assert!(mock.is_active(&before.access).await, "reading goes on");

    // What was refused uses nothing up, whether it is tried again now or after the next start.
    program.limit_files("unlimited");
    let after = Tokens::from_response(&mock.token(&CONF.refresh_params(&before.refresh)).await);
    let redeemed = Tokens::from_response(&mock.token(&CONF.redeem_params(&code)).await);
    drop(program);
    let (_program, mock) = Program::on_file(&database, None);
    for live in [&before, &after, &redeemed] {
        assert!(mock.is_active(&live.access).await);
    }
    let renewed = mock.token(&CONF.refresh_params(&later.refresh)).await;
    assert_eq!(renewed.status, 200, "{renewed}");
    let again = mock.token(&CONF.redeem_params(&code)).await;
    assert_eq!(again.status, 400, "{again}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_named_and_nothing_in_it_is_lost() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new();
    let inside = folder.path("data");
    let allow = |mode| {
        let set = std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(mode));
        set.expect("the folder is ours");
    };
    std::fs::create_dir(&inside).expect("a folder");
    allow(0o777);
    let database = format!("--database={}", inside.join("mock.db").display());
    let arguments = ["--listen=127.0.0.1:0", "--consent=approve", &database];
    let command = || Program::unprivileged(&folder, &arguments);

    let program = Program::serve(&mut command());
    let wanted = json!({ "user": "ada", "client_id": "dec0de00-0000-4000-8000-000000000001" });
    let issued = SandboxClient::at(program.base());
    let issued = issued.control("POST", "/tokens", wanted).await;
    let access = issued["access_token"].as_str().expect("it was issued");
    assert_eq!(program.terminate(), Some(0));

    allow(0o555);
    let refused = command().output().expect("the program was built");
    let message = folder.redacted(&String::from_utf8_lossy(&refused.stderr));
    assert_eq!(refused.status.code(), Some(1), "{message}");
    insta::assert_snapshot!(message, @"civitai-oauth-mock: cannot open the database <folder>/data/mock.db: attempt to write a readonly database (SQLite code 1544); this user must be able to write to the file and to its folder; choose another with --database, or --database memory");

    allow(0o777);
    let program = Program::serve(&mut command());
    assert!(SandboxClient::at(program.base()).is_active(access).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_reset_or_restore_has_no_effect() {
    let folder = TempDir::new();
    let mut disk = Disk::new(&folder);
    disk.user("early").await;
    disk.mock.control("POST", "/snapshots/s", json!({})).await;
    for path in ["/reset", "/snapshots/s/restore"] {
        disk.user("before").await;
        disk.refuses("POST", path, json!({})).await;
        let users = disk.users().await;
        assert!(users.contains(&"before".to_owned()), "{path}: {users:?}");
        let name = format!("after{}", path.len());
        disk.user(&name).await;
        let tokens = disk.mock.tokens(&CONF, "1").await;
        let users = disk.users().await;
        assert!(users.contains(&name), "{path}: {users:?}");
        disk = disk.again();
        assert_eq!(disk.users().await, users, "{path}");
        assert!(disk.mock.is_active(&tokens.access).await, "{path}");
        // Once there is room, the same operation succeeds.
        disk.mock.control("POST", path, json!({})).await;
        assert!(!disk.users().await.contains(&name), "{path}");
        assert!(!disk.mock.is_active(&tokens.access).await, "{path}");
    }
    assert!(disk.users().await.contains(&"early".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_snapshot_can_be_taken_and_deleted_later() {
    let folder = TempDir::new();
    let disk = Disk::new(&folder);
    disk.user("early").await;
    disk.refuses("POST", "/snapshots/s", json!({})).await;
    assert_eq!(disk.mock.get("/_mock/snapshots/s").await.status, 404);
    disk.mock.control("POST", "/snapshots/s", json!({})).await;
    disk.user("late").await;
    disk.refuses("DELETE", "/snapshots/s", json!({})).await;
    assert_eq!(disk.mock.get("/_mock/snapshots/s").await.status, 200);
    disk.mock.control("POST", "/snapshots/s", json!({})).await;
    let disk = disk.again();
    disk.mock.control("POST", "/reset", json!({})).await;
    disk.mock
        .control("POST", "/snapshots/s/restore", json!({}))
        .await;
    let users = disk.users().await;
    assert!(users.contains(&"late".to_owned()), "{users:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_creation_or_deletion_leaves_sandboxes_consistent() {
    let folder = TempDir::new();
    let mut disk = Disk::new(&folder);
    let made = json!({ "name": "x", "settings": { "consent": "approve" } });
    disk.refuses("POST", "/sandboxes", made.clone()).await;
    disk.mock.control("POST", "/sandboxes", made).await;
    let old = disk.mock.sandbox("x").tokens(&CONF, "1").await;
    disk.refuses("DELETE", "/sandboxes/x", json!({})).await;
    let new = disk.mock.sandbox("x").tokens(&CONF, "1").await;
    for at in 0..2 {
        let sandbox = disk.mock.sandbox("x");
        assert!(sandbox.is_active(&new.access).await, "{at}");
        assert!(sandbox.is_active(&old.access).await, "it was not deleted");
        disk = disk.again();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_operation_can_be_retried_once() {
    let folder = TempDir::new();
    let mut disk = Disk::new(&folder);
    let clock = disk.mock.control("POST", "/clock/freeze", json!({})).await["now"].clone();
    disk.refuses("POST", "/clock/advance", json!({ "by": "1h" }))
        .await;
    disk.refuses("POST", "/clients/conf/rotate-secret", json!({}))
        .await;
    let sent = [
        ("POST", "/users", json!({ "username": "once" })),
        ("POST", "/clients", json!({ "id": "once", "name": "Once" })),
        (
            "PATCH",
            "/users/tess",
            json!({ "username": "tess2", "buzz": { "yellow": 7 } }),
        ),
    ];
    for (method, path, input) in &sent {
        disk.refuses(method, path, input.clone()).await;
    }
    let buzz =
        async |mock: &SandboxClient| mock.get("/_mock/users/ada").await.json()["buzz"].clone();
    let spender = SpendingApp::funded(&disk.mock, &SPA, 100).await;
    let before = buzz(&disk.mock).await;
    disk.program.limit_files("0");
    let refused = spender.submit(&json!({ "cost": 30 })).await;
    assert_eq!(refused.status, 503, "{refused}");
    disk.program.limit_files("unlimited");
    disk.wait_until_ready().await;
    disk.mock.register_cli().await;
    let device = Device::from_response(&disk.mock.ask_device("cli", "1").await);
    let cookie = disk.mock.session("ada").await;
    let approves = || {
        let input = json!({ "user_code": device.user_code });
        disk.mock
            .request("POST", DEVICE_APPROVE)
            .json(&input)
            .cookie(&cookie)
    };
    disk.program.limit_files("0");
    assert_eq!(approves().await.status, 503);
    disk.program.limit_files("unlimited");
    disk.wait_until_ready().await;
    let approved = approves().await;
    assert_eq!(approved.status, 200, "{approved}");
    disk = disk.again();

    let shown = disk.mock.control("GET", "/clock", json!({})).await;
    assert_eq!(shown["now"], clock);
    assert_eq!(buzz(&disk.mock).await, before, "nothing was paid");
    let answer = disk.mock.token(&CONF.client_credentials()).await;
    assert_eq!(answer.status, 200, "the old secret is valid");
    for (method, path, input) in sent {
        disk.mock.control(method, path, input).await;
    }
    assert_eq!(disk.mock.poll(&device).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_sandbox_creation_takes_no_slot() {
    let folder = TempDir::new();
    // The default one and two more.
    let script = r#"export CIVITAI_MOCK_MAX_SANDBOXES=3; exec "$0" "$@""#;
    let (program, mock) = Program::on_file(&folder.path("mock.db"), Some(script));
    let request = CONF.client_credentials();
    let asks = async |name: &str| mock.sandbox(name).token(&request).await.status;
    program.limit_files("0");
    for name in ["a", "b", "c", "d"] {
        assert_eq!(asks(name).await, 503, "{name}");
    }
    program.limit_files("unlimited");
    assert_eq!(mock.get("/api/health/ready").await.status, 200);
    assert_eq!((asks("x").await, asks("y").await), (200, 200));
    assert_eq!(asks("z").await, 503, "there are as many as there may be");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn moved_database_file_acknowledges_nothing_until_restored() {
    let folder = TempDir::new();
    let disk = Disk::new(&folder);
    let elsewhere = folder.path("elsewhere.db");
    std::fs::rename(&disk.database, &elsewhere).unwrap();
    let ready = disk.mock.get("/api/health/ready").await;
    assert_eq!(ready.status, 503, "{ready}");
    assert!(
        ready.body.contains("it was moved, removed or replaced"),
        "{ready}"
    );
    std::fs::rename(&elsewhere, &disk.database).unwrap();
    disk.user("back").await;
    assert!(disk.again().users().await.contains(&"back".to_owned()));
}

#[cfg(unix)]
#[test]
fn database_file_has_one_server_under_any_name() {
    let folder = TempDir::new();
    let _first = Disk::new(&folder);
    let link = folder.path("link.db");
    std::os::unix::fs::symlink(folder.path("mock.db"), &link).unwrap();
    let second = format!("--database={}", link.display());
    let second = Program::output(&["--listen=127.0.0.1:0", &second]);
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains("another server has it open"), "{message}");
}

/// As with `civitai-oauth-mock 2>&1 | grep -m1 listening`, and with a fixture that takes the pipe and forgets it.
#[tokio::test(flavor = "multi_thread")]
async fn closed_or_unread_log_output_does_not_block() {
    for leaves in [true, false] {
        let folder = TempDir::new();
        let mut disk = Disk::new(&folder);
        if leaves {
            disk.program.close_log();
        }
        // More lines than a pipe holds.
        disk.program.limit_files("0");
        for _ in 0..500 {
            let refused = disk.mock.token(&CONF.client_credentials()).await;
            assert_eq!(refused.status, 503, "{refused}");
        }
        disk.program.limit_files("unlimited");
        disk.wait_until_ready().await;
        disk.user("late").await;
        // Within 2 s, and as it should.
        assert_eq!(disk.program.terminate(), Some(0), "{leaves}");
    }
}

/// The exchange of a code is written completely or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn nearly_full_disk_consumes_no_code() {
    let folder = TempDir::new();
    let disk = Disk::new(&folder);
    let log = disk.database.with_extension("db-wal");
    let log_bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
    // The log is written from its start again before it grows.
    let bytes = log_bytes();
    while log_bytes() == bytes {
        disk.mock.code(&CONF, "1").await;
    }
    let mut refused = 0;
    for pages in 0..6 {
        let code = disk.mock.code(&CONF, "1").await;
        let room = log_bytes() + 4120 * pages;
        disk.program.limit_files(&room.to_string());
        let first = disk.mock.token(&CONF.redeem_params(&code)).await;
        disk.program.limit_files("unlimited");
        if first.status == 200 {
            continue;
        }
        refused += 1;
        disk.wait_until_ready().await;
        let second = disk.mock.token(&CONF.redeem_params(&code)).await;
        assert_eq!(second.status, 200, "{pages}: {second}");
    }
    assert!(refused > 0, "there was room for all of it");
}
