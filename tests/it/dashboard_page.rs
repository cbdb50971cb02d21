//! `/_mock`: the journal to look at, and the buttons. How it looks is `browser_pages.rs`.

use std::time::Duration;

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, Answer, CONF, Fields, Mock, Stopwatch, World, config};

const DASHBOARD: &str = "/_mock";

async fn press(world: &World, fields: &[(&str, &str)]) -> Answer {
    world.post("/_mock/dashboard", &Fields::of(fields)).await
}

#[tokio::test]
async fn a_refusal_says_why_and_what_the_other_contract_says() {
    let mock = Mock::documented().await;
    let cookie = mock.session("ada").await;
    let asked = CONF
        .asks("1")
        .with("redirect_uri", "http://localhost:9/<b>");
    mock.get(&format!("{AUTHORIZE}?{}", asked.encoded()))
        .cookie(&cookie)
        .await;
    let page = mock.get(DASHBOARD).await;
    assert_snapshot!(page.page().texts(".exchange .why").join("\n"), @r#"
    Why: the redirect URI must be one of those that the app has registered, character for character; redirect_uri was "http://localhost:9/<b>". Mend: register it: on the account page, in the seed, or by PATCH /_mock/clients/{id} – or send one that is registered. RFC 9700 §2.1; difference redirect-uri-match
    Difference redirect-uri-match (documented): exact, character for character. The other contract: also any port, query, fragment and loopback name when scheme and path equal a registered loopback URI.
    "#);
    assert!(!page.body.contains("<b>"));
    let entry = &mock.control("GET", "/requests", json!({})).await["requests"][0]["why"];
    assert_snapshot!(entry, @r#"{"rule":"the redirect URI must be one of those that the app has registered, character for character; redirect_uri was \"http://localhost:9/<b>\"","mend":"register it: on the account page, in the seed, or by PATCH /_mock/clients/{id} – or send one that is registered","source":"RFC 9700 §2.1; difference redirect-uri-match"}"#);
}

#[tokio::test]
async fn a_fault_and_an_extension_are_named() {
    let mock = Mock::documented().await;
    press(&mock, &[("act", "preset"), ("name", "token-endpoint-down")]).await;
    mock.token(&CONF.for_itself()).await;
    let page = mock.get(DASHBOARD).await.page();
    assert_snapshot!(page.texts(".exchange .why").join("\n"), @"Fault: number 1 had a hand in it.");
    assert_eq!(page.attributes("[aria-pressed=true]", "value"), ["preset"]);
    press(&mock, &[("act", "preset"), ("name", "token-endpoint-down")]).await;
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await["faults"],
        json!([])
    );
}

#[tokio::test]
async fn the_buttons_do_what_they_say() {
    let mock = Mock::documented().await;
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
    assert!(!mock.is_live(&tokens.access).await);
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
        &[("act", "remove-fault"), ("id", &fault["id"].to_string())],
    )
    .await;
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await["faults"],
        json!([])
    );
    press(&mock, &[("act", "clear-journal")]).await;
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
async fn what_cannot_be_done_is_said_on_the_page() {
    let mock = Mock::documented().await;
    let mut told = String::new();
    for fields in [
        vec![("act", "advance"), ("by", "soon")],
        vec![("act", "preset"), ("name", "refresh-revokd")],
        vec![("act", "remove-fault"), ("id", "7")],
        vec![("act", "make-sandbox"), ("name", "a b")],
        vec![("act", "delete-sandbox"), ("name", "default")],
        vec![("act", "explode")],
    ] {
        let answer = press(&mock, &fields).await;
        told += &format!(
            "{} {}\n",
            answer.status,
            answer.page().texts(".problem").join(" | ")
        );
    }
    assert_snapshot!(told, @r#"
    400 by: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    400 name: no preset "refresh-revokd"; did you mean "refresh-revoked"?
    400 id: no fault "7"; no fault is set
    400 name: "a b" is not a name: letters, digits, - _ . and at most 64 of them
    400 name: the default sandbox stays; POST reset empties it
    400 act: there is no button "explode"; use the buttons of the page
    "#);
    let typo = mock.get("/_mock?endpoint=tokn").await;
    assert_snapshot!(typo.page().texts(".problem").join(" | "), @r#"endpoint: no endpoint "tokn"; did you mean "token"?"#);
}

#[tokio::test]
async fn the_journal_is_filtered_and_turned_page_by_page() {
    let mock = Mock::documented().await;
    for _ in 0..20 {
        mock.token(&CONF.for_itself()).await;
    }
    mock.token(&CONF.refreshes("x")).await;
    let ids = |answer: &Answer| answer.page().attributes(".exchange", "id");
    let newest = mock.get(DASHBOARD).await;
    assert_eq!((ids(&newest).len(), &*ids(&newest)[0]), (15, "exchange-21"));
    let older = newest.page().attributes("a[href*=before]", "href");
    let before = mock.get(&older[0]).await;
    assert_eq!((ids(&before).len(), &*ids(&before)[0]), (6, "exchange-6"));
    assert!(
        !before.body.contains("data-events"),
        "an old page stays as it is"
    );
    let refused = mock.get("/_mock?error=invalid_grant").await;
    assert_eq!(ids(&refused), ["exchange-21"]);
}

#[tokio::test]
async fn no_secret_is_on_the_page() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "1").await;
    mock.token(&CONF.redeems(&code)).await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    mock.revoke(&CONF.revokes(&tokens.refresh)).await;
    let page = mock.get(DASHBOARD).await.body;
    let secret = CONF.for_itself();
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
async fn codes_and_tokens_show_the_time_they_have_left() {
    let mock = Mock::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    mock.code(&CONF, "5").await;
    mock.advance(60).await;
    let page = mock.get(DASHBOARD).await.page();
    assert_snapshot!(page.texts("[aria-labelledby=tokens] li").join("\n"), @"code conf user 2 scope 5 540 s left");
    assert_snapshot!(mock.control("GET", "/codes", json!({})).await, @r#"{"codes":[{"active":true,"client_id":"conf","user":2,"scope":"5","redirect_uri":"https://app.example/callback","issued_at":"2026-01-31T12:00:00Z","expires_at":"2026-01-31T12:10:00Z","expires_in":540}]}"#);
    mock.advance(600).await;
    assert_eq!(
        mock.control("GET", "/codes?user=ada", json!({})).await["codes"][0]["active"],
        false
    );
}

#[tokio::test]
async fn the_control_token_is_asked_for_once() {
    let mut config = config(Contract::Documented);
    config.set_control_token("t0ken");
    let mock = Mock::start(config).await;
    for path in [DASHBOARD, "/_mock/playground", "/_mock/consent"] {
        let asked = mock.get(path).await;
        assert_eq!(
            (asked.status, asked.page().title()),
            (401, "Control token · Civitai OAuth mock".to_owned())
        );
    }
    let wrong = mock
        .post("/_mock/unlock", &Fields::of(&[("token", "t0kem")]))
        .await;
    assert_snapshot!(wrong.page().texts(".problem").join(""), @"That is not the token.");
    let right = mock
        .post("/_mock/unlock", &Fields::of(&[("token", "t0ken")]))
        .await;
    assert_eq!((right.status, right.location().path()), (303, DASHBOARD));
    let attributes = right.header("set-cookie").unwrap_or_default();
    assert!(
        attributes.contains("HttpOnly")
            && attributes.contains("SameSite=Strict")
            && !attributes.contains("t0ken")
    );
    let cookie = right.cookie();
    assert_eq!(mock.get(DASHBOARD).cookie(&cookie).await.status, 200);
    assert_eq!(mock.get("/_mock/clock").cookie(&cookie).await.status, 200);
    assert_eq!(
        mock.get("/_mock/clock")
            .cookie("mock-control=00")
            .await
            .status,
        401
    );
    // A cookie lets nobody in from elsewhere.
    let foreign = mock
        .ask("POST", "/_mock/reset")
        .cookie(&cookie)
        .header("origin", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn the_pages_stand_behind_the_guard() {
    let mock = Mock::documented().await;
    for (method, path) in [
        ("POST", "/_mock/dashboard"),
        ("POST", "/_mock/playground"),
        ("POST", "/_mock/playground/act"),
        ("POST", "/_mock/unlock"),
        ("GET", "/_mock/events"),
        ("GET", "/_mock"),
    ] {
        let answer = mock.ask(method, path).header("host", "evil.example").await;
        let allowed = path == "/_mock/unlock" && method == "GET";
        assert_eq!(
            answer.status == 403,
            !allowed,
            "{method} {path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn events_tell_of_what_fits_and_end_with_the_server() {
    let mock = Mock::documented().await;
    let refused = mock.get("/_mock/events?endpoint=tokn").await;
    assert_eq!(refused.status, 400);
    let url = format!("{}/_mock/events?error=invalid_grant", mock.base);
    let mut stream = reqwest::get(url).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    mock.token(&CONF.for_itself()).await;
    mock.token(&CONF.refreshes("x")).await;
    let told = stream.chunk().await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(
        told.starts_with("event: exchange\nid: 2\ndata: <li class=\"exchange\" id=\"exchange-2\">"),
        "{told}"
    );
    let began = Stopwatch::start();
    mock.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "nobody waits for a stream: {:?}",
        began.elapsed()
    );
    assert!(matches!(stream.chunk().await, Ok(None) | Err(_)));
}
