//! CORS of the APIs that apps call after sign-in: open to any origin, like `/userinfo`.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, ME, SandboxClient, SpendingApp, TestServer, WORKFLOWS};

const TRPC: &str = "/api/trpc/buzz.getUserAccount";

#[tokio::test]
async fn preflights_are_open_to_all() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for path in [
        ME,
        TRPC,
        WORKFLOWS,
        "/v2/consumer/workflows/x",
        "/v2/consumer/blobs/x",
    ] {
        let answer = mock
            .request("OPTIONS", path)
            .header("origin", "https://anywhere.example")
            .header("access-control-request-headers", "authorization")
            .await;
        let answer = answer.to_string();
        table += &format!("{path} {}\n", answer.trim_end().replace('\n', " | "));
    }
    assert_snapshot!(table, @"
    /api/v1/me 204 | access-control-allow-headers: * | access-control-allow-methods: GET | access-control-allow-origin: *
    /api/trpc/buzz.getUserAccount 204 | access-control-allow-headers: * | access-control-allow-methods: GET | access-control-allow-origin: *
    /v2/consumer/workflows 204 | access-control-allow-headers: * | access-control-allow-methods: GET, POST, PUT, PATCH, DELETE | access-control-allow-origin: *
    /v2/consumer/workflows/x 204 | access-control-allow-headers: * | access-control-allow-methods: GET, POST, PUT, PATCH, DELETE | access-control-allow-origin: *
    /v2/consumer/blobs/x 204 | access-control-allow-headers: * | access-control-allow-methods: GET, POST, PUT, PATCH, DELETE | access-control-allow-origin: *
    ");
}

/// Whether a page of any origin may read each answer, by status.
async fn readable(sandbox: &SandboxClient, token: &str) -> Vec<(u16, bool)> {
    let app = SpendingApp::with(sandbox, token);
    let answers = [
        app.get(ME).await,
        app.get(TRPC).await,
        app.submit(&json!({ "cost": 1 })).await,
        app.submit(&json!({ "cost": 1000 })).await,
        app.submit(&json!([])).await,
        app.get("/v2/consumer/workflows/x").await,
    ];
    let is_open = |answer: &crate::support::TestResponse| {
        answer.header("access-control-allow-origin").as_deref() == Some("*")
    };
    answers
        .iter()
        .map(|answer| (answer.status, is_open(answer)))
        .collect()
}

#[tokio::test]
async fn success_and_error_responses_have_cors_headers() {
    for mock in [TestServer::documented().await, TestServer::live().await] {
        let sandbox = mock.sandbox("pages");
        let ada = SpendingApp::funded(&sandbox, &CONF, 10).await;
        let narrow = sandbox.tokens(&CONF, "1").await.access;
        for token in [ada.token.as_str(), narrow.as_str(), "nonsense"] {
            let seen = readable(&sandbox, token).await;
            assert!(seen.iter().all(|(_, is_open)| *is_open), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn every_path_that_is_routed_has_the_headers_of_its_endpoint() {
    let mock = TestServer::documented().await;
    for (path, is_open) in [
        ("/api/trpc/buzz.getBuzzAccount,x", true),
        ("/api/trpc/,x", true),
        ("/api/trpc/", false),
        ("/v2/consumer/blobs/x/refresh", true),
        ("/v2/consumer/blobs//refresh", true),
        ("/v2/consumer/blobs/", false),
        ("/v2/consumer/workflows/", false),
        ("/api/auth/oauth/token", true),
        ("/nowhere", false),
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            for client in [mock.sandbox("default"), mock.sandbox("new")] {
                let answer = client.request(method, path).await;
                // Its 405 is closed, as at Civitai.
                let is_open = is_open && !(path.ends_with("token") && method == "GET");
                let origin = answer.header("access-control-allow-origin");
                assert_eq!(origin.is_some(), is_open, "{method} {path}: {origin:?}");
            }
        }
    }
}
