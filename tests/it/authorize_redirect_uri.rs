//! `/authorize`: which redirect URIs are the client's own.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;

use crate::support::{CONF, Mock, World};

#[tokio::test]
async fn redirect_uris_match_character_for_character_in_the_documentation() {
    let mock = Mock::documented().await;
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
    mock.set_apart(Difference::RedirectUriMatch, Contract::Live)
        .await;
    let loose = redirect_uris(&mock).await;
    assert_ne!(table, loose);
    mock.set(serde_json::json!({ "contract": "live", "differences": { "redirect-status": "documented" } }))
        .await;
    assert_eq!(redirect_uris(&mock).await, loose);
}

#[tokio::test]
async fn loopback_redirect_uris_match_loosely_at_the_deployed_server() {
    let mock = Mock::live().await;
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

async fn redirect_uris(mock: &World) -> String {
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
        let request = CONF.asks("1").with("redirect_uri", uri);
        table += &format!("{uri:?}: {}\n", mock.approve(&request).await.gist());
    }
    table
}
