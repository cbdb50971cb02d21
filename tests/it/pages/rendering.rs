//! The console pages in a real browser: keyboard use, every width, light and dark.

use civitai_oauth_mock::Contract;
use serde_json::json;

use crate::support::{Browser, CONF, SandboxClient, TestServer, config};

/// Each page, by its path and its heading.
const PAGES: [(&str, &str); 27] = [
    ("/", "Sign in with Civitai, on your machine"),
    ("/login", "Sign in"),
    ("/login/oauth/device", "Connect a device"),
    ("/user/account", "Account"),
    ("/user/account/new-app", "Register an app"),
    ("/user/account/apps/conf", "Edit the app"),
    ("/_mock", "Requests"),
    ("/_mock/requests/9", "#9 POST /api/auth/oauth/token"),
    ("/_mock/findings", "Findings"),
    ("/_mock/faults", "Faults"),
    ("/_mock/tokens", "Tokens"),
    ("/_mock/tokens?issue", "Tokens"),
    ("/_mock/users", "Users"),
    ("/_mock/users?add", "Users"),
    ("/_mock/users?edit=1", "Users"),
    ("/_mock/clients", "Clients"),
    ("/_mock/clients?add", "Clients"),
    ("/_mock/clients?edit=conf", "Clients"),
    ("/_mock/snapshots", "Snapshots"),
    ("/_mock/sandboxes", "Sandboxes"),
    ("/_mock/settings", "Settings"),
    ("/_mock/styleguide", "Style guide"),
    ("/_mock/api", "API reference"),
    ("/_mock/playground", "Playground"),
    ("/_mock/consent", "Consent gallery"),
    (
        "/_mock/consent?client_id=conf&user=ada&scope=98309&budget=100",
        "Consent gallery",
    ),
    (
        "/_mock/consent/preview?client_id=conf&user=ada&preset=Full+Access&verified=yes",
        "Authorize Conf App",
    ),
];

/// The most bytes of a page with all resources that it loads. Of the console's, its style sheet and script, 90 kB, are
/// loaded once.
const HEAVIEST: u64 = 190_000;

/// A sandbox in which every page has content.
async fn furnished() -> TestServer {
    let mut config = config(Contract::Documented);
    config.entropy_seed = Some(1);
    config.set_login("owner");
    let mock = TestServer::start(config).await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    mock.control("PATCH", "/clients/conf", json!({ "owner": "owner" }))
        .await;
    let budget = json!([{ "type": "sliding", "limit": 5000, "window": "day", "unit": 7 }]);
    let consent = json!({ "user": "owner", "client_id": "conf", "scope": "AI Services", "buzz_limit": budget });
    mock.control("POST", "/consents", consent).await;
    mock.tokens(&CONF, "98309").await;
    for _ in 0..20 {
        mock.token(&CONF.refresh_params("civitai_00")).await;
    }
    mock.control("POST", "/faults/presets/token-endpoint-slow", json!({}))
        .await;
    let fault =
        json!({ "endpoint": "token", "times": 2, "effect": { "status": 503, "delay": "1s" } });
    mock.control("POST", "/faults", fault).await;
    mock.control("POST", "/snapshots/signed-in", json!({}))
        .await;
    mock.control("POST", "/sandboxes", json!({ "name": "another" }))
        .await;
    let changed = json!({ "differences": { "scope-shape": "live" }, "consent": "approve" });
    mock.control("PATCH", "/settings", changed).await;
    mock
}

async fn check_every_page(width: u32) {
    let Some(browser) = Browser::open(width, 900).await else {
        return;
    };
    let mock = furnished().await;
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        browser.visit(&format!("{}/api/health", mock.base)).await;
        let theme = format!("document.cookie = 'mock-theme={scheme}; path=/'");
        browser.run(&theme, Vec::new()).await;
        for (path, heading) in PAGES {
            browser.visit(&format!("{}{path}", mock.base)).await;
            browser.arrive(heading).await;
            let weight = browser.weight().await;
            // The reference has every operation and type of the control API.
            let most = if path == "/_mock/api" {
                300_000
            } else {
                HEAVIEST
            };
            assert!(weight <= most, "{path} weighs {weight}");
        }
    }
}

#[tokio::test]
async fn every_page_is_accessible_on_a_phone() {
    check_every_page(375).await;
}

#[tokio::test]
async fn every_page_is_accessible_on_a_tablet() {
    check_every_page(768).await;
}

#[tokio::test]
async fn every_page_is_accessible_on_a_desktop() {
    check_every_page(1440).await;
}

/// Registers an app and copies its secret to the clipboard.
async fn register(browser: &Browser, sandbox: &SandboxClient) -> String {
    browser
        .visit(&format!("{}/user/account", sandbox.base))
        .await;
    browser.arrive("Account").await;
    browser.go("Register an app").await;
    browser.arrive("Register an app").await;
    browser.fill("Name", "Keyboard App").await;
    browser.fill("Redirect URIs", "http://app.example/cb").await;
    browser.go("Register").await;
    browser
        .arrive_at_problem("http://app.example/cb must begin with https:// – only localhost and 127.0.0.1 may do without")
        .await;
    browser.tab_to("Redirect URIs").await;
    browser.select_all().await;
    browser.press("http://localhost:4567/cb".chars()).await;
    browser.go("Register").await;
    browser.arrive("Keyboard App").await;
    let secret = browser.text_of("client-secret").await;
    assert_eq!(secret.len(), 48, "{secret:?}");
    browser.choose("Copy the client secret").await;
    browser.see("Copied").await;
    secret
}

/// A whole run of the playground, by its buttons.
async fn play(browser: &Browser, sandbox: &SandboxClient) {
    browser
        .visit(&format!("{}/_mock/playground", sandbox.base))
        .await;
    browser.arrive("Playground").await;
    // The newest app is the last one.
    browser.tab_to("App").await;
    browser.press("Keyboard".chars()).await;
    browser.tab_to("Client secret").await;
    browser.paste().await;
    browser.go("Start the run").await;
    browser.see("was added to this app").await;
    browser.arrive("Playground").await;
    browser.go("Go to sign-in and consent").await;
    browser.arrive("Authorize Keyboard App").await;
    browser.go("Authorize").await;
    let old_token = "Use the old refresh token again As an app that did not store the new one";
    for (button, seen) in [
        (
            "Send the request",
            "Exchange the code /api/auth/oauth/token 200 OK",
        ),
        (
            "Send the request",
            "Request userinfo /api/auth/oauth/userinfo 200 OK",
        ),
        (
            "Send the request",
            "Refresh the tokens /api/auth/oauth/token 200 OK",
        ),
        (
            old_token,
            "Use the old refresh token again /api/auth/oauth/token 400 Bad Request",
        ),
        (
            "Send the request",
            "Revoke the refresh token /api/auth/oauth/revoke 200 OK",
        ),
    ] {
        browser.arrive("Playground").await;
        browser.go(button).await;
        browser.see(seen).await;
    }
    browser.see("All steps done").await;
    browser.arrive("Playground").await;
    browser.draw("playground.png").await;
}

/// The app spends up to its budget, and the bar shows it.
async fn spend(browser: &Browser, sandbox: &SandboxClient) {
    let clients = sandbox.clients().await;
    let app = clients
        .iter()
        .find(|client| client["name"] == "Keyboard App");
    let id = &app.expect("the app is registered")["id"];
    sandbox
        .control(
            "PATCH",
            "/users/ada",
            json!({ "buzz": { "yellow": 20_000 } }),
        )
        .await;
    let asked = json!({ "client_id": id, "user": "ada", "scope": "AI Services" });
    let issued = sandbox.control("POST", "/tokens", asked).await;
    let bearer = format!(
        "Bearer {}",
        issued["access_token"].as_str().unwrap_or_default()
    );
    for (cost, held) in [(4000, false), (2000, true)] {
        let ask = sandbox.request("POST", "/v2/consumer/workflows");
        let ask = ask.header("authorization", &bearer);
        let answer = ask.json(&json!({ "cost": cost, "steps": [] })).await;
        assert_eq!(answer.status >= 400, held, "{answer}");
    }
    browser
        .visit(&format!("{}/user/account", sandbox.base))
        .await;
    browser.arrive("Account").await;
    browser.see("4000 spent, 1000 remaining").await;
}

#[tokio::test]
async fn app_is_registered_used_capped_and_revoked_by_keyboard() {
    let Some(browser) = Browser::open(1440, 1000).await else {
        return;
    };
    let mut config = config(Contract::Documented);
    config.entropy_seed = Some(1);
    config.set_login("ada");
    let mock = TestServer::start(config).await;
    browser.allow_clipboard().await;
    let secret = register(&browser, &mock).await;
    play(&browser, &mock).await;

    browser.visit(&format!("{}/user/account", mock.base)).await;
    browser.arrive("Account").await;
    assert!(
        browser.text().await.contains("5000 buzz per day"),
        "{}",
        browser.text().await
    );
    browser.choose("Change the limit… of Keyboard App").await;
    browser.tab_to("Kind").await;
    browser.press("Reset by".chars()).await;
    browser.tab_to("Cron expression (UTC)").await;
    browser.select_all().await;
    browser.press("0 0 * * 1".chars()).await;
    browser.go("Save the limit").await;
    browser.see("5000 buzz, reset at").await;
    browser.arrive("Account").await;
    spend(&browser, &mock).await;
    browser.draw("account.png").await;
    browser.choose("Revoke access… of Keyboard App").await;
    browser.go("Revoke access of Keyboard App").await;
    browser.see("You have no connected apps.").await;

    browser
        .visit(&format!("{}/_mock?show=all", mock.base))
        .await;
    browser.arrive("Requests").await;
    let seen = browser.text().await;
    for step in [
        "/limit",
        "workflows",
        "revoke",
        "token",
        "userinfo",
        "400 invalid_grant",
        "/user/account/new-app",
    ] {
        assert!(seen.contains(step), "{step}: {seen}");
    }
    assert!(!seen.contains(&secret));
    browser.visit(&format!("{}/_mock", mock.base)).await;
    browser.arrive("Requests").await;
    browser.draw("console.png").await;
}

/// Wide enough for the journal beside the clock and the faults.
#[tokio::test]
async fn screenshots_of_the_readme_are_taken() {
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let mock = furnished().await;
    let defaults = json!({ "consent": "ask", "differences": { "scope-shape": null } });
    mock.control("PATCH", "/settings", defaults).await;
    mock.control("DELETE", "/faults", json!({})).await;
    mock.control("DELETE", "/requests", json!({})).await;
    mock.control(
        "PATCH",
        "/users/owner",
        json!({ "buzz": { "yellow": 9000 } }),
    )
    .await;
    let tokens = mock.tokens(&CONF, "98309").await;
    mock.userinfo(&tokens.access).await;
    mock.token(&CONF.refresh_params("civitai_00")).await;
    browser.visit(&format!("{}/_mock", mock.base)).await;
    browser.arrive("Requests").await;
    browser.draw("console-readme.png").await;
    browser
        .visit(&format!("{}/_mock/playground", mock.base))
        .await;
    browser.arrive("Playground").await;
    browser.go("Start the run").await;
    browser.arrive("Playground").await;
    browser.go("Go to sign-in and consent").await;
    browser.arrive("Authorize Public App").await;
    browser.go("Authorize").await;
    browser.arrive("Playground").await;
    browser.go("Send the request").await;
    browser.arrive("Playground").await;
    browser
        .visit(&format!("{}/_mock/playground?#run", mock.base))
        .await;
    browser.arrive("Playground").await;
    browser.draw("playground-readme.png").await;
}
