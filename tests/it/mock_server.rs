//! `MockServer`: the same verbs for tests in Rust, in this process.

use std::time::Duration;

use civitai_oauth_mock::{ConsentMode, Contract, Difference, MockError, MockServer, Scope};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, World};

const SEED: &str = include_str!("support/seed.toml");

async fn seeded() -> MockServer {
    MockServer::builder()
        .seed(SEED)
        .expect("well-formed")
        .start()
        .await
        .expect("a free port")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

#[tokio::test]
async fn fifty_servers_in_one_process_share_nothing() {
    let mut running = tokio::task::JoinSet::new();
    for at in 0..50_i64 {
        running.spawn(async move {
            let server = MockServer::start().await;
            server
                .create_user(json!({ "id": 1000 + at, "username": format!("user-{at}") }))
                .await
                .unwrap();
            let client = "dec0de00-0000-4000-8000-000000000001";
            let tokens = server
                .mint(client, &format!("user-{at}"), "1")
                .await
                .unwrap();
            server
                .advance(Duration::from_secs(u64::try_from(at).unwrap()))
                .await
                .unwrap();
            (server, at, text(&tokens, "access_token").to_owned())
        });
    }
    let servers = running.join_all().await;
    for (server, at, token) in &servers {
        let user = World::at(server.base_url()).userinfo(token).await;
        assert_eq!(user.text("username"), format!("user-{at}"));
        assert_eq!(
            server.tokens().await.unwrap()["tokens"]
                .as_array()
                .map(Vec::len),
            Some(2)
        );
        server
            .verify(json!([{ "endpoint": "userinfo", "times": 1 }, { "times": 1 }]))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let server = MockServer::start().await;
    let health = format!("{}/api/health", server.base_url());
    assert!(reqwest::get(&health).await.is_ok());
    drop(server);
    let mut tries = 0;
    // The task that listens learns of it at its next turn.
    while reqwest::get(&health).await.is_ok() {
        tries += 1;
        assert!(tries < 1000, "it still answers");
        tokio::task::yield_now().await;
    }
    let server = MockServer::start().await;
    let health = format!("{}/api/health", server.base_url());
    server.stop().await;
    assert!(reqwest::get(&health).await.is_err());
}

#[tokio::test]
async fn a_builder_says_what_it_starts_with() {
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
    let world = World::at(server.base_url());
    let scope = "1".parse::<Scope>().expect("a scope");
    let challenge = CONF
        .asks("1")
        .get("code_challenge")
        .unwrap_or_default()
        .to_owned();
    let url = server.authorize_url(CONF.id, CONF.redirect_uri, scope, ("xyz", &challenge));
    let path = url
        .strip_prefix(&server.base_url())
        .expect("an URL of this server")
        .to_owned();
    assert_snapshot!(path, @"/api/auth/oauth/authorize?client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&response_type=code&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
    let sent = world.get(&path).await;
    assert_eq!(sent.status, 303, "live");
    assert_eq!(
        world.token(&CONF.redeems(&sent.code())).await.text("scope"),
        "1",
        "documented"
    );
    let wrong = MockServer::builder()
        .seed("[[users]]\nid = 1\nnam = \"x\"\n")
        .unwrap_err();
    assert_snapshot!(wrong, @r#"seed:3: users[0].nam: unknown key "nam"; choose among id, username, email, email_verified, image, moderator, tier, roles, subscriptions, muted, banned, deleted, buzz"#);
    let nobody = MockServer::builder().login("adda").start().await;
    assert_snapshot!(nobody.unwrap_err(), @r#"login: no user "adda"; name a user by id or username: ada, grace, linus"#);
}

#[tokio::test]
async fn verbs_bring_the_app_into_any_state() {
    let server = seeded().await;
    let world = World::at(server.base_url());
    server.freeze().await.unwrap();
    let tokens = server.mint("conf", "ada", "AI Services").await.unwrap();
    let (access, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    server.snapshot("signed-in").await.unwrap();

    server.advance(Duration::from_secs(3601)).await.unwrap();
    assert_eq!(server.introspect(access).await.unwrap()["active"], false);
    server.restore("signed-in").await.unwrap();
    assert!(world.is_live(access).await);
    server.expire_access_tokens().await.unwrap();
    assert!(!world.is_live(access).await);

    server.preset("refresh-revoked").await.unwrap();
    assert_eq!(world.token(&CONF.refreshes(refresh)).await.status, 400);
    server.clear_faults();
    assert_eq!(world.token(&CONF.refreshes(refresh)).await.status, 200);
    server
        .fault(json!({ "endpoint": "userinfo", "effect": { "status": 503 } }))
        .unwrap();
    assert_eq!(world.userinfo("x").await.status, 503);

    let cookie = server.sign_in("tess").await.unwrap();
    assert!(cookie.starts_with("civ-token="));
    let code = server
        .issue_code(json!({ "client_id": "conf", "user": "tess" }))
        .await
        .unwrap();
    let redeem = CONF
        .redeems(text(&code, "code"))
        .with("code_verifier", text(&code, "code_verifier"));
    assert_eq!(world.token(&redeem).await.status, 200);
    server.create_client(json!({ "id": "tv", "name": "TV", "grants": ["urn:ietf:params:oauth:grant-type:device_code"] })).await.unwrap();
    let device = world
        .post(
            "/api/auth/oauth/device",
            &crate::support::Fields::of(&[("client_id", "tv")]),
        )
        .await;
    server
        .approve_device(&device.text("user_code"), "ada")
        .await
        .unwrap();
    server.set(json!({ "contract": "live" })).await.unwrap();
    server.revoke_all().await.unwrap();
    assert_eq!(server.tokens().await.unwrap(), json!({ "tokens": [] }));
    server.resume().await.unwrap();
    assert!(server.requests().await.unwrap()["counters"]["total"].as_u64() > Some(4));
    server.reset().await.unwrap();
    assert_eq!(server.requests().await.unwrap()["counters"]["total"], 0);
}

#[tokio::test]
async fn an_error_can_be_read() {
    let server = seeded().await;
    let world = World::at(server.base_url());
    world.token(&CONF.refreshes("x")).await;
    world.token(&CONF.refreshes("x")).await;
    let wrong = server
        .verify(json!([
            { "endpoint": "token", "grant_type": "refresh_token", "times": 1 },
            { "endpoint": "userinfo" },
        ]))
        .await
        .unwrap_err();
    assert!(matches!(&wrong, MockError::Mismatch(differences) if differences.len() == 2));
    assert_snapshot!(wrong, @"[0] token refresh_token: expected 1, came 2; [1] userinfo: expected at least 1, came 0");
    let mut table = String::new();
    for wrong in [
        server.mint("cnf", "ada", "1").await.map(drop),
        server.mint("conf", "adda", "1").await.map(drop),
        server.mint("conf", "ada", "Model Read").await.map(drop),
        server.restore("nothing").await,
        server.preset("token-endpoint-dwn").await.map(drop),
        server.fault(json!({ "effect": {} })).map(drop),
        server
            .create_user(json!({ "username": "ada" }))
            .await
            .map(drop),
        server.approve_device("AAAA-AAAA", "ada").await,
        server.verify(json!([{ "endpont": "token" }])).await,
    ] {
        table += &format!("{}\n", wrong.expect_err("each of these is wrong"));
    }
    assert_snapshot!(table, @r#"
    client_id: no client "cnf"; did you mean "conf"?
    user: no user "adda"; did you mean "ada"?
    scope: no scope "Model Read": did you mean "ModelsRead"?
    name: no snapshot "nothing"; take one with POST snapshots/{name}
    name: no preset "token-endpoint-dwn"; did you mean "token-endpoint-down"?
    effect: an effect that does nothing; give error, status, body, headers, delay, reset, truncate, malformed, slow_body or deny
    username: a second user "ada"
    user_code: "AAAA-AAAA": Invalid or expired code; no device waits for it: start one with POST /api/auth/oauth/device
    [0].endpont: unknown key "endpont"; did you mean "endpoint"?
    "#);
}
