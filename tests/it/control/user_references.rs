//! References to users at every entry point: text is first a username, then an id; a number is an id.

use std::path::Path;

use civitai_oauth_mock::control::{Endpoint, Filter, NewTokens, UserRef, UserSpec};
use civitai_oauth_mock::{ConsentMode, Contract, MockServer, Scope};
use insta::assert_snapshot;
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::{Value, json};

use crate::support::{
    AUTHORIZE, App, Fields, Program, SandboxClient, TempDir, TestResponse, TestServer, Tokens,
    VERIFIER, config,
};

/// The username of user 7 is the id of ada, and user 5 has no username.
const SEED: &str = r#"
[[users]]
id = 7
username = "2"
[[users]]
id = 2
username = "ada"
[[users]]
id = 5
[[clients]]
id = "app"
name = "App"
redirect_uris = ["http://localhost:3000/callback"]
"#;

const APP: App = App {
    id: "app",
    secret: None,
    redirect_uri: "http://localhost:3000/callback",
};

/// What is written, and whose id is meant.
fn cases() -> [(Value, i64); 5] {
    [
        (json!("2"), 7),
        (json!(2), 2),
        (json!("5"), 5),
        (json!("7"), 7),
        (json!("ada"), 2),
    ]
}

/// The cases that can be written as text.
fn texts() -> impl Iterator<Item = (String, i64)> {
    let text = |case: Value| case.as_str().map(str::to_owned);
    cases()
        .into_iter()
        .filter_map(move |(case, id)| Some((text(case)?, id)))
}

async fn mock() -> TestServer {
    let mut config = config(Contract::Documented);
    config
        .set_seed(SEED, Path::new("seed.toml"))
        .expect("a seed");
    TestServer::start(config).await
}

async fn owner(sandbox: &SandboxClient, access: &str) -> Value {
    sandbox.userinfo(access).await.json()["id"].clone()
}

fn authorize_path() -> String {
    let params = APP.authorize_params("1").encoded();
    format!("{AUTHORIZE}?{params}")
}

/// The user for whom this approval was given.
async fn approver(sandbox: &SandboxClient, answer: TestResponse) -> Value {
    let tokens = Tokens::from_response(&sandbox.token(&APP.redeem_params(&answer.code())).await);
    owner(sandbox, &tokens.access).await
}

#[tokio::test]
async fn json_bodies_follow_the_rule() {
    let mock = mock().await;
    for (user, id) in cases() {
        let session = mock
            .control("POST", "/sessions", json!({ "user": user }))
            .await;
        assert_eq!(session["user"]["id"], id, "sessions {user}");

        let new_tokens = json!({ "client_id": "app", "user": user });
        let issued = mock.control("POST", "/tokens", new_tokens).await;
        let access = issued["access_token"].as_str().expect("a token");
        assert_eq!(owner(&mock, access).await, id, "tokens {user}");

        let code = json!({ "client_id": "app", "user": user });
        mock.control("POST", "/codes", code).await;
        let codes = mock.get("/_mock/codes").await.json();
        assert_eq!(codes["codes"][0]["user"], id, "codes {user}: {codes}");

        let consent = json!({ "client_id": "app", "user": user, "scope": 1 });
        let agreed = mock.control("POST", "/consents", consent).await;
        assert_eq!(agreed["user"], id, "consents {user}");

        let client = json!({ "name": "C", "owner": user });
        let made = mock.control("POST", "/clients", client).await;
        assert_eq!(made["owner"], id, "clients {user}");
        let path = format!("/clients/{}", made["id"].as_str().expect("an id"));
        let patched = mock.control("PATCH", &path, json!({ "owner": user })).await;
        assert_eq!(patched["owner"], id, "clients {user}");

        mock.set(json!({ "login": user, "consent": "approve" }))
            .await;
        let answer = mock.get(&authorize_path()).await;
        assert_eq!(approver(&mock, answer).await, id, "login {user}");

        let grant = json!({ "client_id": "app", "user": user });
        mock.control("POST", "/spends/reset", grant).await;

        mock.control("POST", "/reset", json!({})).await;
    }
}

#[tokio::test]
async fn faults_and_verification_follow_the_rule() {
    let mock = mock().await;
    for (user, id) in cases() {
        let mut access = Vec::new();
        for one in [7, 2, 5] {
            let new_tokens = json!({ "client_id": "app", "user": one });
            let issued = mock.control("POST", "/tokens", new_tokens).await;
            access.push((
                one,
                issued["access_token"].as_str().expect("a token").to_owned(),
            ));
        }
        for (_, token) in &access {
            mock.userinfo(token).await;
        }
        let expected = json!([{ "endpoint": "userinfo", "user": user, "times": 1 }]);
        mock.control("POST", "/verify", expected).await;
        let fault = json!({ "endpoint": "userinfo", "user": user, "effect": { "status": 599 } });
        mock.control("POST", "/faults", fault).await;
        for (one, token) in &access {
            let status = mock.userinfo(token).await.status;
            assert_eq!(status == 599, *one == id, "fault {user}, user {one}");
        }
        mock.control("POST", "/reset", json!({})).await;
    }
}

#[tokio::test]
async fn seeds_follow_the_rule() {
    let mock = mock().await;
    for (at, (user, id)) in cases().into_iter().enumerate() {
        let toml = format!("{SEED}owner = {user}\n");
        let settings = json!({ "login": user });
        let name = format!("s{at}");
        let asked = json!({ "name": name, "seed": toml, "settings": settings });
        mock.control("POST", "/sandboxes", asked).await;
        let client = mock.sandbox(&name).get("/_mock/clients/app").await.json();
        assert_eq!(client["owner"], id, "owner = {user}");
    }
}

#[tokio::test]
async fn paths_queries_and_headers_follow_the_rule() {
    let mock = mock().await;
    for (user, id) in texts() {
        let found = mock.get(&format!("/_mock/users/{user}")).await.json();
        assert_eq!(found["id"], id, "path {user}");

        for one in [7, 2, 5] {
            mock.control("POST", "/sessions", json!({ "user": one }))
                .await;
        }
        let sessions = mock
            .get(&format!("/_mock/sessions?user={user}"))
            .await
            .json();
        assert_eq!(
            sessions["sessions"][0]["user"], id,
            "query {user}: {sessions}"
        );
        assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1));
        let deleted = mock
            .request("DELETE", &format!("/_mock/sessions?user={user}"))
            .await;
        assert_eq!(deleted.json()["deleted"], 1, "query {user}");

        let approval = APP.authorize_params("1").and("approved", "true");
        let answer = mock
            .post(AUTHORIZE, &approval)
            .header("x-mock-user", &user)
            .await;
        assert_eq!(approver(&mock, answer).await, id, "header {user}");
        let seen = mock
            .get(&format!("/_mock/requests?user={user}"))
            .await
            .json();
        assert_eq!(seen["requests"][0]["user"], id, "requests {user}: {seen}");
        mock.control("POST", "/reset", json!({})).await;
    }
}

#[tokio::test]
async fn pages_follow_the_rule() {
    let mock = mock().await;
    let signed_in = async |answer: TestResponse| {
        let sessions = mock.get("/_mock/sessions").await.json();
        mock.request("DELETE", "/_mock/sessions").await;
        assert_eq!(answer.status, 303, "{answer}");
        sessions["sessions"][0]["user"].clone()
    };
    for (user, id) in texts() {
        let answer = mock.post("/login", &Fields::new(&[("user", &user)])).await;
        assert_eq!(signed_in(answer).await, id, "login {user}");
        let preview = format!("/_mock/consent/preview?client_id=app&user={user}&scope=1");
        assert_eq!(mock.get(&preview).await.status, 200, "{user}");
    }
    // Each button of the page signs in the user it shows, also where the id is another's username.
    let page = mock.get("/login").await.page();
    let names = page.attributes("button.person", "name");
    let ids = page.attributes("button.person", "value");
    let buttons: Vec<(&String, &String)> = names.iter().zip(&ids).collect();
    assert_eq!(buttons.len(), 3);
    for (field, id) in buttons {
        let answer = mock.post("/login", &Fields::new(&[(field, id)])).await;
        assert_eq!(signed_in(answer).await.to_string(), *id, "{field}");
    }
}

#[tokio::test]
async fn mcp_follows_the_rule() {
    let mock = mock().await;
    let transport = StreamableHttpClientTransport::from_uri(format!("{}/mcp", mock.base));
    let agent = ().serve(transport).await.expect("the server answers in MCP");
    let call = async |user: &Value| {
        let mut call = CallToolRequestParams::new("mock-authorize");
        call.arguments = json!({ "client_id": "app", "user": user })
            .as_object()
            .cloned();
        let result = agent.call_tool(call).await.expect("there is such a tool");
        result.structured_content.expect("answers are structured")
    };
    for (user, id) in cases() {
        let body = &call(&user).await["exchange"];
        let fields = Fields::new(&[
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("redirect_uri", APP.redirect_uri),
            ("code", body["code"].as_str().expect("a code")),
            (
                "code_verifier",
                body["code_verifier"].as_str().unwrap_or(VERIFIER),
            ),
        ]);
        let tokens = Tokens::from_response(&mock.token(&fields).await);
        assert_eq!(owner(&mock, &tokens.access).await, id, "{user}");
    }
    // No text names this user: the digits of the id are another's username.
    mock.control("PATCH", "/users/ada", json!({ "username": null }))
        .await;
    let answer = call(&json!(2)).await;
    assert!(answer["exchange"]["code"].is_string(), "{answer}");
    let codes = mock.get("/_mock/codes").await.json();
    assert_eq!(codes["codes"][0]["user"], 2);
    // A username that is not ASCII.
    mock.control("POST", "/users", json!({ "username": "zoë" }))
        .await;
    let answer = call(&json!("zoë")).await;
    assert!(answer["exchange"]["code"].is_string(), "{answer}");
    assert_snapshot!(call(&json!("zo")).await, @r#"{"error":"invalid","message":"no user \"zo\"","path":"user","hint":"did you mean \"zoë\"?"}"#);
}

#[tokio::test]
async fn rust_follows_the_rule() {
    let start = async |login: UserRef| {
        let builder = MockServer::builder().seed(SEED).expect("a seed");
        let builder = builder.consent(ConsentMode::Approve).login(login);
        builder.start().await.expect("a server")
    };
    for (user, id) in [
        (UserRef::from("2"), 7),
        (UserRef::from(2), 2),
        (UserRef::from("5"), 5),
        (UserRef::from(String::from("7")), 7),
    ] {
        let server = start(user.clone()).await;
        let sandbox = SandboxClient::at(server.base_url());
        let answer = sandbox.get(&authorize_path()).await;
        assert_eq!(approver(&sandbox, answer).await, id, "login {user}");
        let found = server.user(user.clone()).await.expect("a user");
        assert_eq!(found.id, id, "user {user}");
        let new_tokens = NewTokens::new("app", user.clone(), Scope::USER_READ);
        let access = server
            .issue_tokens(new_tokens)
            .await
            .expect("tokens")
            .access_token;
        assert_eq!(owner(&sandbox, access.reveal()).await, id, "tokens {user}");
        let of_user = Filter::endpoint(Endpoint::Userinfo).user(user.clone());
        let seen = server.requests(of_user).await.expect("requests");
        assert_eq!(seen.requests.len(), 2, "{user}");
        let changed = server.update_user(user, UserSpec::new().muted(true)).await;
        assert_eq!(changed.expect("a user").id, id);
        server.stop().await;
    }
    let mut config = config(Contract::Documented);
    config
        .set_seed(SEED, Path::new("seed.toml"))
        .expect("a seed");
    config.set_login(2);
    let mock = TestServer::start(config).await;
    assert_eq!(mock.get("/_mock/settings").await.json()["login"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_environment_and_configuration_follow_the_rule() {
    let folder = TempDir::new();
    let seed = folder.write("seed.toml", SEED);
    let seed = seed.to_str().expect("a path of the tests' own");
    let serve = async |change: &dyn for<'a> Fn(
        &'a mut std::process::Command,
    ) -> &'a mut std::process::Command| {
        let arguments = [
            "--listen",
            "127.0.0.1:0",
            "--seed",
            seed,
            "--consent",
            "approve",
        ];
        let mut command = Program::command(&arguments);
        let _ = change(&mut command);
        let program = Program::serve(&mut command);
        let sandbox = SandboxClient::at(program.base());
        let answer = sandbox.get(&authorize_path()).await;
        (approver(&sandbox, answer).await, program)
    };
    for (user, id) in [("2", 7), ("5", 5), ("ada", 2)] {
        let (found, _) = serve(&|command| command.args(["--login", user])).await;
        assert_eq!(found, id, "--login {user}");
    }
    let (found, program) = serve(&|command| command.env("CIVITAI_MOCK_LOGIN", "2")).await;
    assert_eq!(found, 7, "environment");
    for (user, id) in [("2", 7), ("5", 5)] {
        let base = program.base();
        let issued = Program::output(&[
            "token", "--client", "app", "--user", user, "--server", &base, "--json",
        ]);
        let tokens: Value = serde_json::from_slice(&issued.stdout).expect("JSON");
        let access = tokens["access_token"].as_str().expect("a token");
        assert_eq!(
            owner(&SandboxClient::at(base), access).await,
            id,
            "token --user {user}"
        );
    }
    for (login, id) in [("\"2\"", 7), ("2", 2), ("\"5\"", 5)] {
        let file = folder.write("config.toml", &format!("login = {login}\n"));
        let (found, _) = serve(&|command| command.arg("--config").arg(&file)).await;
        assert_eq!(found, id, "login = {login}");
    }
}

#[tokio::test]
async fn unknown_users_are_rejected_with_the_known_names() {
    let mock = mock().await;
    mock.control("PATCH", "/users/ada", json!({ "id": 2, "username": "ada" }))
        .await;
    mock.request("DELETE", "/_mock/users/ada").await;
    let mut table = String::new();
    for user in [
        json!(2),
        json!("02"),
        json!("9"),
        json!(9),
        json!(-1),
        json!(2.5),
        json!(null),
    ] {
        let answer = mock
            .request("POST", "/_mock/sessions")
            .json(&json!({ "user": user }))
            .await;
        table += &format!("{user}: {} {}\n", answer.summary(), answer.json()["hint"]);
    }
    assert_snapshot!(table, @r#"
    2: 400 invalid: no user "2" "a number is an id: write the username as text, \"2\""
    "02": 400 invalid: no user "02" "name a user by id or username: 5, 2"
    "9": 400 invalid: no user "9" "name a user by id or username: 5, 2"
    9: 400 invalid: no user "9" "name a user by id or username: 5, 2"
    -1: 400 invalid: no user "-1" "name a user by id or username: 5, 2"
    2.5: 400 invalid: 2.5 is not a user's id or username null
    null: 400 invalid: null is not a user's id or username null
    "#);
}
