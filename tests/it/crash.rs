//! What is left after `kill -9`? Everything that was acknowledged, and nothing twice.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{AUTHORIZE, Ask, CONF, Folder, Program, REVOKE, TOKEN, Tokens, World};

const ROUNDS: u32 = 50;
const CALLERS: usize = 8;

/// What one caller was told before the server died.
#[derive(Debug, Default)]
struct Told {
    /// Access tokens, none of them revoked.
    live: Vec<String>,
    /// Codes that were exchanged.
    used: Vec<String>,
    /// Refresh tokens that were exchanged.
    rotated: Vec<String>,
    /// Access tokens that were revoked.
    revoked: Vec<String>,
}

/// What the program is told: to keep everything in this file, and to ask nobody for consent.
fn arguments(database: &Path) -> Vec<String> {
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/it/support/seed.toml");
    let database = database.display();
    [
        "--listen=127.0.0.1:0",
        "--consent=approve",
        &format!("--seed={seed}"),
        &format!("--database={database}"),
    ]
    .map(str::to_owned)
    .into()
}

fn started(database: &Path) -> (Program, World) {
    let arguments = arguments(database);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = Program::serve(&mut Program::command(&arguments));
    let world = World::at(program.base());
    (program, world)
}

/// Signs in, refreshes and revokes until the server is gone: each answer that came is noted, and no other.
async fn traffic(world: World, answers: Arc<Semaphore>) -> Told {
    let mut told = Told::default();
    while let Some(()) = once(&world, &answers, &mut told).await {}
    told
}

async fn once(world: &World, answers: &Semaphore, told: &mut Told) -> Option<()> {
    let answered = async |ask: Ask| {
        let answer = ask.attempt().await?;
        answers.add_permits(1);
        assert!(answer.status < 400, "{answer}");
        Some(answer)
    };
    let path = format!("{AUTHORIZE}?{}", CONF.asks("1").encoded());
    let code = answered(world.get(&path).header("x-mock-user", "ada"))
        .await?
        .code();
    let minted = answered(world.post(TOKEN, &CONF.redeems(&code))).await?;
    told.used.push(code);
    let first = Tokens::of(&minted);
    told.live.push(first.access);
    let minted = answered(world.post(TOKEN, &CONF.refreshes(&first.refresh))).await?;
    told.rotated.push(first.refresh);
    let gone = Tokens::of(&minted).access;
    answered(world.post(REVOKE, &CONF.revokes(&gone))).await?;
    told.revoked.push(gone);
    Some(())
}

async fn holds(world: &World, told: &Told) {
    for token in &told.live {
        assert!(world.is_live(token).await, "an acknowledged token is gone");
    }
    for token in &told.revoked {
        assert!(!world.is_live(token).await, "a revoked token is back");
    }
    for code in &told.used {
        let again = world.token(&CONF.redeems(code)).await;
        assert_eq!(again.status, 400, "a code was exchanged twice: {again}");
    }
    for token in &told.rotated {
        let again = world.token(&CONF.refreshes(token)).await;
        assert_eq!(
            again.status, 400,
            "a refresh token was exchanged twice: {again}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_outlives_fifty_kills() {
    let folder = Folder::new();
    let database = folder.path("mock.db");
    let (mut acknowledged, mut last) = (0, Told::default());
    for round in 0..ROUNDS {
        let (program, world) = started(&database);
        holds(&world, &last).await;
        let mut callers = JoinSet::new();
        let answers = Arc::new(Semaphore::new(0));
        for _ in 0..CALLERS {
            callers.spawn(traffic(world.clone(), Arc::clone(&answers)));
        }
        // Each round dies at another moment of its traffic, the first ones in the middle of their first answers.
        let enough = answers.acquire_many(1 + 2 * round).await;
        enough.expect("it is never closed").forget();
        // Dropped: killed at once, without a word.
        drop(program);
        last = Told::default();
        for one in callers.join_all().await {
            last.live.extend(one.live);
            last.used.extend(one.used);
            last.rotated.extend(one.rotated);
            last.revoked.extend(one.revoked);
        }
        acknowledged += last.live.len();
    }
    let (_program, world) = started(&database);
    holds(&world, &last).await;
    assert!(acknowledged > 50, "{acknowledged} tokens are no traffic");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing() {
    let folder = Folder::new();
    let database = folder.path("mock.db");
    let arguments = arguments(&database);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // What a write beyond the limit is answered with is a signal, unless nobody listens to it: then it is an error.
    let script = r#"trap '' XFSZ; exec "$0" "$@""#;
    let program = Program::serve(&mut Program::command_of_script(script, &arguments));
    let world = World::at(program.base());
    let before = world.tokens(&CONF, "1").await;

    let code = world.code(&CONF, "1").await;
    let later = world.tokens(&CONF, "1").await;

    program.limit_files("0");
    for sent in [
        CONF.refreshes(&before.refresh),
        CONF.redeems(&code),
        CONF.refreshes(&later.refresh),
    ] {
        let refused = world.token(&sent).await;
        assert_eq!(refused.status, 500, "{refused}");
        assert_eq!(refused.text("error"), "server_error");
    }
    assert!(world.is_live(&before.access).await, "reading goes on");

    // What was refused uses nothing up, whether it is tried again now or after the next start.
    program.limit_files("unlimited");
    let after = Tokens::of(&world.token(&CONF.refreshes(&before.refresh)).await);
    let redeemed = Tokens::of(&world.token(&CONF.redeems(&code)).await);
    drop(program);
    let (_program, world) = started(&database);
    for live in [&before, &after, &redeemed] {
        assert!(world.is_live(&live.access).await);
    }
    let renewed = world.token(&CONF.refreshes(&later.refresh)).await;
    assert_eq!(renewed.status, 200, "{renewed}");
    let again = world.token(&CONF.redeems(&code)).await;
    assert_eq!(again.status, 400, "{again}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_named_and_nothing_in_it_is_lost() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
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
    let minted = World::at(program.base());
    let minted = minted.control("POST", "/tokens", wanted).await;
    let access = minted["access_token"].as_str().expect("it was minted");
    assert_eq!(program.terminate(), Some(0));

    allow(0o555);
    let refused = command().output().expect("the program was built");
    let said = folder.redacted(&String::from_utf8_lossy(&refused.stderr));
    assert_eq!(refused.status.code(), Some(1), "{said}");
    insta::assert_snapshot!(said, @"civitai-oauth-mock: cannot open the database <folder>/data/mock.db: error returned from database: (code: 1544) attempt to write a readonly database; the folder must be there, and this user write in it; choose another with --database, or --database memory");

    allow(0o777);
    let program = Program::serve(&mut command());
    assert!(World::at(program.base()).is_live(access).await);
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_opened_and_its_tokens_work() {
    let folder = Folder::new();
    let database = folder.path("first.db");
    std::fs::write(&database, include_bytes!("support/first-schema.db")).expect("a copy");
    let (_program, world) = started(&database);
    // As the rows of that file say: tokens of ada's, whose hashes it has, and the consent that she gave.
    let access = format!("civitai_{}", "a".repeat(36));
    let refresh = format!("civitai_{}", "b".repeat(36));
    assert!(world.is_live(&access).await);
    let renewed = world.token(&CONF.refreshes(&refresh)).await;
    assert_eq!(renewed.status, 200, "{renewed}");
    let consents = world.get("/_mock/consents").await.json();
    assert_eq!(consents["consents"][0]["scope"], "7", "{consents}");
}
