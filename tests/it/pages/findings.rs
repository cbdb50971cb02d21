//! The findings page: how often a finding was seen, the chips of clients, and the command for CI.

use serde_json::{Value, json};

use crate::support::{ME, SandboxClient, TestServer};

/// Signs in with a new client, and sends its token in a query this many times.
async fn send_token_in_query(mock: &SandboxClient, client: &str, times: usize) {
    let new = json!({ "id": client, "name": client, "redirect_uris": ["http://localhost:3000/callback"] });
    mock.control("POST", "/clients", new).await;
    let wanted = json!({ "user": "ada", "client_id": client });
    let issued = mock.control("POST", "/tokens", wanted).await;
    let token = issued["access_token"].as_str().expect("a token");
    for _ in 0..times {
        mock.get(&format!("{ME}?token={token}")).await;
    }
}

#[tokio::test]
async fn as_many_requests_as_a_finding_lists_are_shown_as_a_minimum() {
    let mock = TestServer::documented().await;
    send_token_in_query(&mock, "few", 3).await;
    send_token_in_query(&mock, "many", 25).await;
    for (client, times) in [("few", "3×, "), ("many", "20+×, ")] {
        let page = format!("/_mock/findings?client_id={client}");
        let seen = mock.get(&page).await.page().texts(".finding__last");
        assert!(seen[0].starts_with(times), "{client}: {seen:?}");
    }
}

#[tokio::test]
async fn chosen_client_has_a_chip_and_is_in_the_command() {
    let mock = TestServer::documented().await;
    for number in 10..24 {
        send_token_in_query(&mock, &format!("client-{number}"), 1).await;
    }
    let everything = mock.get("/_mock/findings").await.page();
    assert_eq!(everything.texts(".chips .chip").len(), 13);
    let own = mock.get("/_mock/findings?client_id=client-23").await.page();
    let chips = own.texts(".chips .chip[aria-current]");
    assert_eq!(chips.len(), 1, "{chips:?}");
    let command = own.texts("#findings pre").concat();
    let wanted = format!(
        "civitai-oauth-mock advice --fail-on warning --server '{}' --client 'client-23'",
        mock.base
    );
    assert_eq!(command.trim(), wanted);
    let listed: Value = mock
        .control("GET", "/advice?client_id=client-23", json!({}))
        .await;
    assert_eq!(listed["findings"].as_array().map(Vec::len), Some(1));
}
