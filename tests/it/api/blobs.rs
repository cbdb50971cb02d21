//! `/v2/consumer/blobs`: images of workflows, and uploads.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, OTHER, SandboxClient, SpendingApp, TestResponse, TestServer};

const BLOBS: &str = "/v2/consumer/blobs";

async fn app(sandbox: &SandboxClient) -> SpendingApp {
    sandbox.freeze("2026-05-01T12:00:00Z").await;
    SpendingApp::for_ada(sandbox, &CONF).await
}

/// The path and the query of an absolute URL in an answer, as the sandbox's requests name them.
fn path(sandbox: &SandboxClient, url: &str) -> String {
    let path = url.strip_prefix(&sandbox.base);
    path.expect("it is in this sandbox").to_owned()
}

async fn upload_path(sandbox: &SandboxClient, app: &SpendingApp) -> String {
    let presigned = app.get(&format!("{BLOBS}/upload")).await;
    assert_eq!(presigned.status, 200, "{presigned}");
    assert_eq!(presigned.text("expiresAt"), "2026-05-01T13:00:00Z");
    path(sandbox, &presigned.text("uploadUrl"))
}

async fn upload(sandbox: &SandboxClient, path: &str, kind: &str) -> TestResponse {
    sandbox.request("POST", path).body(kind, "bytes").await
}

#[tokio::test]
async fn a_browser_uploads_by_a_url_and_the_app_uses_the_blob() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("uploads");
    let ada = app(&sandbox).await;
    let signed = upload_path(&sandbox, &ada).await;
    for (kind, named) in [
        ("image/png", "image"),
        ("Video/mp4; x=1", "video"),
        ("audio/ogg", "audio"),
    ] {
        let uploaded = upload(&sandbox, &signed, kind).await;
        assert_eq!(uploaded.status, 201, "{uploaded}");
        let blob = uploaded.json();
        assert_eq!(
            (&blob["type"], &blob["available"]),
            (&json!(named), &json!(true))
        );
        let url = path(&sandbox, &uploaded.text("url"));
        assert_eq!(
            sandbox.get(&url).await.status,
            200,
            "the URL is the only credential"
        );
        let refreshed = ada.request("POST", &format!("{url}/refresh")).await;
        assert_eq!((refreshed.status, refreshed.json()), (200, blob));
        let elsewhere = url.replace("/v2", "/../elsewhere/v2");
        assert_eq!(
            mock.get(&elsewhere.replace("/../", "/_sandbox/"))
                .await
                .status,
            404
        );
    }
    let with_token = ada.request("POST", BLOBS).body("image/png", "bytes").await;
    assert_eq!(with_token.status, 201);
}

#[tokio::test]
async fn invalid_upload_is_rejected() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("refused");
    let ada = app(&sandbox).await;
    let signed = upload_path(&sandbox, &ada).await;
    let foreign = upload_path(&mock.sandbox("other"), &app(&mock.sandbox("other")).await).await;
    let late = signed.replacen("sig=1", "sig=2", 1);
    let mut table = String::new();
    for (name, path, kind) in [
        ("nobody", BLOBS, "image/png"),
        ("forged", &*format!("{BLOBS}?sig=1-0"), "image/png"),
        ("later", &late, "image/png"),
        ("of another sandbox", &foreign, "image/png"),
        ("text", &signed, "text/plain"),
        ("no type", &signed, ""),
    ] {
        table += &format!("{name}: {}\n", upload(&sandbox, path, kind).await.summary());
    }
    let empty = sandbox.request("POST", &signed).body("image/png", "").await;
    table += &format!("empty: {}\n", empty.summary());
    sandbox.advance(3600).await;
    let expired = upload(&sandbox, &signed, "image/png").await;
    table += &format!("expired: {}\n", expired.summary());
    let reader = SpendingApp::with(&sandbox, &sandbox.tokens(&CONF, "65537").await.access);
    let presigned = reader.get(&format!("{BLOBS}/upload")).await;
    table += &format!("read scope only: {}\n", presigned.summary());
    assert_snapshot!(table, @r#"
    nobody: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    forged: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    later: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    of another sandbox: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    text: 415 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.16","title":"Unsupported Media Type","status":415,"detail":"Content-Type \"text/plain\" is none of image/*, video/* and audio/*."}
    no type: 415 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.16","title":"Unsupported Media Type","status":415,"detail":"Content-Type \"\" is none of image/*, video/* and audio/*."}
    empty: 400 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.1","title":"One or more validation errors occurred.","status":400,"errors":{"$":["There is no body, or it is longer than 512 KiB."]}}
    expired: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    read scope only: 403 insufficient_scope: Token does not have AIServicesWrite scope
    "#);
}

#[tokio::test]
async fn a_picture_is_refreshed_for_its_app_only() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 100).await;
    let submitted = ada.submit(&json!({})).await.json();
    let picture = &submitted["steps"][0]["output"]["images"][0];
    let id = picture["id"].as_str().expect("an id");
    let other = SpendingApp::for_ada(&mock, &OTHER).await;
    let nobody = SpendingApp::with(&mock, "nonsense");
    let mut table = String::new();
    for (name, who, id) in [
        ("its app", &ada, id),
        ("another app", &other, id),
        ("nobody", &nobody, id),
        ("unknown", &ada, "blob_x_0"),
        ("another step", &ada, &id.replace("_0", "_1")),
        ("forged", &ada, "upload_image_x_0"),
    ] {
        let refreshed = who.request("POST", &format!("{BLOBS}/{id}/refresh")).await;
        table += &format!("{name}: {}\n", refreshed.summary());
    }
    assert_snapshot!(table, @r#"
    its app: 200 {"type":"image","id":"<blob>","available":true,"url":"http://mock/v2/consumer/blobs/<blob>"}
    another app: 404 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404}
    nobody: 401 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    unknown: 404 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404}
    another step: 404 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404}
    forged: 404 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404}
    "#);
}

#[tokio::test]
async fn other_methods_get_405_with_allow() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (method, path) in [
        ("GET", BLOBS),
        ("POST", "/v2/consumer/blobs/x"),
        ("GET", "/v2/consumer/blobs/x/refresh"),
        ("POST", "/v2/consumer/blobs/upload"),
        ("PUT", "/v2/consumer/workflows"),
        ("POST", "/v2/consumer/workflows/x"),
    ] {
        let answer = mock.request(method, path).await;
        let allow = answer.header("allow").unwrap_or_default();
        table += &format!("{method} {path}: {} {allow}\n", answer.status);
    }
    assert_snapshot!(table, @"
    GET /v2/consumer/blobs: 405 POST, OPTIONS
    POST /v2/consumer/blobs/x: 405 GET, OPTIONS
    GET /v2/consumer/blobs/x/refresh: 405 POST, OPTIONS
    POST /v2/consumer/blobs/upload: 405 GET, OPTIONS
    PUT /v2/consumer/workflows: 405 GET, POST, OPTIONS
    POST /v2/consumer/workflows/x: 405 GET, PUT, PATCH, DELETE, OPTIONS
    ");
}
