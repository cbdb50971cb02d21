//! Access to the control API: allowed for tests and pages of this machine, denied to foreign web pages.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Program, TestServer, USERINFO, config};

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "file://"),
        ("origin", "chrome-extension://abcdef"),
        ("origin", "http://localhost@evil"),
        ("origin", ""),
        ("origin", "http://localhost.evil.example"),
        ("origin", "http://127.0.0.1.evil.example"),
        // Any host can serve a page from an address.
        ("origin", "http://203.0.113.5"),
        ("origin", "http://192.168.1.9:8080"),
        ("origin", "http://[2001:db8::1]"),
        // So can any machine of the network from a name without dots.
        ("origin", "http://wiki"),
        ("origin", "http://evil.localhost.example"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://localhost:3000"),
        ("origin", "http://app.localhost:3000"),
        ("origin", "http://evil.localhost"),
        ("origin", "http://127.0.0.2:3000"),
        ("origin", "http://[::ffff:127.0.0.1]:3000"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "http://[::1]:3000"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        let answer = mock
            .request("POST", "/_mock/clock/advance")
            .json(&json!(0))
            .header(name, value)
            .await;
        table += &format!(
            "{name} {value}: {}\n",
            if answer.status == 200 {
                "200".to_owned()
            } else {
                answer.summary()
            }
        );
    }
    assert_snapshot!(table, @r#"
    origin https://evil.example: 403 forbidden: "https://evil.example" may not use the control API
    origin http://evil.example: 403 forbidden: "http://evil.example" may not use the control API
    origin null: 403 forbidden: "null" may not use the control API
    origin file://: 403 forbidden: "file://" may not use the control API
    origin chrome-extension://abcdef: 403 forbidden: "chrome-extension://abcdef" may not use the control API
    origin http://localhost@evil: 403 forbidden: "http://[redacted]@evil" may not use the control API
    origin : 403 forbidden: "" may not use the control API
    origin http://localhost.evil.example: 403 forbidden: "http://localhost.evil.example" may not use the control API
    origin http://127.0.0.1.evil.example: 403 forbidden: "http://127.0.0.1.evil.example" may not use the control API
    origin http://203.0.113.5: 403 forbidden: "http://203.0.113.5" may not use the control API
    origin http://192.168.1.9:8080: 403 forbidden: "http://192.168.1.9:8080" may not use the control API
    origin http://[2001:db8::1]: 403 forbidden: "http://[2001:db8::1]" may not use the control API
    origin http://wiki: 403 forbidden: "http://wiki" may not use the control API
    origin http://evil.localhost.example: 403 forbidden: "http://evil.localhost.example" may not use the control API
    sec-fetch-site cross-site: 403 forbidden: a page of another site may not use the control API
    origin http://localhost:3000: 200
    origin http://app.localhost:3000: 200
    origin http://evil.localhost: 200
    origin http://127.0.0.2:3000: 200
    origin http://[::ffff:127.0.0.1]:3000: 200
    origin http://127.0.0.1:9999: 200
    origin http://[::1]:3000: 200
    sec-fetch-site same-origin: 200
    sec-fetch-site same-site: 200
    sec-fetch-site none: 200
    "#);
    assert_snapshot!(mock.get("/_mock/settings").header("origin", "https://evil.example").await, @r#"
    403
    content-type: application/json
    vary: accept

    {"error":"forbidden","message":"\"https://evil.example\" may not use the control API","path":"Origin","hint":"call it from a test or from a page on this machine"}
    "#);
}

#[tokio::test]
async fn foreign_host_header_is_rejected() {
    let mut config = config(Contract::Documented);
    config.set_public_url("https://mock.example.com").unwrap();
    let mock = TestServer::start(config).await;
    let mut table = String::new();
    for host in [
        "rebound.evil.example",
        "rebound.evil.example:8080",
        "127.0.0.1.nip.io",
        "mock.example.com.evil.example",
        "",
        "localhost",
        "localhost:8080",
        "127.0.0.1",
        "[::1]:8080",
        "10.1.2.3",
        "civitai-oauth-mock:8080",
        "mock.localhost",
        "mock.example.com",
        "MOCK.example.com:443",
    ] {
        let sent =
            format!("GET /_mock/clock HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = mock.raw(sent.as_bytes()).await;
        table += &format!(
            "{host:?}: {}\n",
            answer.split(' ').nth(1).unwrap_or_default()
        );
    }
    assert_snapshot!(table, @r#"
    "rebound.evil.example": 403
    "rebound.evil.example:8080": 403
    "127.0.0.1.nip.io": 403
    "mock.example.com.evil.example": 403
    "": 403
    "localhost": 200
    "localhost:8080": 200
    "127.0.0.1": 200
    "[::1]:8080": 200
    "10.1.2.3": 200
    "civitai-oauth-mock:8080": 200
    "mock.localhost": 200
    "mock.example.com": 200
    "MOCK.example.com:443": 200
    "#);
    let twice = b"GET /_mock/clock HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_snapshot!(
        mock.raw(twice).await.lines().last().unwrap(),
        @r#"{"error":"forbidden","message":"given more than once","path":"Host","hint":"send one Host header"}"#
    );
    let page = mock
        .get("/_mock/clock")
        .header("origin", "https://mock.example.com")
        .await;
    assert_eq!(page.status, 200);
    let refused = mock
        .get("/_mock/clock")
        .header("host", "rebound.evil.example")
        .await;
    assert_snapshot!(refused.body, @r#"{"error":"forbidden","message":"Host \"rebound.evil.example\" is not allowed (DNS-rebinding protection); add it with --allowed-host rebound.evil.example","path":"Host","hint":"or use localhost, an IP address or a name without dots"}"#);
}

#[tokio::test]
async fn page_of_the_requested_host_is_accepted() {
    let mock = TestServer::documented().await;
    let ask = async |host: &str, origin: &str| {
        let sent = mock
            .get("/_mock/clock")
            .header("host", host)
            .header("origin", origin);
        sent.await.status
    };
    assert_eq!(
        ask("192.168.1.9:8080", "http://192.168.1.9:8080").await,
        200
    );
    assert_eq!(
        ask("192.168.1.9:8080", "http://192.168.1.9:3000").await,
        200
    );
    assert_eq!(ask("192.168.1.9:8080", "http://203.0.113.5").await, 403);
    assert_eq!(ask("mock:8080", "http://203.0.113.5").await, 403);
    assert_eq!(ask("mock:8080", "http://mock:3000").await, 200);
    assert_eq!(ask("mock:8080", "http://wiki:8080").await, 403);
    assert_eq!(ask("mock.localhost", "http://mock.localhost").await, 200);
}

#[tokio::test]
async fn control_token_is_required_of_every_caller() {
    let mut config = config(Contract::Documented);
    config.set_control_token("open-sesame").unwrap();
    let mock = TestServer::start(config).await;
    assert_snapshot!(mock.get("/_mock/clock").await, @r#"
    401
    content-type: application/json

    {"error":"unauthorized","message":"the control API requires its token","path":"Authorization","hint":"send \"Authorization: Bearer …\" with the token of --control-token"}
    "#);
    let mut table = String::new();
    for value in [
        "Bearer open-sesame",
        "bearer open-sesame",
        "Bearer open",
        "Bearer ",
        "Basic open-sesame",
        "open-sesame",
    ] {
        let answer = mock
            .get("/_mock/clock")
            .header("authorization", value)
            .await;
        table += &format!("{value:?}: {}\n", answer.status);
    }
    assert_snapshot!(table, @r#"
    "Bearer open-sesame": 200
    "bearer open-sesame": 200
    "Bearer open": 401
    "Bearer ": 401
    "Basic open-sesame": 401
    "open-sesame": 401
    "#);
    let cross = mock
        .get("/_mock/clock")
        .header("authorization", "Bearer open-sesame")
        .header("origin", "https://evil.example");
    assert_eq!(cross.await.status, 403);
    assert_eq!(mock.sandbox("x").get("/_mock/clock").await.status, 401);
    assert_eq!(mock.get("/_mock/nothing").await.status, 404);
    assert_eq!(
        mock.token(&CONF.client_credentials()).await.status,
        200,
        "apps need none"
    );
    assert_eq!(mock.get("/api/health").await.status, 200);
    assert_eq!(mock.get("/login").await.status, 200);
}

#[tokio::test]
async fn app_endpoints_accept_any_host_and_origin() {
    let mock = TestServer::documented().await;
    let sent = mock
        .post(crate::support::TOKEN, &CONF.client_credentials())
        .header("origin", "https://app.example")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(sent.await.status, 200);
    let named = mock.get(USERINFO).header("host", "mock.example.com").await;
    assert_eq!(named.status, 401, "by its own rules");
    let preflight = mock
        .request("OPTIONS", "/_mock/reset")
        .header("origin", "http://localhost:3000")
        .await;
    assert!(
        preflight.header("access-control-allow-origin").is_none(),
        "{preflight}"
    );
}

#[tokio::test]
async fn empty_control_token_is_rejected() {
    let refused = config(Contract::Documented).set_control_token("");
    assert_snapshot!(refused.unwrap_err(), @"control_token: it is empty; set a value, or remove the option and its variable");
    let run = Program::output(&["--listen=127.0.0.1:0", "--control-token="]);
    assert!(!run.status.success());
}

#[tokio::test]
async fn control_responses_are_not_cached_or_sniffed() {
    let mock = TestServer::documented().await;
    let new_tokens = json!({ "client_id": "conf", "user": "ada" });
    for answer in [
        mock.request("POST", "/_mock/tokens")
            .json(&new_tokens)
            .await,
        mock.get("/_mock/requests?unredacted=true").await,
        mock.get("/_mock/clock?x=1").await,
        mock.sandbox("x")
            .request("POST", "/_mock/sessions")
            .json(&json!({ "user": 1 }))
            .await,
        mock.get("/_mock/openapi.json").await,
    ] {
        let header = |name| answer.header(name).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store", "{}", answer.asked);
        assert_eq!(
            header("x-content-type-options"),
            "nosniff",
            "{}",
            answer.asked
        );
    }
}

#[tokio::test]
async fn foreign_host_header_cannot_read_the_account_page() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    for path in ["/", "/user/account", "/user/account/new-app"] {
        for (host, status) in [
            ("rebound.evil.example", 403),
            ("mock:8080", 200),
            ("localhost", 200),
        ] {
            let answer = mock.get(path).cookie(&cookie).header("host", host).await;
            assert_eq!(
                answer.status,
                status,
                "{path} at {host}: {}",
                answer.summary()
            );
        }
    }
}
