//! `/authorize`: which redirect URIs match those of the client.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;

use crate::support::{CONF, SandboxClient, TestServer};

#[tokio::test]
async fn redirect_uris_match_character_for_character_in_the_documentation() {
    let mock = TestServer::documented().await;
    let table = redirect_uris(&mock).await;
    assert_snapshot!(table, @r#"
    "": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example/callback": 302 to https://app.example/callback?code=<secret>&state=xyz
    "https://app.example/callback/": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example/callback?x=1": 400 invalid_request: redirect_uri does not match any registered URI
    "https://APP.example/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example:443/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "http://app.example/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080/cb": 302 to http://localhost:8080/cb?code=<secret>&state=xyz
    "http://localhost:9999/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost/cb?x=1#y": 400 invalid_request: redirect_uri does not match any registered URI
    "http://127.0.0.1:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://[::1]:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://127.0.0.2:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost.:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "https://localhost:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080/other": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080@evil.example/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "#);
    mock.set_difference(Difference::RedirectUriMatch, Contract::Live)
        .await;
    let loose = redirect_uris(&mock).await;
    assert_ne!(table, loose);
    mock.set(serde_json::json!({ "contract": "live", "differences": { "redirect-status": "documented" } }))
        .await;
    assert_eq!(redirect_uris(&mock).await, loose);
}

#[tokio::test]
async fn loopback_redirect_uris_match_loosely_at_the_deployed_server() {
    let mock = TestServer::live().await;
    assert_snapshot!(redirect_uris(&mock).await, @r#"
    "": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example/callback": 303 to https://app.example/callback?code=<secret>&state=xyz
    "https://app.example/callback/": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example/callback?x=1": 400 invalid_request: redirect_uri does not match any registered URI
    "https://APP.example/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "https://app.example:443/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "http://app.example/callback": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080/cb": 303 to http://localhost:8080/cb?code=<secret>&state=xyz
    "http://localhost:9999/cb": 303 to http://localhost:9999/cb?code=<secret>&state=xyz
    "http://localhost/cb?x=1#y": 303 to http://localhost/cb?x=1&code=<secret>&state=xyz#y
    "http://127.0.0.1:8080/cb": 303 to http://127.0.0.1:8080/cb?code=<secret>&state=xyz
    "http://[::1]:8080/cb": 303 to http://[::1]:8080/cb?code=<secret>&state=xyz
    "http://127.0.0.2:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost.:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "https://localhost:8080/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080/other": 400 invalid_request: redirect_uri does not match any registered URI
    "http://localhost:8080@evil.example/cb": 400 invalid_request: redirect_uri does not match any registered URI
    "#);
}

async fn redirect_uris(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for uri in [
        "",
        "https://app.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://APP.example/callback",
        "https://app.example:443/callback",
        "http://app.example/callback",
        "http://localhost:8080/cb",
        "http://localhost:9999/cb",
        "http://localhost/cb?x=1#y",
        "http://127.0.0.1:8080/cb",
        "http://[::1]:8080/cb",
        "http://127.0.0.2:8080/cb",
        "http://localhost.:8080/cb",
        "https://localhost:8080/cb",
        "http://localhost:8080/other",
        "http://localhost:8080@evil.example/cb",
    ] {
        let request = CONF.authorize_params("1").with("redirect_uri", uri);
        table += &format!("{uri:?}: {}\n", mock.approve(&request).await.summary());
    }
    table
}

#[tokio::test]
async fn a_client_for_any_loopback_uri_accepts_every_address_and_name_of_the_machine() {
    let mock = TestServer::documented().await;
    let client = serde_json::json!({ "any_loopback_redirect": true });
    mock.control("PATCH", "/clients/conf", client).await;
    let mut table = String::new();
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "app.localhost",
        "a.b.localhost.",
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:127.1.2.3]",
        "128.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "[::ffff:10.0.0.1]",
        "notlocalhost",
        "localhost.example",
        "127.0.0.1.example",
    ] {
        let uri = format!("http://{host}:8080/any");
        let status = mock
            .approve(&CONF.authorize_params("1").with("redirect_uri", &uri))
            .await
            .status;
        table += &format!("{host}: {status}\n");
    }
    assert_snapshot!(table, @"
    localhost: 302
    LOCALHOST: 302
    localhost.: 302
    app.localhost: 302
    a.b.localhost.: 302
    127.0.0.1: 302
    127.0.0.2: 302
    127.255.255.254: 302
    [::1]: 302
    [::ffff:127.0.0.1]: 302
    [::ffff:127.1.2.3]: 302
    128.0.0.1: 400
    10.0.0.1: 400
    0.0.0.0: 400
    [::2]: 400
    [::ffff:10.0.0.1]: 400
    notlocalhost: 400
    localhost.example: 400
    127.0.0.1.example: 400
    ");
}

#[tokio::test]
async fn any_absolute_uri_can_be_registered_and_gets_its_code() {
    let mock = TestServer::documented().await;
    for uri in [
        "urn:ietf:wg:oauth:2.0:oob",
        "com.example.app:callback",
        "com.example.app:/callback",
    ] {
        let client = serde_json::json!({ "redirect_uris": [uri] });
        mock.control("PATCH", "/clients/conf", client).await;
        let answer = mock
            .approve(&CONF.authorize_params("1").with("redirect_uri", uri))
            .await;
        assert_eq!(answer.status, 302, "{uri}: {answer}");
        let location = answer.header("location").expect("a location");
        assert!(location.starts_with(&format!("{uri}?code=")), "{location}");
        let redeemed = CONF.redeem_params(&answer.code()).with("redirect_uri", uri);
        assert_eq!(mock.token(&redeemed).await.status, 200, "{uri}");
    }
    let mut table = String::new();
    for uri in [
        "localhost:3000",
        "app.example:8080/cb",
        "callback",
        "urn:",
        "http://",
    ] {
        let client = serde_json::json!({ "redirect_uris": [uri] });
        let answer = mock
            .request("PATCH", "/_mock/clients/conf")
            .json(&client)
            .await;
        table += &format!("{}\n", answer.summary());
    }
    assert_snapshot!(table, @r#"
    400 invalid: not a URL: "localhost:3000" lacks a scheme such as http://
    400 invalid: not a URL: "app.example:8080/cb" lacks a scheme such as http://
    400 invalid: not a URL: "callback" (relative URL without a base)
    400 invalid: not a URL: "urn:" has nothing after its scheme
    400 invalid: not a URL: "http://" (empty host)
    "#);
}
