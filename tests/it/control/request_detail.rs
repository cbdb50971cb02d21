//! The history of the credentials of a request, and the journal as an HTTP archive.

use civitai_oauth_mock::MockServer;
use civitai_oauth_mock::control::RequestDetail;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestServer, redacted};

/// `place value: #request action, …` of each credential.
fn shown(detail: &RequestDetail) -> String {
    let lines = detail.credentials.iter().map(|credential| {
        let events = credential.history.iter();
        let events: Vec<String> = events
            .map(|event| format!("#{} {}", event.request, event.action))
            .collect();
        let is_short = credential.value.chars().count() < 25;
        assert!(is_short, "{}", credential.value);
        format!("{}: {}\n", credential.place, events.join(", "))
    });
    lines.collect()
}

#[tokio::test]
async fn a_request_has_the_history_of_its_credentials() {
    let server = MockServer::start().await;
    let client = SandboxClient::at(server.base_url().clone());
    let app = crate::support::App {
        id: "dec0de00-0000-4000-8000-000000000002",
        secret: None,
        redirect_uri: "http://localhost:3000/callback",
    };
    let first = client.tokens_of("ada", &app, "1").await;
    client.token(&app.refresh_params(&first.refresh)).await;
    client.token(&app.refresh_params(&first.refresh)).await;
    client.userinfo("civitai_00").await;
    let newest = server.request(6).await.map(|detail| detail.request.id);
    assert_eq!(newest.ok(), None, "five requests were sent");
    let mut all = String::new();
    for id in 1..=5 {
        let detail = server.request(id).await.expect("the request is stored");
        all += &format!("#{id} {}\n{}", detail.request.path, shown(&detail));
    }
    assert_snapshot!(all, @"
    #1 /api/auth/oauth/authorize
    location.code: #1 issued, #2 used
    #2 /api/auth/oauth/token
    params.code: #1 issued, #2 used
    response_body.access_token: #2 issued
    response_body.refresh_token: #2 issued, #3 used, #4 refused
    #3 /api/auth/oauth/token
    params.refresh_token: #2 issued, #3 used, #4 refused
    response_body.access_token: #3 issued
    response_body.refresh_token: #3 issued
    #4 /api/auth/oauth/token
    params.refresh_token: #2 issued, #3 used, #4 refused
    #5 /api/auth/oauth/userinfo
    headers.authorization: #5 refused
    ");
}

#[tokio::test]
async fn the_journal_is_an_http_archive() {
    let mock = TestServer::documented().await;
    mock.freeze("2026-01-31T12:00:00Z").await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo("civitai_00").await;
    let mut archive = mock
        .control("GET", "/requests?format=har&limit=2", json!({}))
        .await;
    let text = archive.to_string();
    assert!(!text.contains(&tokens.access) && !text.contains("secret-conf"));
    for entry in archive["log"]["entries"].as_array_mut().expect("entries") {
        entry["time"] = json!(0);
        entry["timings"]["wait"] = json!(0);
    }
    let port = mock.server().address().port();
    let pretty = serde_json::to_string_pretty(&archive).expect("JSON");
    assert_snapshot!(redacted(&pretty, port), @r#"
    {
      "log": {
        "version": "1.2",
        "creator": {
          "name": "civitai-oauth-mock",
          "version": "0.1.0"
        },
        "entries": [
          {
            "startedDateTime": "2026-01-31T12:00:00Z",
            "time": 0,
            "request": {
              "method": "POST",
              "url": "http://mock/api/auth/oauth/token",
              "httpVersion": "HTTP/1.1",
              "cookies": [],
              "headers": [
                {
                  "name": "accept",
                  "value": "*/*"
                },
                {
                  "name": "content-type",
                  "value": "application/x-www-form-urlencoded"
                }
              ],
              "queryString": [],
              "headersSize": -1,
              "bodySize": 248,
              "postData": {
                "mimeType": "application/x-www-form-urlencoded",
                "params": [
                  {
                    "name": "grant_type",
                    "value": "authorization_code"
                  },
                  {
                    "name": "code",
                    "value": "[redacted]"
                  },
                  {
                    "name": "redirect_uri",
                    "value": "https://app.example/callback"
                  },
                  {
                    "name": "code_verifier",
                    "value": "[redacted]"
                  },
                  {
                    "name": "client_id",
                    "value": "conf"
                  },
                  {
                    "name": "client_secret",
                    "value": "[redacted]"
                  }
                ]
              }
            },
            "response": {
              "status": 200,
              "statusText": "OK",
              "httpVersion": "HTTP/1.1",
              "cookies": [],
              "headers": [],
              "content": {
                "size": 178,
                "mimeType": "application/json",
                "text": "{\"access_token\":\"[redacted]\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"[redacted]\",\"scope\":\"1\"}"
              },
              "redirectURL": "",
              "headersSize": -1,
              "bodySize": 178
            },
            "cache": {},
            "timings": {
              "send": 0,
              "wait": 0,
              "receive": 0
            },
            "comment": ""
          },
          {
            "startedDateTime": "2026-01-31T12:00:00Z",
            "time": 0,
            "request": {
              "method": "GET",
              "url": "http://mock/api/auth/oauth/userinfo",
              "httpVersion": "HTTP/1.1",
              "cookies": [],
              "headers": [
                {
                  "name": "accept",
                  "value": "*/*"
                },
                {
                  "name": "authorization",
                  "value": "Bearer [redacted]"
                }
              ],
              "queryString": [],
              "headersSize": -1,
              "bodySize": 0
            },
            "response": {
              "status": 401,
              "statusText": "Unauthorized",
              "httpVersion": "HTTP/1.1",
              "cookies": [],
              "headers": [],
              "content": {
                "size": 72,
                "mimeType": "application/json",
                "text": "{\"error\":\"invalid_token\",\"error_description\":\"Invalid or expired token\"}"
              },
              "redirectURL": "",
              "headersSize": -1,
              "bodySize": 72
            },
            "cache": {},
            "timings": {
              "send": 0,
              "wait": 0,
              "receive": 0
            },
            "comment": "access token unknown: no request in the journal has issued it; fix: check that the app sends the access_token of this server and sandbox; refresh once, and have the user sign in again if that is rejected"
          }
        ]
      }
    }
    "#);
    let refused = mock.get("/_mock/requests?format=har&limit=1001").await;
    assert_snapshot!(refused.body, @r#"{"error":"invalid","message":"1001 is greater than 1000, the most of one archive","path":"limit","hint":"request further archives with before"}"#);
    let unknown = mock.get("/_mock/requests?format=hra").await;
    assert_snapshot!(unknown.body, @r#"{"error":"invalid","message":"unknown value \"hra\"","path":"format","hint":"choose among json, har"}"#);
    let plain: Value = mock
        .control("GET", "/requests?format=json", json!({}))
        .await;
    assert!(plain["counters"].is_object(), "{plain}");
}
