//! The pages of the state in a real browser: each is live, and its forms work without a page load.

use std::time::Duration;

use serde_json::{Value, json};

use super::PAGES;
use crate::support::{Browser, ENTER, Stopwatch, TestServer};

/// Longer than a browser and a busy machine need. Without load, changes are seen within a second.
const SOON: Duration = Duration::from_secs(5);

async fn open(mock: &TestServer, browser: &Browser, path: &str) {
    browser.visit(&format!("{}{path}", mock.base)).await;
    let live = "document.querySelector('[data-badge]')?.textContent === 'Connected'";
    browser.until(live).await;
}

/// Waits until a part of the page has the text.
async fn sees(browser: &Browser, css: &str, text: &str) {
    let has = format!("document.querySelector('{css}')?.textContent.includes('{text}')");
    browser.until(&has).await;
}

#[tokio::test]
async fn each_page_shows_the_changes_of_others() {
    let mock = TestServer::documented().await;
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let issued = json!({ "client_id": "conf", "user": "ada", "scope": "1" });
    let changes: [(&str, &str, &str, Value, &str, &str); 10] = [
        (
            "/_mock/faults",
            "POST",
            "/faults/presets/rate-limited",
            json!({}),
            "#active-faults",
            "rate-limited",
        ),
        (
            "/_mock/faults",
            "POST",
            "/clock/advance",
            json!({ "by": "2h" }),
            "#bar-clock",
            "+2 h",
        ),
        (
            "/_mock/tokens",
            "POST",
            "/tokens",
            issued,
            "#token-list",
            "Conf App",
        ),
        (
            "/_mock/tokens",
            "POST",
            "/clock/advance",
            json!({ "by": "61m" }),
            "#token-list",
            "expired",
        ),
        (
            "/_mock/users",
            "POST",
            "/users",
            json!({ "username": "mia" }),
            "#user-list",
            "mia",
        ),
        (
            "/_mock/users",
            "PATCH",
            "/users/mia",
            json!({ "banned": true }),
            "#user-list",
            "banned",
        ),
        (
            "/_mock/clients",
            "POST",
            "/clients",
            json!({ "name": "Elsewhere" }),
            "#client-list",
            "Elsewhere",
        ),
        (
            "/_mock/snapshots",
            "POST",
            "/snapshots/taken",
            json!({}),
            "#snapshot-list",
            "taken",
        ),
        (
            "/_mock/sandboxes",
            "POST",
            "/sandboxes",
            json!({ "name": "made" }),
            "#sandbox-list",
            "made",
        ),
        (
            "/_mock/settings",
            "PATCH",
            "/settings",
            json!({ "consent": "deny" }),
            "#group-sign-in",
            "changed",
        ),
    ];
    let mut at = "";
    for (page, method, path, body, css, text) in changes {
        if at != page {
            open(&mock, &browser, page).await;
            at = page;
        }
        let began = Stopwatch::start();
        mock.control(method, path, body).await;
        sees(&browser, css, text).await;
        assert!(began.elapsed() < SOON, "{page}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn pages_have_no_finding_and_no_sideways_scroll() {
    let mock = TestServer::documented().await;
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    mock.control(
        "POST",
        "/sandboxes",
        json!({ "name": "a-sandbox-with-quite-a-long-name-for-a-narrow-table" }),
    )
    .await;
    mock.control("POST", "/snapshots/taken", json!({})).await;
    mock.control(
        "POST",
        "/faults",
        json!({ "effect": { "status": 503, "delay": "1s" } }),
    )
    .await;
    mock.control(
        "POST",
        "/tokens",
        json!({ "client_id": "conf", "user": "ada" }),
    )
    .await;
    mock.set(json!({ "consent": "deny", "differences": { "scope-shape": "live" } }))
        .await;
    for (width, theme) in [
        (390, "dark"),
        (390, "light"),
        (1280, "light"),
        (1280, "dark"),
    ] {
        browser.visit(&format!("{}/api/health", mock.base)).await;
        let set = format!("document.cookie = 'mock-theme={theme}; path=/'");
        browser.run(&set, Vec::new()).await;
        browser.resize(width, 900).await;
        for path in PAGES {
            for query in ["", "?add", "?issue"] {
                let page = format!("{path}{query} at {width}, {theme}");
                open(&mock, &browser, &format!("{path}{query}")).await;
                browser.resize(width, 900).await;
                let widths = browser
                    .run(
                        "return [document.documentElement.scrollWidth, innerWidth]",
                        Vec::new(),
                    )
                    .await;
                assert_eq!(widths, json!([width, width]), "{page}");
                browser.has_no_finding(&page).await;
            }
        }
    }
}

#[tokio::test]
async fn forms_keep_their_page() {
    let mock = TestServer::documented().await;
    let Some(browser) = Browser::open(1280, 900).await else {
        return;
    };
    let stays = "window.isSame = true";
    let same = "window.isSame === true";
    // A form that fails shows its error at the field.
    open(&mock, &browser, "/_mock/snapshots").await;
    browser.arrive("Snapshots").await;
    browser.run(stays, Vec::new()).await;
    browser.fill("Name", "a b").await;
    browser.press([ENTER]).await;
    sees(&browser, "#take-snapshot .error", "is not a valid name").await;
    let typed = "document.activeElement.name === 'name' && document.activeElement.value === 'a b'";
    browser.until(typed).await;
    browser.select_all().await;
    browser.press("start\u{e007}".chars()).await;
    sees(&browser, "#snapshot-list", "start").await;
    browser
        .until("document.querySelector('#snapshot-name').value === ''")
        .await;
    browser.until(same).await;
    // A setting is saved when it is chosen.
    open(&mock, &browser, "/_mock/settings").await;
    browser.run(stays, Vec::new()).await;
    browser
        .run(
            "document.getElementById('set-rate_limits').click()",
            Vec::new(),
        )
        .await;
    sees(&browser, "[data-toasts]", "Rate limits: on").await;
    assert_eq!(
        mock.get("/_mock/settings").await.json()["rate_limits"],
        true
    );
    browser
        .run(
            "document.querySelector('.side[value=\"scope-shape=live\"]').click()",
            Vec::new(),
        )
        .await;
    sees(&browser, "[data-toasts]", "scope-shape: live").await;
    browser.until("document.querySelector('tr.is-override .side[aria-pressed=true]')?.value === 'scope-shape=live'").await;
    browser.until(same).await;
    // Issued tokens stay on the page while the list is kept up to date.
    open(&mock, &browser, "/_mock/tokens?issue").await;
    browser
        .run(
            "document.querySelector('form[data-navigate] .button--primary').click()",
            Vec::new(),
        )
        .await;
    sees(&browser, "main", "Issued tokens").await;
    mock.control(
        "POST",
        "/tokens",
        json!({ "client_id": "spa", "user": "ada" }),
    )
    .await;
    browser
        .until("document.querySelectorAll('#token-list tbody tr').length === 4")
        .await;
    sees(&browser, "main", "Issued tokens").await;
    // Deleted requests are put back from the status line.
    mock.userinfo("x").await;
    open(&mock, &browser, "/_mock").await;
    browser
        .run(
            "document.querySelector('button[value=delete-requests]').click()",
            Vec::new(),
        )
        .await;
    browser
        .until("document.querySelectorAll('#requests tr[data-id]').length === 0")
        .await;
    browser
        .run(
            "document.querySelector('[data-toasts] button').click()",
            Vec::new(),
        )
        .await;
    browser
        .until("document.querySelectorAll('#requests tr[data-id]').length === 1")
        .await;
}
