//! `/_mock/events`: what keeps the pages of the console true.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Stopwatch, TestResponse, TestServer};

const REQUESTS: &str = "/_mock";

/// The next events of a stream, until one has this name. Each is a line `name data` with the id if it has one.
async fn events_until(stream: &mut reqwest::Response, last: &str) -> Vec<String> {
    let mut text = String::new();
    loop {
        let chunk = stream.chunk().await.expect("a stream").expect("an event");
        text += &String::from_utf8_lossy(&chunk);
        let events: Vec<String> = text.split_terminator("\n\n").map(one_line).collect();
        if text.ends_with("\n\n") && events.iter().any(|event| event.starts_with(last)) {
            return events;
        }
    }
}

fn one_line(event: &str) -> String {
    let field = |name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name).map(str::trim))
    };
    let data: String = field("data:")
        .unwrap_or_default()
        .chars()
        .take(40)
        .collect();
    let id = field("id:").map(|id| format!(" #{id}")).unwrap_or_default();
    format!("{}{id} {data}", field("event:").unwrap_or_default())
}

fn epoch(page: &TestResponse) -> String {
    page.page().attributes("body", "data-epoch").concat()
}

#[tokio::test]
async fn first_event_has_the_epoch_and_a_clearing_changes_it() {
    let mock = TestServer::documented().await;
    let shown = epoch(&mock.get(REQUESTS).await);
    let url = format!("{}/_mock/events", mock.base);
    let mut stream = reqwest::get(&url).await.expect("a stream");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(
        events_until(&mut stream, "hello").await[0],
        format!("hello {shown}")
    );
    mock.control("DELETE", "/requests", json!({})).await;
    let events = events_until(&mut stream, "reload").await;
    let cleared = epoch(&mock.get(REQUESTS).await);
    assert_ne!(cleared, shown);
    assert!(events.contains(&format!("reload {cleared}")), "{events:?}");
    // So does a reset.
    mock.control("POST", "/reset", json!({})).await;
    events_until(&mut stream, "reload").await;
    // Another run of the server has another epoch.
    let other = TestServer::documented().await;
    let other = epoch(&other.get(REQUESTS).await);
    assert_ne!(other.split('-').next(), shown.split('-').next());
}

#[tokio::test]
async fn requests_between_page_load_and_stream_are_sent() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.refresh_params("shown")).await;
    let page = mock.get(REQUESTS).await.page();
    let query = page.attributes("#requests", "data-query").concat();
    mock.token(&CONF.refresh_params("between")).await;
    let url = format!("{}/_mock/events?{query}", mock.base);
    let mut stream = reqwest::get(&url).await.expect("a stream");
    let events = events_until(&mut stream, "counts").await;
    assert_eq!(
        events[1..],
        [
            "request #2.0 <tr class=\"is-refused \" id=\"request-2\" d",
            "counts 2 2 2"
        ]
    );
    drop(stream);
    // A reconnecting browser sends the id of the last event.
    mock.token(&CONF.refresh_params("lost")).await;
    let ask = reqwest::Client::new()
        .get(&url)
        .header("last-event-id", "2.0");
    let mut stream = ask.send().await.expect("a stream");
    let events = events_until(&mut stream, "counts").await;
    assert!(events[1].starts_with("request #3"), "{events:?}");
    assert_eq!(events.len(), 3, "{events:?}");
}

#[tokio::test]
async fn events_follow_the_filter_and_end_with_the_server() {
    let mock = TestServer::documented().await;
    let refused = mock.get("/_mock/events?endpoint=tokn").await;
    assert_eq!(refused.status, 400);
    let url = format!("{}/_mock/events?error=invalid_grant", mock.base);
    let mut stream = reqwest::get(url).await.expect("a stream");
    events_until(&mut stream, "hello").await;
    mock.token(&CONF.client_credentials()).await;
    mock.token(&CONF.refresh_params("x")).await;
    let events = events_until(&mut stream, "request").await;
    let rows = events.iter().filter(|event| event.starts_with("request"));
    let rows: Vec<&String> = rows.collect();
    assert!(
        rows.len() == 1 && rows[0].starts_with("request #2"),
        "{events:?}"
    );
    let began = Stopwatch::start();
    mock.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "the server does not wait for a stream: {:?}",
        began.elapsed()
    );
    while let Ok(Some(_)) = stream.chunk().await {}
}

#[tokio::test]
async fn every_change_is_an_event() {
    let mock = TestServer::documented().await;
    let url = format!("{}/_mock/events?list=none", mock.base);
    let mut stream = reqwest::get(url).await.expect("a stream");
    events_until(&mut stream, "counts").await;
    let mut table = String::new();
    for (what, method, path, body) in [
        ("clock", "POST", "/clock/advance", json!({ "by": "1h" })),
        ("faults", "POST", "/faults/presets/rate-limited", json!({})),
        (
            "tokens",
            "POST",
            "/tokens",
            json!({ "client_id": "conf", "user": "ada", "scope": "1" }),
        ),
        ("sandboxes", "POST", "/sandboxes", json!({ "name": "made" })),
        (
            "settings",
            "PATCH",
            "/settings",
            json!({ "contract": "live" }),
        ),
    ] {
        mock.control(method, path, body).await;
        let events = events_until(&mut stream, "change").await;
        table += &format!("{what}: {}\n", events.join(", "));
    }
    assert_snapshot!(table, @"
    clock: change clock
    faults: change faults
    tokens: change tokens
    sandboxes: change sandboxes
    settings: change settings
    ");
}
