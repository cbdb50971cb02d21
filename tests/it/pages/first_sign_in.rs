//! The start page: the set-up, and the checklist of what the app has done and should handle.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Browser, CONF, Fields, SandboxClient, TestServer, USERINFO};

/// The lines of the checklist: `x` before what is done.
async fn checklist(sandbox: &SandboxClient) -> String {
    let page = sandbox.get("/").await.page();
    let classes = page.attributes("#first-sign-in li", "class");
    let texts = page.texts("#first-sign-in li");
    let lines = classes.iter().zip(texts).map(|(class, text)| {
        let mark = if class == "is-done" { "x" } else { "-" };
        format!("{mark} {text}\n")
    });
    lines.collect::<String>() + &page.texts("#first-sign-in .push").concat()
}

/// Presses a button of the checklist, and returns what the status line says.
async fn bring_about(sandbox: &SandboxClient, state: &str) -> String {
    let fields = Fields::default().with("state", state);
    let answer = sandbox.post("/_mock/first-sign-in", &fields).await;
    assert_eq!(answer.status, 303, "{answer}");
    let page = sandbox.get("/").cookie(&answer.cookie()).await.page();
    page.texts("[data-toasts]").concat()
}

#[tokio::test]
async fn checklist_follows_the_requests_of_the_app() {
    let mock = TestServer::documented().await;
    assert_snapshot!(checklist(&mock).await, @"
    - Your app sent a user to sign in : not yet
    - The user approved the consent : not yet
    - The code was exchanged for tokens : not yet
    - Your app read the user : not yet
    - Your app refreshed the tokens : not yet
    - Your app revoked a token on sign-out : not yet
    - The user denies the consent : not yet Deny the next consent
    - The access token has expired: refresh it : not yet Expire access tokens
    - The refresh is refused: sign in again : not yet Refuse the next refresh
    - The spending limit is reached : not yet Set limits of 1 Buzz
    - Too many requests: retry later : not yet Answer 429 once
    - The token endpoint takes 3 s : not yet Delay the next tokens
    0 of 12
    ");
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    let refreshed = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.revoke(&CONF.revoke_params(&refreshed.text("refresh_token")))
        .await;
    assert_snapshot!(checklist(&mock).await, @"
    x Your app sent a user to sign in : done #2
    x The user approved the consent : done #2
    x The code was exchanged for tokens : done #3
    x Your app read the user : done #4
    x Your app refreshed the tokens : done #5
    x Your app revoked a token on sign-out : done #6
    - The user denies the consent : not yet Deny the next consent
    - The access token has expired: refresh it : not yet Expire access tokens
    - The refresh is refused: sign in again : not yet Refuse the next refresh
    - The spending limit is reached : not yet Set limits of 1 Buzz
    - Too many requests: retry later : not yet Answer 429 once
    - The token endpoint takes 3 s : not yet Delay the next tokens
    6 of 12
    ");
    mock.control("POST", "/reset", json!({})).await;
    let first = mock.get("/").await.page();
    assert_eq!(first.texts("#first-sign-in .push"), ["0 of 12"]);
}

#[tokio::test]
async fn each_state_is_brought_about_by_its_button() {
    let mock = TestServer::documented().await;
    let mut said = String::new();
    for state in ["expire-tokens", "limit-spending"] {
        said += &format!("{state}: {}\n", bring_about(&mock, state).await);
    }
    let tokens = mock.tokens(&CONF, "98309").await;
    for state in [
        "deny-consent",
        "expire-tokens",
        "expire-tokens",
        "refuse-refresh",
        "limit-rate",
        "delay-token",
    ] {
        said += &format!("{state}: {}\n", bring_about(&mock, state).await);
    }
    assert_snapshot!(said, @"
    expire-tokens: There are no access tokens: sign in first
    limit-spending: No app has a remembered consent yet: sign in first
    deny-consent: Fault consent-denied turned on, once
    expire-tokens: 1 access token expired
    expire-tokens: All access tokens have already expired
    refuse-refresh: Fault refresh-revoked turned on, once
    limit-rate: Fault rate-limited turned on, once
    delay-token: Fault token-endpoint-slow turned on, once
    ");
    let armed = mock.get("/").await.page().texts("#first-sign-in small");
    assert_eq!(armed.len(), 4);
    mock.control("DELETE", "/faults", json!({})).await;
    // The app handles an expired token, a refused refresh and a denied consent.
    mock.get(USERINFO)
        .header("authorization", &format!("Bearer {}", tokens.access))
        .await;
    let refreshed = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    bring_about(&mock, "refuse-refresh").await;
    mock.token(&CONF.refresh_params(&refreshed.text("refresh_token")))
        .await;
    bring_about(&mock, "deny-consent").await;
    mock.authorize(&CONF.authorize_params("1")).await;
    mock.authorize(&CONF.authorize_params("1")).await;
    // Once too often, then with success.
    bring_about(&mock, "limit-rate").await;
    mock.token(&CONF.client_credentials()).await;
    mock.tokens(&CONF, "1").await;
    assert_snapshot!(checklist(&mock).await, @"
    x Your app sent a user to sign in : done #18
    x The user approved the consent : done #21
    x The code was exchanged for tokens : done #22
    - Your app read the user : not yet
    x Your app refreshed the tokens : done #13
    - Your app revoked a token on sign-out : not yet
    x The user denies the consent : done #17
    x The access token has expired: refresh it : done #13
    x The refresh is refused: sign in again : done #18
    - The spending limit is reached : not yet Set limits of 1 Buzz
    x Too many requests: retry later : done #22
    - The token endpoint takes 3 s : not yet Delay the next tokens
    8 of 12
    ");
    let wrong = Fields::default().with("state", "unknown");
    let refused = mock.post("/_mock/first-sign-in", &wrong).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn spending_limit_is_added_to_the_budgets_of_the_users() {
    let mock = TestServer::documented().await;
    let own = json!({ "type": "absolute", "limit": 5000 });
    for (client, budgets) in [
        ("conf", json!([own])),
        ("spa", Value::Null),
        ("other", json!(vec![&own; 20])),
    ] {
        let consent = json!({ "user": "ada", "client_id": client, "scope": "AI Services", "buzz_limit": budgets });
        mock.control("POST", "/consents", consent).await;
    }
    // The second time, the budget is already there.
    for _ in 0..2 {
        assert_eq!(
            bring_about(&mock, "limit-spending").await,
            "2 of 3 consents are limited to 1 Buzz a day: the others have as many budgets as they may have"
        );
    }
    let stored = mock.control("GET", "/consents", json!({})).await;
    let stored = stored["consents"].as_array().expect("consents");
    let limits = stored.iter().map(|one| {
        let limit = one["buzz_limit"].as_array().map_or(&[][..], Vec::as_slice);
        let limits: Vec<_> = limit.iter().map(|budget| &budget["limit"]).collect();
        match limits.len() {
            20 => format!("{}: 20 budgets\n", one["client_id"]),
            _ => format!("{}: {}\n", one["client_id"], json!(limits)),
        }
    });
    assert_snapshot!(limits.collect::<String>(), @r#"
    "conf": [5000,1]
    "other": 20 budgets
    "spa": [1]
    "#);
}

#[tokio::test]
async fn a_fault_of_one_client_waits_for_its_next_request() {
    let mock = TestServer::documented().await;
    let of_client = json!({ "client_id": "conf" });
    mock.control("POST", "/faults/presets/rate-limited", of_client)
        .await;
    let page = mock.get("/").await.page();
    assert_eq!(page.texts("#first-sign-in small").len(), 1);
}

#[tokio::test]
async fn set_up_names_the_server_and_its_demo_client() {
    let demo = civitai_oauth_mock::MockServer::start().await;
    let demo = SandboxClient::at(demo.base_url().clone());
    let page = demo.get("/").await.page();
    let code = page
        .texts(".tabset pre")
        .join("\n")
        .replace(&demo.base, "http://mock");
    for part in [
        "CIVITAI_AUTH_URL=http://mock",
        "CIVITAI_CLIENT_SECRET=dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
        r#""client_id":"dec0de00-0000-4000-8000-000000000001","user":"ada""#,
    ] {
        assert!(code.contains(part), "{code}");
    }
    // Of other clients, the server does not know the secret.
    let mock = TestServer::documented().await;
    let page = mock.get("/").await.page();
    assert!(page.texts(".tabset pre")[0].ends_with("CIVITAI_CLIENT_SECRET=…"));
    assert_eq!(page.texts(".tabset .card__foot").len(), 1);
    // A user signs in with one click.
    let form = page
        .forms()
        .into_iter()
        .find(|form| form.action == "/login");
    let fields = form.expect("a form").fields.with("user_id", "2");
    let signed_in = mock.post("/login", &fields).await;
    assert_eq!((signed_in.status, signed_in.location().path()), (303, "/"));
}

#[tokio::test]
async fn checklist_is_live() {
    let mock = TestServer::documented().await;
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    browser.visit(&format!("{}/", mock.base)).await;
    browser
        .arrive("Sign in with Civitai, on your machine")
        .await;
    let shows = |text: &str| {
        format!("document.querySelector('#first-sign-in .push').textContent === '{text}'")
    };
    browser.until(&shows("0 of 12")).await;
    mock.tokens(&CONF, "1").await;
    browser.until(&shows("3 of 12")).await;
    browser.choose("Deny the next consent").await;
    browser
        .until(
            "document.querySelector('#first-sign-in').textContent.includes('at the next request')",
        )
        .await;
    browser.is_fit().await;
}
