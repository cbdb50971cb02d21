//! `MockServer`: several servers in one process, the builder, and sandboxes. Operations are in `operations.rs`.

use std::time::Duration;

use civitai_oauth_mock::control::{Endpoint, Expect, Filter, GrantFilter, NewTokens, UserSpec};
use civitai_oauth_mock::{ConsentMode, Contract, Difference, MockServer, Scope};
use insta::assert_snapshot;

use crate::support::{CONF, SandboxClient};

const SEED: &str = include_str!("../support/seed.toml");

#[tokio::test]
async fn fifty_servers_in_one_process_share_nothing() {
    let mut running = tokio::task::JoinSet::new();
    for at in 0..50_i64 {
        running.spawn(async move {
            let server = MockServer::start().await;
            let name = format!("user-{at}");
            let user = UserSpec::named(&name).id(1000 + at);
            server.create_user(user).await.unwrap();
            let client = "dec0de00-0000-4000-8000-000000000001";
            let new_tokens = NewTokens::new(client, &name, Scope::USER_READ);
            let tokens = server.issue_tokens(new_tokens).await.unwrap();
            let seconds = u64::try_from(at).unwrap();
            server
                .advance_clock(Duration::from_secs(seconds))
                .await
                .unwrap();
            (server, at, tokens.access_token)
        });
    }
    let servers = running.join_all().await;
    for (server, at, token) in &servers {
        let user = SandboxClient::at(server.base_url())
            .userinfo(token.reveal())
            .await;
        assert_eq!(user.text("username"), format!("user-{at}"));
        assert_eq!(server.tokens(GrantFilter::all()).await.unwrap().len(), 2);
        let once = Expect::endpoint(Endpoint::Userinfo).times(1);
        server.verify([once, Expect::any().times(1)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let server = MockServer::start().await;
    let health = format!("{}/api/health", server.base_url());
    assert!(reqwest::get(&health).await.is_ok());
    let handle = server.sandbox("kept").unwrap();
    drop(server);
    let mut tries = 0;
    // The task that listens learns of it at its next turn.
    while reqwest::get(&health).await.is_ok() {
        tries += 1;
        assert!(tries < 1000, "it still answers");
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.name(), "kept", "a handle keeps no server running");
    let server = MockServer::start().await;
    let health = format!("{}/api/health", server.base_url());
    server.stop().await;
    assert!(reqwest::get(&health).await.is_err());
}

#[tokio::test]
async fn builder_options_take_effect() {
    let server = MockServer::builder()
        .seed(SEED)
        .unwrap()
        .contract(Contract::Live)
        .difference(Difference::ScopeShape, Contract::Documented)
        .login("ada")
        .consent(ConsentMode::Approve)
        .entropy_seed(7)
        .start()
        .await
        .unwrap();
    let sandbox = SandboxClient::at(server.base_url());
    let scope = "1".parse::<Scope>().expect("a scope");
    let challenge = CONF
        .authorize_params("1")
        .get("code_challenge")
        .unwrap_or_default()
        .to_owned();
    let url = server.authorize_url(CONF.id, CONF.redirect_uri, scope, ("xyz", &challenge));
    let path = url
        .strip_prefix(&server.base_url())
        .expect("an URL of this server")
        .to_owned();
    assert_snapshot!(path, @"/api/auth/oauth/authorize?client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&response_type=code&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
    let sent = sandbox.get(&path).await;
    assert_eq!(sent.status, 303, "live");
    assert_eq!(
        sandbox
            .token(&CONF.redeem_params(&sent.code()))
            .await
            .text("scope"),
        "1",
        "documented"
    );
    let wrong = MockServer::builder()
        .seed("[[users]]\nid = 1\nnam = \"x\"\n")
        .unwrap_err();
    assert_snapshot!(wrong, @r#"seed:3: users[0].nam: unknown key "nam"; choose among id, username, email, email_verified, image, moderator, tier, roles, subscriptions, muted, banned, deleted, buzz"#);
    let unknown = MockServer::builder().login("adda").start().await;
    assert_snapshot!(unknown.unwrap_err(), @r#"login: no user "adda"; name a user by id or username: ada, grace, linus"#);
}

#[tokio::test]
async fn sandbox_has_the_same_methods_and_its_own_address() {
    let server = MockServer::start().await;
    let client = "dec0de00-0000-4000-8000-000000000001";
    let new_tokens = || NewTokens::new(client, "ada", Scope::USER_READ);
    let checkout = server.sandbox("checkout").unwrap();
    assert_eq!(
        checkout.base_url(),
        format!("{}/_sandbox/checkout", server.base_url())
    );
    let url = checkout.authorize_url(client, "http://localhost/cb", Scope::USER_READ, ("x", "y"));
    assert!(url.starts_with(&format!(
        "{}/api/auth/oauth/authorize?",
        checkout.base_url()
    )));

    let tokens = checkout.issue_tokens(new_tokens()).await.unwrap();
    let (here, there) = (
        SandboxClient::at(checkout.base_url()),
        SandboxClient::at(server.base_url()),
    );
    assert!(here.is_active(tokens.access_token.reveal()).await);
    assert!(!there.is_active(tokens.access_token.reveal()).await);
    checkout
        .advance_clock(Duration::from_secs(3601))
        .await
        .unwrap();
    assert!(!here.is_active(tokens.access_token.reveal()).await);
    let came = checkout.requests(Filter::any()).await.unwrap();
    assert_eq!(came.counters.total, 2);
    assert_eq!(
        server.requests(Filter::any()).await.unwrap().counters.total,
        1
    );

    // A handle to a deleted sandbox opens a new one of the same name.
    let same = checkout.clone();
    server.delete_sandbox("checkout").await.unwrap();
    assert_eq!(same.tokens(GrantFilter::all()).await.unwrap(), []);
    assert_eq!(same.requests(Filter::any()).await.unwrap().requests, []);
    let wrong = server.sandbox("a/b").unwrap_err();
    assert_snapshot!(wrong, @r#"name: "a/b" is not a valid name: it contains '/'; use at most 64 letters, digits, - _ ."#);
}
