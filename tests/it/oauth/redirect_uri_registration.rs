//! Which redirect URIs can be registered: by a control call, in a seed, in Rust, on the account page.

use std::path::Path;

use civitai_oauth_mock::control::ClientSpec;
use civitai_oauth_mock::{Config, Contract, Difference, MockServer};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, TestServer};

const IN_THE_BROWSER: [&str; 6] = [
    "javascript:alert(1)",
    "javascript://localhost/%0aalert(1)",
    "data:text/html,hello",
    "vbscript:msgbox",
    "blob:https://app.example/1",
    "file:///etc/passwd",
];

#[tokio::test]
async fn schemes_that_open_in_the_browser_are_refused_by_every_entrance() {
    let mock = TestServer::documented().await;
    let server = MockServer::start().await;
    for uri in IN_THE_BROWSER {
        let client = json!({ "name": "App", "redirect_uris": [uri] });
        let created = mock.request("POST", "/_mock/clients").json(&client).await;
        assert_eq!(created.status, 400, "{uri}");
        assert!(created.summary().contains("opens in the browser itself"));
        let patch = json!({ "redirect_uris": [uri] });
        let patched = mock
            .request("PATCH", "/_mock/clients/conf")
            .json(&patch)
            .await;
        assert_eq!(patched.status, 400, "{uri}");
        let code = json!({ "client_id": "conf", "user": "ada", "scope": 1, "redirect_uri": uri });
        let issued = mock.request("POST", "/_mock/codes").json(&code).await;
        assert_eq!(issued.status, 400, "{uri}: {issued}");
        let in_seed = json!({ "name": "seeded", "seed": { "clients": [client] } });
        let made = mock
            .request("POST", "/_mock/sandboxes")
            .json(&in_seed)
            .await;
        assert_eq!(made.status, 400, "{uri}");

        let spec = ClientSpec::named("App").redirect_uris([uri]);
        assert!(server.create_client(spec).await.is_err(), "{uri}");
        let seed = format!("[[clients]]\nid = \"a\"\nname = \"A\"\nredirect_uris = ['{uri}']");
        let mut config = Config::default();
        let wrong = config.set_seed(&seed, Path::new("seed.toml"));
        assert!(wrong.unwrap_err().message.contains("has the scheme"));
    }
    let client = json!({ "name": "App", "redirect_uris": ["javascript://localhost/x"] });
    let created = mock.request("POST", "/_mock/clients").json(&client);
    assert_snapshot!(created.await.summary(), @r#"400 invalid: "javascript://localhost/x" has the scheme javascript:, which opens in the browser itself; write an https or http URL, or the scheme of a native app"#);
    for native in ["myapp://cb", "com.example.app:/cb"] {
        let client = json!({ "name": "App", "redirect_uris": [native] });
        mock.control("POST", "/clients", client).await;
    }
}

#[tokio::test]
async fn mock_extensions_reject_such_schemes_too() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "unknown_clients": "register" })).await;
    mock.control(
        "PATCH",
        "/clients/conf",
        json!({ "any_loopback_redirect": true }),
    )
    .await;
    for client in ["conf", "nobody-knows-it"] {
        let asks = |uri: &str| {
            CONF.authorize_params("1")
                .with("client_id", client)
                .with("redirect_uri", uri)
        };
        for uri in ["javascript://localhost/%0aalert(1)", "file://localhost/x"] {
            let answer = mock.approve(&asks(uri)).await;
            assert_eq!(answer.status, 400, "{client} {uri}: {answer}");
        }
        let answer = mock.approve(&asks("http://localhost:3000/cb")).await;
        assert_eq!(answer.status, 302, "{client}: {answer}");
    }
}

#[tokio::test]
async fn the_account_page_follows_the_contract() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let mut table = String::new();
    for contract in [Contract::Documented, Contract::Live] {
        mock.set_difference(Difference::RegistrationRules, contract)
            .await;
        for uri in [
            "https://app.example/cb",
            "http://localhost:3000/cb",
            "http://app.example/cb",
            "ftp://localhost/cb",
            "ftp://app.example/cb",
            "myapp://cb",
            "javascript://localhost/%0aalert(1)",
            "data:text/html,x",
        ] {
            let app = Fields::new(&[
                ("name", "My App"),
                ("description", ""),
                ("redirect_uris", uri),
                ("origins", ""),
                ("kind", "public"),
                ("preset", "Full Access"),
            ]);
            let sent = mock.post("/user/account/new-app", &app).cookie(&cookie);
            table += &format!("{contract} {uri}: {}\n", sent.await.status);
        }
    }
    assert_snapshot!(table, @r"
    documented https://app.example/cb: 303
    documented http://localhost:3000/cb: 303
    documented http://app.example/cb: 400
    documented ftp://localhost/cb: 400
    documented ftp://app.example/cb: 400
    documented myapp://cb: 400
    documented javascript://localhost/%0aalert(1): 400
    documented data:text/html,x: 400
    live https://app.example/cb: 303
    live http://localhost:3000/cb: 303
    live http://app.example/cb: 303
    live ftp://localhost/cb: 303
    live ftp://app.example/cb: 303
    live myapp://cb: 303
    live javascript://localhost/%0aalert(1): 400
    live data:text/html,x: 400
    ");
}
