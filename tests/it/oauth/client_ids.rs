//! Client ids that can authenticate in the body and in HTTP Basic, and those that are rejected.

use civitai_oauth_mock::control::ClientSpec;
use civitai_oauth_mock::{Contract, MockServer};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, Fields, Program, SPA, TOKEN, TestServer, config};

/// Ids by which no client can authenticate: not printable ASCII, or with the colon that ends the name in HTTP Basic.
const REFUSED: [&str; 7] = ["my app/ü:1", "ü", "a:b", ":", "a\nb", "a\u{7f}", "日本"];

#[tokio::test]
async fn every_id_that_is_registered_authenticates() {
    let mock = TestServer::documented().await;
    let ids = [
        "my-app",
        "a b",
        " a ",
        "a%3Ab",
        "a+b&c=d",
        r#"~!@#$^*()[]{}|\"'<>?,./;`"#,
        "d290f1ee-6c54-4b01-90e6-d701748f0851",
    ];
    for id in ids {
        let client = json!({ "id": id, "name": "A", "secret": "s:e%3Ac ret", "grants": ["client_credentials"] });
        mock.control("POST", "/clients", client).await;
        let grant = Fields::new(&[("grant_type", "client_credentials")]);
        let form = grant
            .clone()
            .and("client_id", id)
            .and("client_secret", "s:e%3Ac ret");
        assert_eq!(mock.token(&form).await.status, 200, "form, {id:?}");
        let answer = mock.request("POST", TOKEN).json(&form.to_json()).await;
        assert_eq!(answer.status, 200, "JSON, {id:?}");
        let answer = mock.post(TOKEN, &grant).basic(id, "s:e%3Ac ret").await;
        assert_eq!(answer.status, 200, "Basic, {id:?}");
    }
}

#[tokio::test]
async fn ids_that_cannot_authenticate_are_refused_by_control_calls_and_seeds() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for id in REFUSED {
        let answer = mock
            .request("POST", "/_mock/clients")
            .json(&json!({ "id": id, "name": "A" }))
            .await;
        assert_eq!(answer.status, 400);
        table += &format!("{id:?}: {}\n", answer.summary());
        let seed = json!({ "clients": [{ "id": id, "name": "A" }] });
        let asked = json!({ "name": "x", "seed": seed });
        let answer = mock.request("POST", "/_mock/sandboxes").json(&asked).await;
        assert_eq!(
            (answer.status, answer.text("path")),
            (400, "seed.clients[0].id".to_owned())
        );
    }
    assert_snapshot!(table, @r#"
    "my app/ü:1": 400 invalid: 'ü' in "my app/ü:1" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id
    "ü": 400 invalid: 'ü' in "ü" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id
    "a:b": 400 invalid: "a:b" has a colon, at which HTTP Basic ends the client id
    ":": 400 invalid: ":" has a colon, at which HTTP Basic ends the client id
    "a\nb": 400 invalid: '\n' in "a\nb" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id
    "a\u{7f}": 400 invalid: '\u{7f}' in "a\u{7f}" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id
    "日本": 400 invalid: '日' in "日本" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id
    "#);
    let answer = mock
        .request("POST", "/_mock/clients")
        .json(&json!({ "id": "a", "name": "A", "secret": "pässword" }))
        .await;
    assert_snapshot!(answer.summary(), @"400 invalid: a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can authenticate");
    let mut config = config(Contract::Documented);
    let seed = "\n[[clients]]\nid = \"a:b\"\nname = \"A\"\n";
    let refused = config.set_seed(seed, std::path::Path::new("seed.toml"));
    assert_snapshot!(refused.expect_err("no id"), @r#"seed.toml:3: clients[0].id: "a:b" has a colon, at which HTTP Basic ends the client id; use letters, digits, "-", "." and "_""#);
}

#[tokio::test]
async fn ids_that_cannot_authenticate_are_refused_by_rust_and_environment() {
    let server = MockServer::start().await;
    for id in REFUSED {
        let refused = server.create_client(ClientSpec::named("A").id(id)).await;
        assert!(refused.is_err(), "{id:?}");
    }
    let mut command = Program::command(&["--listen", "127.0.0.1:0"]);
    let output = command.env("CIVITAI_CLIENT_ID", "a:b").output();
    let output = output.expect("the program was built");
    assert!(!output.status.success());
    assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"civitai-oauth-mock: CIVITAI_CLIENT_ID: "a:b" has a colon, at which HTTP Basic ends the client id; use letters, digits, "-", "." and "_""#);
}

#[tokio::test]
async fn unknown_clients_are_registered_by_the_same_rule() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "unknown_clients": "register", "login": "ada" }))
        .await;
    for (id, is_registered) in [("new app", true), ("a:b", false), ("ü", false)] {
        let asked = SPA.authorize_params("1").with("client_id", id);
        let answer = mock.get(&format!("{AUTHORIZE}?{}", asked.encoded())).await;
        assert_eq!(answer.status < 400, is_registered, "{id:?}: {answer}");
        let clients = mock.get("/_mock/clients").await.body;
        assert_eq!(
            clients.contains(&format!("{id:?}")),
            is_registered,
            "{id:?}"
        );
    }
    let refused = mock
        .post(TOKEN, &CONF.client_credentials().with("client_id", "a:b"))
        .await;
    assert_eq!(refused.status, 400, "{refused}");
}
