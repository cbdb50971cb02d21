//! Advice about refreshes, expired access tokens, and tokens that are never revoked.

use serde_json::json;

use crate::support::{
    CONF, ME, RawConnection, SandboxClient, SignIn, TOKEN, TestServer, Tokens, USERINFO,
    with_frozen_clock,
};

async fn world() -> (TestServer, Tokens) {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    (mock, tokens)
}

async fn fault(world: &SandboxClient, fault: serde_json::Value) {
    world.control("POST", "/faults", fault).await;
}

#[tokio::test]
async fn reused_rotated_refresh_token_is_an_error() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.later("61m").await;
    mock.refreshed(&CONF, &next).await;
    assert_eq!(mock.accusations().await, "");
    mock.later("61m").await;
    mock.token(&CONF.refreshes(&next.refresh)).await;
    assert_eq!(mock.accusations().await, "error refresh-reused");
}

#[tokio::test]
async fn refresh_token_retried_after_a_lost_response_is_not_reported() {
    for effect in ["reset", "truncate", "malformed"] {
        let (mock, tokens) = world().await;
        mock.later("61m").await;
        fault(
            &mock,
            json!({ "endpoint": "token", "times": 1, "effect": { effect: true } }),
        )
        .await;
        let sent = reqwest::Client::new()
            .post(format!("{}/api/auth/oauth/token", mock.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(CONF.refreshes(&tokens.refresh).encoded());
        let _ = sent.send().await;
        mock.later("1s").await;
        mock.token(&CONF.refreshes(&tokens.refresh)).await;
        assert_eq!(mock.accusations().await, "", "{effect}");
    }
}

/// A request that was begun on a connection of its own, and waits for the rest of its body.
async fn begun(mock: &TestServer, head: &str, body: &str) -> RawConnection {
    let mut line = RawConnection::to(mock.server().address()).await;
    let head = format!(
        "{head} HTTP/1.1\r\nHost: mock\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    line.send(head).await;
    // A server that asks for the body has read the head.
    line.read_until("100 Continue").await;
    line
}

#[tokio::test]
async fn overlapping_refreshes_are_reported_as_a_race() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    let body = CONF.refreshes(&tokens.refresh).encoded();
    let mut first = begun(&mock, &format!("POST {TOKEN}"), &body).await;
    // However long the first is under way.
    mock.later("30s").await;
    mock.refreshed(&CONF, &tokens).await;
    mock.later("30s").await;
    first.send(body).await;
    first.read_until("invalid_grant").await;
    assert_eq!(mock.accusations().await, "error refresh-race");
}

#[tokio::test]
async fn sequential_refreshes_are_not_reported_as_a_race() {
    let (mock, _) = world().await;
    for attempt in 0..40 {
        let world = mock.sandbox(&format!("quick{attempt}"));
        world.freeze("2026-01-31T12:00:00Z").await;
        let tokens = world.signs_in(&CONF, "1").await;
        world.later("61m").await;
        let next = world.refreshed(&CONF, &tokens).await;
        // As little as a clock can tell, and nothing else in between.
        world.later("1ms").await;
        world.refreshed(&CONF, &next).await;
        assert_eq!(world.accusations().await, "warning refresh-early");
        world.token(&CONF.refreshes(&next.refresh)).await;
        let accused = world.accusations().await;
        assert_eq!(accused, "error refresh-reused; warning refresh-early");
    }
}

#[tokio::test]
async fn retry_after_a_client_timeout_is_not_reported() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    let attempt = SignIn::of(&CONF);
    let code = mock.approve(&attempt.asks("1")).await.code();
    for sent in [CONF.refreshes(&tokens.refresh), attempt.redeems(&code)] {
        let slow = json!({ "endpoint": "token", "times": 1, "effect": { "delay": "1s" } });
        let set = mock.control("POST", "/faults", slow).await;
        let (world, again) = (SandboxClient::clone(&mock), sent.clone());
        let late = tokio::spawn(async move { world.token(&again).await });
        let path = format!("/faults/{}", set["id"]);
        while mock.control("GET", &path, json!({})).await["struck"] == 0 {}
        assert_eq!(mock.token(&sent).await.status, 400, "it is used up");
        assert_eq!(late.await.expect("it is answered").status, 200);
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn repeatedly_rejected_refresh_token_is_an_error() {
    let (mock, tokens) = world().await;
    mock.revoke(&CONF.revokes(&tokens.refresh)).await;
    for tries in 1..=3 {
        assert_eq!(mock.accusations().await, "", "{tries}");
        mock.token(&CONF.refreshes(&tokens.refresh)).await;
    }
    assert_eq!(mock.accusations().await, "error refresh-refused-again");
}

#[tokio::test]
async fn up_to_four_rejected_refreshes_of_one_token_are_not_reported() {
    let (mock, tokens) = world().await;
    mock.revoke(&CONF.revokes(&tokens.refresh)).await;
    let body = CONF.refreshes(&tokens.refresh).encoded();
    for tries in 1..=5 {
        assert_eq!(mock.accusations().await, "", "{tries}");
        let mut line = begun(&mock, &format!("POST {TOKEN}"), &body).await;
        line.send(&body).await;
        line.read_until("invalid_grant").await;
    }
    assert_eq!(mock.accusations().await, "error refresh-refused-again");
}

#[tokio::test]
async fn sign_in_after_a_rejected_refresh_is_not_reported() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    mock.control("DELETE", "/tokens", json!({})).await;
    mock.calls(ME, &tokens).await;
    mock.token(&CONF.refreshes(&tokens.refresh)).await;
    let next = mock.signs_in(&CONF, "1").await;
    mock.calls(ME, &next).await;
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn refresh_in_the_first_tenth_of_a_lifetime_is_a_warning() {
    let (mock, tokens) = world().await;
    mock.later("7m").await;
    let next = mock.refreshed(&CONF, &tokens).await;
    assert_eq!(mock.accusations().await, "");
    mock.later("5m").await;
    mock.refreshed(&CONF, &next).await;
    assert_eq!(mock.accusations().await, "warning refresh-early");
}

#[tokio::test]
async fn refresh_after_a_401_is_never_too_early() {
    let (mock, tokens) = world().await;
    mock.control("POST", "/tokens/expire", json!({})).await;
    assert_eq!(mock.calls(USERINFO, &tokens).await.status, 401);
    let next = mock.refreshed(&CONF, &tokens).await;
    fault(
        &mock,
        json!({ "endpoint": "userinfo", "times": 1, "effect": { "error": "invalid_token" } }),
    )
    .await;
    mock.calls(USERINFO, &next).await;
    let next = mock.refreshed(&CONF, &next).await;
    // Nor is one of which only the test knows why.
    mock.later("1s").await;
    mock.control("POST", "/tokens/expire", json!({})).await;
    mock.refreshed(&CONF, &next).await;
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn refreshes_under_a_frozen_clock_are_not_reported_as_early() {
    let (mock, mut tokens) = world().await;
    for _ in 0..4 {
        mock.calls(USERINFO, &tokens).await;
        tokens = mock.refreshed(&CONF, &tokens).await;
    }
    for _ in 0..8 {
        mock.calls(USERINFO, &tokens).await;
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn a_refresh_for_every_call_is_a_warning() {
    let (mock, mut tokens) = world().await;
    for _ in 0..4 {
        mock.later("20m").await;
        mock.calls(ME, &tokens).await;
        tokens = mock.refreshed(&CONF, &tokens).await;
    }
    assert_eq!(mock.accusations().await, "warning refresh-every-call");
    // A scope that changes nothing is no reason.
    let scoped = mock.sandbox("scoped");
    let mut tokens = scoped.signs_in(&CONF, "1").await;
    for _ in 0..4 {
        scoped.later("20m").await;
        let refresh = CONF.refreshes(&tokens.refresh).with("scope", "1");
        tokens = Tokens::of(&scoped.token(&refresh).await);
    }
    assert_eq!(scoped.accusations().await, "warning refresh-every-call");
    let thrifty = mock.sandbox("thrifty");
    let mut tokens = thrifty.signs_in(&CONF, "1").await;
    for _ in 0..4 {
        thrifty.later("55m").await;
        thrifty.calls(ME, &tokens).await;
        tokens = thrifty.refreshed(&CONF, &tokens).await;
    }
    assert_eq!(thrifty.accusations().await, "");
}

#[tokio::test]
async fn repeatedly_rejected_access_token_is_an_error() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    for _ in 0..2 {
        mock.calls(ME, &tokens).await;
    }
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.calls(ME, &next).await;
    assert_eq!(mock.accusations().await, "");
    assert_eq!(mock.suspicions().await, "hint expires-in-ignored");
    mock.later("61m").await;
    for _ in 0..3 {
        assert_eq!(mock.accusations().await, "");
        mock.calls(ME, &next).await;
    }
    assert_eq!(mock.accusations().await, "error expired-token-kept");
    // A new sign-in by hand is no excuse.
    mock.signs_in(&CONF, "1").await;
    assert_eq!(mock.accusations().await, "error expired-token-kept");
}

#[tokio::test]
async fn refresh_after_ten_rejections_is_still_an_error() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    for _ in 0..10 {
        mock.calls(ME, &tokens).await;
    }
    assert_eq!(mock.accusations().await, "error expired-token-kept");
    mock.refreshed(&CONF, &tokens).await;
    assert_eq!(mock.accusations().await, "error expired-token-kept");
}

#[tokio::test]
async fn access_token_used_after_its_successor_is_an_error() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    mock.calls(ME, &tokens).await;
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.calls(ME, &next).await;
    for _ in 0..3 {
        assert_eq!(mock.accusations().await, "");
        mock.calls(ME, &tokens).await;
    }
    assert_eq!(mock.accusations().await, "error expired-token-kept");
}

#[tokio::test]
async fn app_that_reads_expires_in_gets_no_hint() {
    let (mock, tokens) = world().await;
    mock.later("59m").await;
    mock.calls(USERINFO, &tokens).await;
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.later("2m").await;
    mock.calls(USERINFO, &next).await;
    assert_eq!(mock.suspicions().await, "");
}

#[tokio::test]
async fn userinfo_on_every_call_is_a_warning() {
    let (mock, _) = world().await;
    for (pause, often) in [("1s", 5), ("5m", 10)] {
        let mock = mock.sandbox(pause);
        let tokens = mock.signs_in(&CONF, "1").await;
        for count in 1..=often {
            mock.later(pause).await;
            mock.calls(USERINFO, &tokens).await;
            mock.calls(ME, &tokens).await;
            let accused = if count < often {
                ""
            } else {
                "warning userinfo-every-call"
            };
            assert_eq!(mock.accusations().await, accused, "{pause}, {count}");
        }
    }
}

#[tokio::test]
async fn rejections_on_separate_connections_are_no_loop() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    let head = format!(
        "GET {ME} HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer {}\r\n\r\n",
        tokens.access
    );
    for call in 1..=10 {
        assert_eq!(mock.accusations().await, "", "{call}");
        let mut line = RawConnection::to(mock.server().address()).await;
        line.send(&head).await;
        line.read_until("401").await;
        mock.later("30ms").await;
    }
    assert_eq!(mock.accusations().await, "error expired-token-kept");
    // A page that refreshes after all is excused.
    mock.refreshed(&CONF, &tokens).await;
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn calls_queued_during_a_refresh_are_no_loop() {
    let (mock, tokens) = world().await;
    mock.later("61m").await;
    mock.calls(ME, &tokens).await;
    let next = mock.refreshed(&CONF, &tokens).await;
    for _ in 0..12 {
        mock.calls(ME, &tokens).await;
    }
    mock.calls(ME, &next).await;
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn refresh_of_one_user_does_not_excuse_another() {
    let (mock, adas) = world().await;
    let attempt = SignIn::of(&CONF);
    let code = mock.approve_as("tess", &attempt.asks("1")).await.code();
    let mut tesss = Tokens::of(&mock.token(&attempt.redeems(&code)).await);
    for _ in 0..3 {
        mock.later("61m").await;
        mock.calls(ME, &adas).await;
        tesss = mock.refreshed(&CONF, &tesss).await;
    }
    assert_eq!(mock.accusations().await, "error expired-token-kept");
}

#[tokio::test]
async fn sign_ins_without_revocation_are_a_hint() {
    let (mock, tokens) = world().await;
    assert_eq!(mock.suspicions().await, "");
    mock.signs_in(&CONF, "1").await;
    assert_eq!(mock.suspicions().await, "hint revoke-missing");
    mock.revoke(&CONF.revokes(&tokens.refresh)).await;
    assert_eq!(mock.suspicions().await, "hint contract-revoke-by-client");
}
