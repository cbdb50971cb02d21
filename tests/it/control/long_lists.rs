//! Lists of the control API that are too long to be sent at once.

use std::future::IntoFuture as _;
use std::time::Duration;

use serde_json::json;

use crate::support::frames::{Frame, Frames};
use crate::support::{TOKEN, TestServer};

#[tokio::test]
async fn unread_long_list_makes_the_next_one_wait() {
    let mock = TestServer::documented().await;
    let image = format!("https://example.com/{}", "x".repeat(7000));
    for _ in 0..20 {
        mock.control("POST", "/users", json!({ "image": image }))
            .await;
    }
    let mut unread = Frames::connect(mock.server().address(), &[]).await;
    unread.send(&Frame::get(1, "/_mock/users")).await;
    assert!(unread.is_ok(1).await);
    // The window of the connection is 64 KiB: the rest of the list is not sent.
    let next = tokio::time::timeout(
        Duration::from_millis(400),
        mock.get("/_mock/users").into_future(),
    )
    .await;
    assert!(next.is_err(), "it waits for its turn");
    assert_eq!(mock.get("/_mock/users/ada").await.status, 200, "no list");
    drop(unread);
    let next = mock.get("/_mock/users").await;
    assert_eq!(next.json()["users"].as_array().map(Vec::len), Some(27));
    let length = next.header("content-length");
    assert_eq!(length, Some(next.body.len().to_string()));
}

/// A long body has the server's turn for long steps, and so has a list: neither may wait for the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_asked_for_with_a_long_body_is_answered() {
    let mock = TestServer::documented().await;
    let long = "x".repeat(100_000);
    let ignored = mock
        .request("GET", "/_mock/users")
        .body("text/plain", long.clone());
    let listed = tokio::time::timeout(Duration::from_secs(20), ignored.into_future()).await;
    listed.expect("a list with a long body is answered");
    let form = ("application/x-www-form-urlencoded", format!("a={long}"));
    let posted = mock.request("POST", TOKEN).body(form.0, form.1);
    let posted = tokio::time::timeout(Duration::from_secs(20), posted.into_future()).await;
    assert_eq!(posted.expect("the turn is free").status, 400);
}
