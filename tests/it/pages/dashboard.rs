//! `/_mock`: the journal and the actions. Its appearance is in `rendering.rs`.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, Fields, SandboxClient, Stopwatch, TestResponse, TestServer};

const DASHBOARD: &str = "/_mock";

async fn press(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> TestResponse {
    sandbox.post("/_mock/dashboard", &Fields::new(fields)).await
}

#[tokio::test]
async fn rejection_shows_its_reason_and_the_other_contract() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let asked = CONF
        .authorize_params("1")
        .with("redirect_uri", "http://localhost:9/<b>");
    mock.get(&format!("{AUTHORIZE}?{}", asked.encoded()))
        .cookie(&cookie)
        .await;
    let page = mock.get(DASHBOARD).await;
    assert_snapshot!(page.page().texts(".request .explanation").join("\n"), @r#"
    Reason: redirect_uri "http://localhost:9/<b>" is not registered for Conf App; the closest one, "http://localhost:8080/cb", differs in the port. Fix: register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered one. RFC 9700 §2.1; difference redirect-uri-match
    Difference redirect-uri-match (documented): exact match. live, live@2026-08: also any port, query, fragment and loopback name if scheme and path equal a registered loopback URI.
    "#);
    assert!(!page.body.contains("<b>"));
    let entry = &mock.control("GET", "/requests", json!({})).await["requests"][0]["reason"];
    assert_snapshot!(entry, @r#"{"code":"redirect-not-registered","message":"redirect_uri \"http://localhost:9/<b>\" is not registered for Conf App; the closest one, \"http://localhost:8080/cb\", differs in the port","rule":"the redirect URI must equal a registered one, character by character","facts":{"client":"Conf App","redirect_uri":"http://localhost:9/<b>","registered":["https://app.example/callback","https://app.example/cb?keep=1&x=a%20b","https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part","http://localhost:8080/cb","https://app.example","com.example.app:/cb"],"closest":"http://localhost:8080/cb","differs_in":"the port"},"fix":"register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered one","source":"RFC 9700 §2.1; difference redirect-uri-match"}"#);
}

#[tokio::test]
async fn a_fault_and_an_extension_are_named() {
    let mock = TestServer::documented().await;
    press(&mock, &[("act", "preset"), ("name", "token-endpoint-down")]).await;
    mock.token(&CONF.client_credentials()).await;
    let page = mock.get(DASHBOARD).await.page();
    assert_snapshot!(page.texts(".request .explanation").join("\n"), @"
    Reason: fault 1 replaced the response. Fix: list the faults with GET /_mock/faults, and DELETE those that you no longer need. the fault
    Fault applied: fault 1 (token-endpoint-down: the token endpoint returns 503).
    ");
    assert_eq!(page.attributes("[aria-pressed=true]", "value"), ["preset"]);
    press(&mock, &[("act", "preset"), ("name", "token-endpoint-down")]).await;
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await["faults"],
        json!([])
    );
}

#[tokio::test]
async fn each_button_runs_its_operation() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    assert_eq!(
        press(&mock, &[("act", "advance"), ("by", "90s")])
            .await
            .location()
            .path(),
        DASHBOARD
    );
    press(&mock, &[("act", "freeze")]).await;
    let clock = mock.control("GET", "/clock", json!({})).await;
    assert_eq!(clock["frozen"], true);
    press(&mock, &[("act", "resume")]).await;
    assert_eq!(
        mock.control("GET", "/clock", json!({})).await["frozen"],
        false
    );
    press(&mock, &[("act", "expire")]).await;
    assert!(!mock.is_active(&tokens.access).await);
    press(&mock, &[("act", "make-sandbox"), ("name", "made")]).await;
    assert!(
        mock.get(DASHBOARD)
            .await
            .body
            .contains("/_sandbox/made/_mock")
    );
    press(&mock, &[("act", "delete-sandbox"), ("name", "made")]).await;
    assert_eq!(mock.get("/_mock/sandboxes/made").await.status, 404);
    let fault = mock
        .control("POST", "/faults", json!({ "effect": { "status": 500 } }))
        .await;
    press(
        &mock,
        &[("act", "delete-fault"), ("id", &fault["id"].to_string())],
    )
    .await;
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await["faults"],
        json!([])
    );
    press(&mock, &[("act", "delete-requests")]).await;
    assert_eq!(
        mock.control("GET", "/requests", json!({})).await["counters"]["total"],
        0
    );
    press(&mock, &[("act", "reset")]).await;
    assert_eq!(
        mock.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
}

#[tokio::test]
async fn failed_actions_are_reported_on_the_page() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for fields in [
        vec![("act", "advance"), ("by", "soon")],
        vec![("act", "preset"), ("name", "refresh-revokd")],
        vec![("act", "delete-fault"), ("id", "7")],
        vec![("act", "make-sandbox"), ("name", "a b")],
        vec![("act", "delete-sandbox"), ("name", "default")],
        vec![("act", "explode")],
    ] {
        let answer = press(&mock, &fields).await;
        table += &format!(
            "{} {}\n",
            answer.status,
            answer.page().texts(".problem").join(" | ")
        );
    }
    assert_snapshot!(table, @r#"
    400 by: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    400 name: no preset "refresh-revokd"; did you mean "refresh-revoked"?
    400 id: no fault "7"; there are no faults
    400 name: "a b" is not a valid name: it contains ' '; use at most 64 letters, digits, - _ .
    400 name: the default sandbox cannot be deleted; use POST reset to reset it
    400 act: unknown action "explode"; use the buttons of the page
    "#);
    assert!(
        !mock
            .get("/_mock?endpoint=tokn")
            .await
            .body
            .contains("No requests yet")
    );
    let none = mock.get("/_mock?error=invalid_grant").await;
    assert_eq!(
        none.page().texts("#nothing").join(""),
        "No requests match these filters."
    );
    let typo = mock.get("/_mock?endpoint=tokn").await;
    assert_snapshot!(typo.page().texts(".problem").join(" | "), @r#"endpoint: no endpoint "tokn"; did you mean "token"?"#);
}

#[tokio::test]
async fn journal_is_filtered_and_paginated() {
    let mock = TestServer::documented().await;
    for _ in 0..20 {
        mock.token(&CONF.client_credentials()).await;
    }
    mock.token(&CONF.refresh_params("x")).await;
    let ids = |answer: &TestResponse| answer.page().attributes(".request", "id");
    let newest = mock.get(DASHBOARD).await;
    assert_eq!(ids(&newest)[0], "request-21");
    // The next page starts where this one ends.
    let shown = ids(&newest).len();
    assert!((8..=15).contains(&shown), "{shown}");
    let older = newest.page().attributes("a[href*=before]", "href");
    let before = mock.get(&older[0]).await;
    assert_eq!(ids(&before)[0], format!("request-{}", 21 - shown));
    assert!(
        !before.body.contains("data-events"),
        "an old page stays as it is"
    );
    let refused = mock.get("/_mock?error=invalid_grant").await;
    assert_eq!(ids(&refused), ["request-21"]);
}

#[tokio::test]
async fn actions_return_to_their_section_and_keep_the_filter() {
    let mock = TestServer::documented().await;
    let page = mock.get("/_mock?endpoint=token&show=all").await.page();
    let form = page.forms().into_iter().find(|form| form.method == "post");
    let action = form.expect("a form with buttons").action;
    let mut table = String::new();
    for fields in [
        [("act", "freeze"), ("x", "")],
        [("act", "preset"), ("name", "token-endpoint-slow")],
        [("act", "expire"), ("x", "")],
        [("act", "make-sandbox"), ("name", "made")],
        [("act", "delete-requests"), ("x", "")],
    ] {
        let back = mock.post(&action, &Fields::new(&fields)).await.location();
        table += &format!("{}\n", &back[url::Position::BeforePath..]);
    }
    assert_snapshot!(table, @"
    /_mock?show=all&endpoint=token#clock
    /_mock?show=all&endpoint=token#faults
    /_mock?show=all&endpoint=token#tokens
    /_mock?show=all&endpoint=token#sandboxes
    /_mock?show=all&endpoint=token#journal
    ");
}

#[tokio::test]
async fn requests_of_console_pages_are_not_recorded() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "ada" })).await;
    for path in ["/", "/user/account", "/user/account/new-app"] {
        mock.get(path).await;
    }
    mock.token(&CONF.client_credentials()).await;
    let paths = |answer: &TestResponse| answer.page().texts(".request summary strong").join(", ");
    assert_snapshot!(paths(&mock.get(DASHBOARD).await), @"POST /api/auth/oauth/token");
    assert_snapshot!(paths(&mock.get("/_mock?show=all").await), @"POST /api/auth/oauth/token, GET /user/account/new-app, GET /user/account, GET /");
}

#[tokio::test]
async fn large_requests_do_not_make_the_page_large() {
    let mock = TestServer::documented().await;
    let large = "<&\"".repeat(5000);
    for _ in 0..20 {
        let mut fields = CONF.client_credentials();
        for number in 0..100 {
            fields = fields.with(&format!("field-{number}"), &large[..600]);
        }
        mock.token(&fields).await;
    }
    let page = mock.get(DASHBOARD).await;
    assert!(page.body.len() <= 45_000, "{} bytes", page.body.len());
    let older = page.page().attributes("a[href*=before]", "href");
    let before = mock.get(&older[0]).await;
    let first = |page: &TestResponse| page.page().attributes(".request", "id").first().cloned();
    assert!(first(&before).is_some() && first(&before) != first(&page));
}

#[tokio::test]
async fn no_secret_is_on_the_page() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    mock.token(&CONF.redeem_params(&code)).await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    mock.revoke(&CONF.revoke_params(&tokens.refresh)).await;
    let page = mock.get(DASHBOARD).await.body;
    let secret = CONF.client_credentials();
    for secret in [
        &code,
        &tokens.access,
        &tokens.refresh,
        secret.get("client_secret").unwrap(),
        crate::support::VERIFIER,
    ] {
        assert!(!page.contains(secret), "{secret}");
    }
    assert!(page.contains("[redacted]"));
}

#[tokio::test]
async fn codes_and_tokens_show_their_remaining_time() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    mock.code(&CONF, "5").await;
    mock.advance(60).await;
    let page = mock.get(DASHBOARD).await.page();
    assert_snapshot!(page.texts("[aria-labelledby=tokens] li").join("\n"), @"code conf user 2 scope 5 expires in 9 min 0 s");
    assert_snapshot!(mock.control("GET", "/codes", json!({})).await, @r#"{"codes":[{"active":true,"client_id":"conf","user":2,"scope":"5","redirect_uri":"https://app.example/callback","issued_at":"2026-01-31T12:00:00Z","expires_at":"2026-01-31T12:10:00Z","expires_in":540}]}"#);
    mock.advance(600).await;
    assert_eq!(
        mock.control("GET", "/codes?user=ada", json!({})).await["codes"][0]["active"],
        false
    );
}

#[tokio::test]
async fn requests_between_page_load_and_stream_are_sent() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.refresh_params("shown")).await;
    let page = mock.get(DASHBOARD).await.page();
    let events = page.attributes("[data-events]", "data-events").remove(0);
    mock.token(&CONF.refresh_params("between")).await;
    let mut stream = reqwest::get(format!("{}{events}", mock.base))
        .await
        .unwrap();
    let first = |bytes: &[u8]| {
        let event = String::from_utf8_lossy(bytes).into_owned();
        event.lines().take(2).collect::<Vec<_>>().join(" ")
    };
    let event = stream.chunk().await.unwrap().unwrap();
    assert_eq!(first(&event), "event: request id: 2");
    drop(stream);
    // A reconnecting browser sends the id of the last event.
    mock.token(&CONF.refresh_params("lost")).await;
    let ask = reqwest::Client::new().get(format!("{}{events}", mock.base));
    let mut stream = ask.header("last-event-id", "2").send().await.unwrap();
    let event = stream.chunk().await.unwrap().unwrap();
    assert_eq!(first(&event), "event: request id: 3");
}

#[tokio::test]
async fn events_follow_the_filter_and_end_with_the_server() {
    let mock = TestServer::documented().await;
    let refused = mock.get("/_mock/events?endpoint=tokn").await;
    assert_eq!(refused.status, 400);
    let url = format!("{}/_mock/events?error=invalid_grant", mock.base);
    let mut stream = reqwest::get(url).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    mock.token(&CONF.client_credentials()).await;
    mock.token(&CONF.refresh_params("x")).await;
    let event = stream.chunk().await.unwrap().unwrap();
    let event = String::from_utf8_lossy(&event).into_owned();
    assert!(
        event.starts_with("event: request\nid: 2\ndata: <li class=\"request\" id=\"request-2\">"),
        "{event}"
    );
    let began = Stopwatch::start();
    mock.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "the server does not wait for a stream: {:?}",
        began.elapsed()
    );
    assert!(matches!(stream.chunk().await, Ok(None) | Err(_)));
}

#[tokio::test]
async fn every_contract_can_be_chosen() {
    let mock = TestServer::documented().await;
    let page = mock.get(DASHBOARD).await.page();
    let names = page.texts("#contract option");
    assert_eq!(names, ["documented", "live", "live@2026-08"]);
    for name in names {
        let pressed = press(&mock, &[("act", "contract"), ("contract", &name)]).await;
        assert_eq!(pressed.status, 303, "{pressed}");
        let chosen = mock.get(DASHBOARD).await.page();
        assert_eq!(chosen.texts("#contract option[selected]"), [&*name]);
        assert_eq!(mock.get("/_mock/settings").await.json()["contract"], name);
    }
    let wrong = press(&mock, &[("act", "contract"), ("contract", "lively")]).await;
    assert_eq!(wrong.status, 400, "{wrong}");
}
