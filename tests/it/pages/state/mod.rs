//! The pages that show and change the state of a sandbox. They share their paths with lists of the control API.

mod browser;
mod clients;
mod faults;
mod forms;
mod sandboxes;
mod settings;
mod tokens;
mod undo;
mod users;

use serde_json::json;

use crate::support::{Fields, Page, SandboxClient, TestResponse, TestServer};

/// The pages.
const PAGES: [&str; 7] = [
    "/_mock/faults",
    "/_mock/tokens",
    "/_mock/users",
    "/_mock/clients",
    "/_mock/snapshots",
    "/_mock/sandboxes",
    "/_mock/settings",
];

async fn show(sandbox: &SandboxClient, path: &str) -> Page {
    let shown = sandbox.get(path).in_browser().await;
    assert_eq!(shown.status, 200, "{path}: {}", shown.body);
    shown.page()
}

async fn press(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> TestResponse {
    sandbox.post("/_mock/actions", &Fields::new(fields)).await
}

/// Presses a button, and returns the page that follows.
async fn follow(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> TestResponse {
    let pressed = press(sandbox, fields).await;
    assert_eq!(pressed.status, 303, "{fields:?}: {}", pressed.body);
    let there = pressed.location();
    let url = &there[url::Position::BeforePath..];
    let root = SandboxClient::at(there.origin().ascii_serialization());
    let cookies = pressed.cookies();
    root.get(url).in_browser().cookie(&cookies).await
}

/// The text of the status line after a button.
async fn done(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> String {
    let page = follow(sandbox, fields).await.page();
    page.texts("[data-toasts]").concat()
}

/// The text of the cells of each row, without the buttons.
fn rows(page: &Page, list: &str) -> String {
    let count = page.texts(&format!("{list} tbody tr")).len();
    let row = |at: usize| {
        let cells = format!("{list} tbody tr:nth-child({at}) > :not(:last-child)");
        page.texts(&cells).join(" | ")
    };
    (1..=count).map(row).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn programs_get_the_list_of_the_control_api() {
    let mock = TestServer::documented().await;
    for path in PAGES {
        for accept in ["*/*", "application/json", "text/html, image/gif, */*; q=.2"] {
            let list = mock.get(path).header("accept", accept).await;
            assert!(list.json().is_object(), "{path} {accept}");
        }
        let page = mock.get(path).in_browser().await;
        assert_eq!(
            page.header("content-type").as_deref(),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
        // Other methods are those of the control API.
        let patch = mock.request("PUT", path).in_browser().await;
        assert_eq!(patch.status, 405, "{path}");
    }
}

#[tokio::test]
async fn navigation_leads_to_every_page() {
    let mock = TestServer::documented().await;
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        let prefix = sandbox.base.trim_start_matches(&mock.base).to_owned();
        let links = show(&sandbox, "/_mock/faults")
            .await
            .attributes("#nav a", "href");
        for path in PAGES {
            assert!(
                links.contains(&format!("{prefix}{path}")),
                "{path}: {links:?}"
            );
            let page = show(&sandbox, path).await;
            let current = page.attributes("#nav a[aria-current]", "href");
            assert_eq!(current, [format!("{prefix}{path}")]);
            // Every form stays in the sandbox.
            for form in page.forms() {
                assert!(
                    form.action.starts_with(&format!("{prefix}/_mock/")),
                    "{form:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_destroys_asks_first_and_one_button_is_primary() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/sandboxes", json!({ "name": "made" }))
        .await;
    mock.control("POST", "/snapshots/taken", json!({})).await;
    mock.control("POST", "/faults/presets/rate-limited", json!({}))
        .await;
    mock.control("PATCH", "/settings", json!({ "consent": "deny" }))
        .await;
    for path in PAGES {
        let page = show(&mock, path).await;
        let all = page.texts(".button--danger").len();
        let hidden = page.texts("details:not([open]) form .button--danger").len();
        assert!(all > 0 && all == hidden, "{path}: {hidden} of {all}");
        assert!(page.texts("main .button--primary").len() <= 1, "{path}");
        for primary in ["?add", "?issue"] {
            let page = mock
                .get(&format!("{path}{primary}"))
                .in_browser()
                .await
                .page();
            assert!(
                page.texts("main .button--primary").len() <= 1,
                "{path}{primary}"
            );
        }
    }
    let all = mock.get("/_mock").await.page();
    let asked = all.texts("details:not([open]) form button[value=delete-requests]");
    assert_eq!(
        asked.len(),
        all.texts("button[value=delete-requests]").len()
    );
}

#[tokio::test]
async fn pages_of_other_sites_cannot_press_a_button() {
    let mock = TestServer::documented().await;
    let before = mock.users().await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
    ] {
        for act in [
            "ban",
            "delete-user",
            "issue-tokens",
            "rotate-secret",
            "settings",
        ] {
            let fields = Fields::new(&[("act", act), ("id", "2")]);
            let pressed = mock
                .post("/_mock/actions", &fields)
                .header(name, value)
                .await;
            assert_eq!(pressed.status, 403, "{name}: {value}, {act}");
        }
    }
    assert_eq!(mock.users().await, before);
}
