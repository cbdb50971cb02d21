//! The request list in a real browser: changes at their place, page loads below their sign-in, restarts and resets.

use civitai_oauth_mock::Contract;
use serde_json::json;

use crate::support::{AUTHORIZE, Browser, CONF, SandboxClient, TestServer, config};

/// A browser on the list, connected to its events.
async fn open(sandbox: &SandboxClient, query: &str) -> Option<Browser> {
    let browser = Browser::open(1440, 900).await?;
    browser
        .visit(&format!("{}/_mock{query}", sandbox.base))
        .await;
    browser.arrive("Requests").await;
    connected(&browser).await;
    Some(browser)
}

async fn connected(browser: &Browser) {
    browser
        .until("document.querySelector('[data-badge]').textContent === 'Connected'")
        .await;
}

/// A condition on the visible lines: ids of requests, and `~` for a change.
fn shows(lines: &[&str]) -> String {
    format!(
        "[...document.querySelectorAll('#requests tr:not([hidden])')]
            .map((row) => row.dataset.id ?? '~').join() === '{}'",
        lines.join(",")
    )
}

fn says(text: &str) -> String {
    format!("document.querySelector('[data-toasts]').textContent === '{text}'")
}

#[tokio::test]
async fn changes_and_page_loads_come_live() {
    let mock = TestServer::documented().await;
    let Some(browser) = open(&mock, "?show=all").await else {
        return;
    };
    let cookie = mock.session("ada").await;
    let authorize = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let consent = mock.get(&authorize).cookie(&cookie).await.location();
    let consent = format!("{}?{}", consent.path(), consent.query().unwrap_or_default());
    browser.until(&shows(&["1"])).await;
    mock.control("POST", "/clock/advance", json!({ "by": "2h" }))
        .await;
    browser.until(&shows(&["~", "1"])).await;
    browser.see("Clock moved 2 h ahead").await;
    mock.get(&consent).cookie(&cookie).await;
    mock.token(&CONF.client_credentials()).await;
    browser.until(&shows(&["3", "~", "1"])).await;
    // The page load is below its authorize request, and opens.
    let press = "document.querySelector('#requests a.pages').click()";
    browser.run(press, Vec::new()).await;
    browser.until(&shows(&["3", "~", "1", "2"])).await;
    mock.get(&consent).cookie(&cookie).await;
    browser.until(&shows(&["3", "~", "1", "2", "4"])).await;
    browser.run(press, Vec::new()).await;
    browser.until(&shows(&["3", "~", "1"])).await;
    browser.is_fit().await;
}

#[tokio::test]
async fn restart_and_reset_are_said_and_forget_the_selected_request() {
    let mock = TestServer::documented().await;
    for _ in 0..2 {
        mock.token(&CONF.refresh_params("x")).await;
    }
    let Some(browser) = open(&mock, "?request=1").await else {
        return;
    };
    let mut same_port = config(Contract::Documented);
    let address = mock.base.trim_start_matches("http://").parse();
    same_port.listen = address.expect("an address");
    mock.stop().await;
    browser
        .until("document.querySelector('[data-badge]').textContent.startsWith('Disconnected')")
        .await;
    let mock = TestServer::start(same_port).await;
    for _ in 0..2 {
        mock.token(&CONF.client_credentials()).await;
    }
    browser
        .until(&says("The server was restarted; the list starts again."))
        .await;
    browser.until(&shows(&["2", "1"])).await;
    browser.until("location.search === ''").await;
    // Another request has the id now: it is not the selected one.
    browser
        .until("document.querySelector('#detail [data-detail=\"2\"]')")
        .await;
    connected(&browser).await;
    mock.control("POST", "/reset", json!({})).await;
    browser.until(&says("The sandbox was reset.")).await;
    browser.until(&shows(&["~"])).await;
    browser.see("No requests yet").await;
}
