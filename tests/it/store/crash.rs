//! `kill -9`: everything acknowledged is stored, once.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{
    AUTHORIZE, CONF, Program, REVOKE, SandboxClient, TOKEN, TempDir, TestRequest, Tokens,
};

const ROUNDS: u32 = 50;
const CALLERS: usize = 8;

/// The answers that one caller got before the server was killed.
#[derive(Debug, Default)]
struct Answers {
    /// Access tokens, none of them revoked.
    live: Vec<String>,
    /// Codes that were exchanged.
    used: Vec<String>,
    /// Refresh tokens that were exchanged.
    rotated: Vec<String>,
    /// Access tokens that were revoked.
    revoked: Vec<String>,
}

/// Signs in, refreshes and revokes until the server is killed. Only answers that came are noted.
async fn traffic(sandbox: SandboxClient, answers: Arc<Semaphore>) -> Answers {
    let mut seen = Answers::default();
    while let Some(()) = once(&sandbox, &answers, &mut seen).await {}
    seen
}

async fn once(sandbox: &SandboxClient, answers: &Semaphore, seen: &mut Answers) -> Option<()> {
    let answered = async |ask: TestRequest| {
        let answer = ask.attempt().await?;
        answers.add_permits(1);
        assert!(answer.status < 400, "{answer}");
        Some(answer)
    };
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let code = answered(sandbox.get(&path).header("x-mock-user", "ada"))
        .await?
        .code();
    let issued = answered(sandbox.post(TOKEN, &CONF.redeem_params(&code))).await?;
    seen.used.push(code);
    let first = Tokens::from_response(&issued);
    seen.live.push(first.access);
    let issued = answered(sandbox.post(TOKEN, &CONF.refresh_params(&first.refresh))).await?;
    seen.rotated.push(first.refresh);
    let revoked = Tokens::from_response(&issued).access;
    answered(sandbox.post(REVOKE, &CONF.revoke_params(&revoked))).await?;
    seen.revoked.push(revoked);
    Some(())
}

async fn holds(sandbox: &SandboxClient, seen: &Answers) {
    for token in &seen.live {
        assert!(
            sandbox.is_active(token).await,
            "an acknowledged token is lost"
        );
    }
    for token in &seen.revoked {
        assert!(!sandbox.is_active(token).await, "a revoked token is back");
    }
    for code in &seen.used {
        let again = sandbox.token(&CONF.redeem_params(code)).await;
        assert_eq!(again.status, 400, "a code was exchanged twice: {again}");
    }
    for token in &seen.rotated {
        let again = sandbox.token(&CONF.refresh_params(token)).await;
        assert_eq!(
            again.status, 400,
            "a refresh token was exchanged twice: {again}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_fifty_kills() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let (mut acknowledged, mut last) = (0, Answers::default());
    for round in 0..ROUNDS {
        let (program, sandbox) = Program::on_file(&database, None);
        holds(&sandbox, &last).await;
        let mut callers = JoinSet::new();
        let answers = Arc::new(Semaphore::new(0));
        for _ in 0..CALLERS {
            callers.spawn(traffic(sandbox.clone(), Arc::clone(&answers)));
        }
        // Each round dies at another moment of its traffic, the first ones in the middle of their first answers.
        let enough = answers.acquire_many(1 + 2 * round).await;
        enough.expect("it is never closed").forget();
        // Dropped: killed at once, without a word.
        drop(program);
        last = Answers::default();
        for one in callers.join_all().await {
            last.live.extend(one.live);
            last.used.extend(one.used);
            last.rotated.extend(one.rotated);
            last.revoked.extend(one.revoked);
        }
        acknowledged += last.live.len();
    }
    let (_program, sandbox) = Program::on_file(&database, None);
    holds(&sandbox, &last).await;
    assert!(acknowledged > 50, "{acknowledged} tokens are no traffic");
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_opened_and_its_tokens_work() {
    let folder = TempDir::new();
    let database = folder.path("first.db");
    std::fs::write(&database, include_bytes!("../support/first-schema.db")).expect("a copy");
    let (_program, sandbox) = Program::on_file(&database, None);
    // As the rows of that file say: tokens of ada's, whose hashes it has, and the consent that she gave.
    let access = format!("civitai_{}", "a".repeat(36));
    let refresh = format!("civitai_{}", "b".repeat(36));
    assert!(sandbox.is_active(&access).await);
    let renewed = sandbox.token(&CONF.refresh_params(&refresh)).await;
    assert_eq!(renewed.status, 200, "{renewed}");
    let consents = sandbox.get("/_mock/consents").await.json();
    assert_eq!(consents["consents"][0]["scope"], "7", "{consents}");
}
