//! A database in a file: what is there after a restart.

use std::path::Path;

use civitai_oauth_mock::{Contract, Database, Server};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, Program, SandboxClient, TempDir, TestServer, config};

async fn in_file(path: &Path) -> TestServer {
    let mut config = config(Contract::Documented);
    config.database = Database::File(path.to_owned());
    TestServer::start(config).await
}

#[tokio::test]
async fn restart_continues_with_the_stored_data() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    let sandbox = mock.sandbox("mine");
    sandbox.advance(7200).await;
    let cookie = sandbox.session("ada").await;
    sandbox
        .approve(&CONF.authorize_params("7").and("remember", "true"))
        .await;
    let tokens = sandbox.tokens(&CONF, "5").await;
    let code = sandbox.code(&CONF, "1").await;
    sandbox
        .control("POST", "/users", json!({ "username": "eve" }))
        .await;
    sandbox
        .control("POST", "/clients", json!({ "id": "new", "name": "New" }))
        .await;
    let before = sandbox.get("/_mock/clock").await.json()["unix_ms"]
        .as_i64()
        .unwrap();
    mock.stop().await;

    let mock = in_file(&path).await;
    let sandbox = mock.sandbox("mine");
    let after = sandbox.get("/_mock/clock").await.json();
    assert_eq!(
        after["state"],
        json!({ "running": { "ahead_ms": 7_200_000 } })
    );
    assert!(after["unix_ms"].as_i64().unwrap() >= before);
    assert!(sandbox.is_active(&tokens.access).await);
    assert_eq!(
        sandbox
            .token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        200
    );
    assert_eq!(sandbox.token(&CONF.redeem_params(&code)).await.status, 200);
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("7").encoded());
    let remembered = sandbox.get(&path).cookie(&cookie).await;
    assert_eq!(
        remembered.status, 302,
        "session and consent are there: {remembered}"
    );
    assert_eq!(sandbox.get("/_mock/users/eve").await.status, 200);
    assert_eq!(sandbox.get("/_mock/clients/new").await.status, 200);
    assert!(
        !mock.is_active(&tokens.access).await,
        "another sandbox's it never was"
    );
    mock.stop().await;
}

#[tokio::test]
async fn used_up_codes_and_tokens_stay_used_up_after_a_restart() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    let code = mock.code(&CONF, "1").await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 200);
    let old = mock.tokens(&CONF, "1").await;
    mock.token(&CONF.refresh_params(&old.refresh)).await;
    let revoked = mock.tokens(&CONF, "1").await;
    mock.revoke(&CONF.revoke_params(&revoked.refresh)).await;
    mock.stop().await;
    let mock = in_file(&path).await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 400);
    assert_eq!(
        mock.token(&CONF.refresh_params(&old.refresh)).await.status,
        400
    );
    assert_eq!(
        mock.token(&CONF.refresh_params(&revoked.refresh))
            .await
            .status,
        400
    );
    assert!(!mock.is_active(&revoked.access).await);
    mock.stop().await;
}

#[tokio::test]
async fn a_changed_seed_wins_over_the_rows_of_the_same_ids() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    mock.control("PATCH", "/clients/conf", json!({ "name": "Renamed" }))
        .await;
    mock.stop().await;
    let mock = in_file(&path).await;
    assert_eq!(
        mock.get("/_mock/clients/conf").await.text("name"),
        "Conf App"
    );
    mock.stop().await;
}

#[tokio::test]
async fn no_secret_is_in_the_file() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    let cookie = mock.session("ada").await;
    let (code, tokens) = (mock.code(&CONF, "1").await, mock.tokens(&CONF, "1").await);
    mock.stop().await;
    let bytes = std::fs::read(&path).unwrap();
    let value = cookie.strip_prefix("civ-token=").unwrap();
    for secret in [value, &code, &tokens.access, &tokens.refresh, "secret-conf"] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in the database");
    }
}

#[tokio::test]
async fn unusable_database_is_reported_at_start() {
    let folder = TempDir::new();
    let mut message = String::new();
    let broken = folder.write("broken.db", &"this is no database ".repeat(100));
    for path in [
        folder.path("no/such/folder/mock.db"),
        folder.path(""),
        broken,
    ] {
        let mut config = config(Contract::Documented);
        config.database = Database::File(path);
        let error = Server::start(config).await.expect_err("it cannot start");
        message += &format!("{}\n", folder.redacted(&error.to_string()));
    }
    assert_snapshot!(message, @"
    cannot open the database <folder>/no/such/folder/mock.db: it cannot be created: No such file or directory (os error 2); the folder must exist, and this user must be able to write to it; choose another with --database, or --database memory
    cannot open the database <folder>/: it is not a file; choose another with --database, or --database memory
    cannot open the database <folder>/broken.db: it is not an SQLite database; nothing was written to it; choose another with --database, or --database memory
    ");
}

#[tokio::test]
async fn occupied_address_is_reported_at_start() {
    let mock = TestServer::documented().await;
    let mut config = config(Contract::Documented);
    config.listen = mock.server().address();
    let error = Server::start(config)
        .await
        .expect_err("it is taken")
        .to_string();
    // The number of the error is another on every system.
    let error = error
        .replace("(os error 98)", "(os error)")
        .replace("(os error 48)", "(os error)");
    assert_snapshot!(crate::support::redacted(&error, mock.server().address().port()), @"cannot listen on mock: Address already in use (os error); choose another with --listen (port 0 selects a free one)");
}

#[tokio::test]
async fn unknown_login_is_reported_at_start() {
    let mut config = config(Contract::Documented);
    config.set_login("adda");
    assert_snapshot!(Server::start(config).await.expect_err("no such user"), @r#"login: no user "adda"; name a user by id or username: owner, ada, tess, blank, modo, user 7"#);
}

#[tokio::test]
async fn two_servers_in_one_process_share_nothing() {
    let (one, two) = (
        TestServer::documented().await,
        TestServer::documented().await,
    );
    let tokens = one.tokens(&CONF, "1").await;
    assert!(one.is_active(&tokens.access).await && !two.is_active(&tokens.access).await);
}

#[tokio::test]
async fn entropy_seed_makes_runs_identical() {
    let run = async || {
        let mut config = config(Contract::Documented);
        config.entropy_seed = Some(7);
        let mock = TestServer::start(config).await;
        let tokens = mock.tokens(&CONF, "1").await;
        let elsewhere = mock.sandbox("x").tokens(&CONF, "1").await;
        assert_ne!(tokens.access, elsewhere.access);
        (tokens.access, tokens.refresh, elsewhere.access)
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn entropy_seed_gives_new_values_in_each_run_with_a_file() {
    let folder = TempDir::new();
    let run = async |path: &Path| {
        let mut config = config(Contract::Documented);
        config.database = Database::File(path.to_owned());
        config.entropy_seed = Some(7);
        let mock = TestServer::start(config).await;
        let mut issued = Vec::new();
        for sandbox in [&*mock, &mock.sandbox("x")] {
            let tokens = sandbox.tokens(&CONF, "1").await;
            issued.extend([tokens.access, tokens.refresh]);
        }
        let stored = mock.control("GET", "/tokens", json!({})).await["tokens"]
            .as_array()
            .map_or(0, Vec::len);
        mock.stop().await;
        (issued, stored)
    };
    let (one, other) = (folder.path("one.db"), folder.path("other.db"));
    let (first, few) = run(&one).await;
    let (second, more) = run(&one).await;
    assert!(second.iter().all(|token| !first.contains(token)));
    assert_eq!((few, more), (2, 4), "no row takes another's place");
    // The same history gives the same values.
    assert_eq!(run(&other).await.0, first);
    assert_eq!(run(&other).await.0, second);
}

/// Each connection to SQLite is a thread, and it does not give back the descriptors of all that were ever open at once.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn concurrent_reads_of_many_sandboxes_take_few_connections() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let arguments = ["--listen", "127.0.0.1:0", "--database"];
    let arguments = [&arguments[..], &[database.to_str().unwrap()]].concat();
    let open_all = async |program: &Program| {
        let mut callers = tokio::task::JoinSet::new();
        for at in 0..60 {
            let sandbox = SandboxClient::at(format!("{}/_sandbox/s{at}", program.base()));
            callers.spawn(async move { sandbox.request("GET", "/_mock/tokens").await.status });
        }
        assert_eq!(callers.join_all().await, [200; 60]);
    };
    let earlier = Program::serve(&mut Program::command(&arguments));
    open_all(&earlier).await;
    assert_eq!(earlier.terminate(), Some(0));
    let left: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!left.contains(&"mock.db-wal".to_owned()), "{left:?}");

    let program = Program::serve(&mut Program::command(&arguments));
    open_all(&program).await;
    let files = std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap();
    let open: Vec<_> = files
        .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
        .filter(|file| file.starts_with(&folder))
        .collect();
    let count = |name: &str| open.iter().filter(|file| file.ends_with(name)).count();
    // One connection writes and one to four read. Each has the database and its log open.
    let connections = count("mock.db-wal");
    assert!((2..=5).contains(&connections), "{open:?}");
    // The others are two locks, one of them on the database, and the index of the log.
    assert_eq!(count("mock.db"), connections + 1, "{open:?}");
    assert_eq!(open.len(), 2 * connections + 3, "{open:?}");
}

/// It holds the private keys of id tokens.
#[cfg(unix)]
#[tokio::test]
async fn database_file_is_private_and_neighbors_are_untouched() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    folder.write("mock.db-lock", "another program");
    let mock = in_file(&path).await;
    mock.tokens(&CONF, "1").await;
    let mut looked_at = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        if file.file_name() == "mock.db-lock" {
            assert_eq!(
                std::fs::read_to_string(file.path()).unwrap(),
                "another program"
            );
        } else {
            looked_at += 1;
            assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        }
    }
    assert_eq!(looked_at, 3, "the file, its log, and the index of that");
    mock.stop().await;
}

#[tokio::test]
async fn recreated_user_keeps_the_name_and_the_seeds_user_is_skipped() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    let names = async |sandbox: &SandboxClient| {
        let users = sandbox.users().await.into_iter();
        let shown = users.map(|user| format!("{} {}", user["id"], user["username"]));
        shown.collect::<Vec<_>>().join(", ")
    };
    let mut before = Vec::new();
    for sandbox in [&*mock, &mock.sandbox("x")] {
        assert_eq!(
            sandbox.request("DELETE", "/_mock/users/ada").await.status,
            200
        );
        sandbox
            .control("POST", "/users", json!({ "username": "ada" }))
            .await;
        before.push(names(sandbox).await);
    }
    // And two who have changed names get their own again.
    let y = mock.sandbox("y");
    let first = names(&y).await;
    for (who, name) in [("tess", "t"), ("modo", "tess"), ("t", "modo")] {
        y.control(
            "PATCH",
            &format!("/users/{who}"),
            json!({ "username": name }),
        )
        .await;
    }
    assert_ne!(names(&y).await, first);
    mock.stop().await;

    let mock = in_file(&path).await;
    for (sandbox, before) in [&*mock, &mock.sandbox("x")].into_iter().zip(&before) {
        assert_eq!(names(sandbox).await, *before);
        assert!(
            !sandbox.tokens(&CONF, "1").await.access.is_empty(),
            "ada signs in"
        );
    }
    assert_eq!(names(&mock.sandbox("y")).await, first);
    mock.stop().await;
    // What was made of it is in the file.
    let mock = in_file(&path).await;
    assert_eq!(names(&mock.sandbox("y")).await, first);
    mock.control("POST", "/reset", json!({})).await;
    assert_eq!(names(&mock).await, first);
    mock.stop().await;
}
