//! Advice about repeated requests: device polls, rate limits, failures, and insufficient buzz.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    CONF, DEVICE_TOKEN, ME, RawConnection, SandboxClient, SpendingApp, Stopwatch, TestServer,
    USERINFO, with_frozen_clock,
};

async fn world() -> TestServer {
    with_frozen_clock(TestServer::documented().await).await
}

async fn fault(world: &SandboxClient, fault: Value) {
    world.control("POST", "/faults", fault).await;
}

#[tokio::test]
async fn device_poll_before_the_interval_is_a_warning() {
    let mock = world().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    for _ in 0..3 {
        mock.poll(&device).await;
        mock.later("5s").await;
    }
    // Whoever is told to slow down waits for five seconds more.
    fault(
        &mock,
        json!({ "endpoint": "device-token", "times": 1, "effect": { "error": "slow_down" } }),
    )
    .await;
    mock.poll(&device).await;
    mock.later("10s").await;
    mock.poll(&device).await;
    assert_eq!(mock.accusations().await, "");
    mock.later("5s").await;
    mock.poll(&device).await;
    assert_eq!(mock.accusations().await, "warning poll-too-fast");
    let hasty = mock.sandbox("hasty");
    hasty.register_cli().await;
    let device = hasty.device("1").await;
    hasty.poll(&device).await;
    hasty.later("1s").await;
    hasty.poll(&device).await;
    assert_eq!(hasty.accusations().await, "warning poll-too-fast");
}

#[tokio::test]
async fn polls_under_a_frozen_clock_are_not_reported_as_early() {
    let mock = world().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    for _ in 0..5 {
        mock.poll(&device).await;
    }
    fault(
        &mock,
        json!({ "endpoint": "userinfo", "times": 5, "effect": { "error": "rate_limited" } }),
    )
    .await;
    let tokens = mock.signs_in(&CONF, "1").await;
    for _ in 0..5 {
        mock.calls(USERINFO, &tokens).await;
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn device_poll_after_a_final_answer_is_a_warning() {
    let mock = world().await;
    mock.register_cli().await;
    for verdict in ["approve", "deny"] {
        let device = mock.device("1").await;
        let mut decision = json!({ "user_code": device.user_code });
        if verdict == "approve" {
            decision["user"] = "ada".into();
        }
        mock.control("POST", &format!("/device/{verdict}"), decision)
            .await;
        mock.poll(&device).await;
        assert_eq!(mock.accusations().await, "", "{verdict}");
        mock.later("5s").await;
        mock.poll(&device).await;
        assert_eq!(
            mock.accusations().await,
            "warning poll-after-end",
            "{verdict}"
        );
        mock.control("DELETE", "/requests", json!({})).await;
    }
    // The answer that ended it never came.
    let device = mock.device("1").await;
    let decision = json!({ "user_code": device.user_code, "user": "ada" });
    mock.control("POST", "/device/approve", decision).await;
    fault(
        &mock,
        json!({ "endpoint": "device-token", "times": 1, "effect": { "malformed": true } }),
    )
    .await;
    mock.poll(&device).await;
    mock.later("5s").await;
    let answer = mock.poll(&device).await;
    assert_eq!((answer.status, answer.asked.path()), (400, DEVICE_TOKEN));
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn retry_before_retry_after_is_a_warning() {
    let mock = world().await;
    let tokens = mock.signs_in(&CONF, "1").await;
    let limited = json!({ "endpoint": "userinfo", "times": 1, "effect": { "error": "rate_limited", "headers": { "Retry-After": "30" } } });
    for (wait, accused) in [("30s", ""), ("10s", "warning rate-limit-ignored")] {
        fault(&mock, limited.clone()).await;
        mock.calls(USERINFO, &tokens).await;
        mock.later(wait).await;
        mock.calls(USERINFO, &tokens).await;
        assert_eq!(mock.accusations().await, accused, "{wait}");
        mock.later("10s").await;
    }
    // Without Retry-After a second is the least.
    let quick = mock.sandbox("quick");
    quick.set(json!({ "rate_limits": true })).await;
    for _ in 0..21 {
        quick.token(&CONF.for_itself().with("scope", "1")).await;
        quick.later("200ms").await;
    }
    assert_eq!(quick.accusations().await, "");
    quick.token(&CONF.for_itself().with("scope", "1")).await;
    assert_eq!(quick.accusations().await, "warning rate-limit-ignored");
}

#[tokio::test]
async fn other_request_before_retry_after_is_a_warning() {
    let mock = world().await;
    mock.set(json!({ "rate_limits": true })).await;
    for call in 1..=25 {
        let tag = call.to_string();
        mock.token(&CONF.for_itself().with("scope", "1").and("tag", &tag))
            .await;
        mock.later("200ms").await;
        let accused = if call < 25 {
            ""
        } else {
            "warning rate-limit-ignored"
        };
        assert_eq!(mock.accusations().await, accused, "{call}");
    }
}

#[tokio::test]
async fn requests_sent_before_a_429_are_no_retries() {
    let mock = world().await;
    mock.set(json!({ "rate_limits": true })).await;
    for call in 1..=40 {
        let tag = call.to_string();
        mock.token(&CONF.for_itself().with("scope", "1").and("tag", &tag))
            .await;
        mock.later("5ms").await;
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn separate_users_at_a_limit_are_not_reported() {
    let mock = world().await;
    let tokens = [
        mock.signs_in(&CONF, "1").await,
        mock.signs_in(&CONF, "1").await,
    ];
    for _ in 0..5 {
        mock.later("5m").await;
        let limited = json!({ "endpoint": "me", "times": 2, "effect": { "error": "rate_limited", "headers": { "Retry-After": "2" } } });
        fault(&mock, limited).await;
        for tokens in &tokens {
            mock.calls(ME, tokens).await;
            mock.later("300ms").await;
        }
        mock.later("3s").await;
        for tokens in &tokens {
            mock.calls(ME, tokens).await;
        }
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn concurrent_clients_wait_independently() {
    let mock = world().await;
    let tokens = mock.signs_in(&CONF, "1").await;
    let head = format!(
        "GET {ME} HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer {}\r\n",
        tokens.access
    );
    for (times, effect, waits) in [
        (
            6,
            json!({ "error": "rate_limited", "headers": { "Retry-After": "1" } }),
            ["1s", "1s"],
        ),
        (9, json!({ "status": 503 }), ["100ms", "200ms"]),
    ] {
        fault(
            &mock,
            json!({ "endpoint": "me", "times": times, "effect": effect }),
        )
        .await;
        for wait in ["1ms"].into_iter().chain(waits).chain(["400ms"]) {
            mock.later(wait).await;
            // Three at once: none has ended when the last begins.
            let mut lines = Vec::new();
            for _ in 0..3 {
                let mut line = RawConnection::to(mock.server().address()).await;
                line.send(&format!(
                    "{head}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
                ))
                .await;
                line.read_until("100 Continue").await;
                lines.push(line);
            }
            for mut line in lines {
                line.send("x").await;
                line.read_until("HTTP/1.1 ").await;
            }
        }
        mock.later("2m").await;
    }
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn retries_without_backoff_are_a_warning() {
    let mock = world().await;
    for (name, waits, accused) in [
        ("backoff", ["100ms", "200ms", "400ms"], ""),
        ("patient", ["2s", "2s", "2s"], ""),
        ("chance", ["60ms", "90ms", "30ms"], ""),
        (
            "steady",
            ["300ms", "300ms", "300ms"],
            "warning retry-without-backoff",
        ),
    ] {
        let (_, found) = retries(&mock.sandbox(name), waits).await;
        assert_eq!(found, accused, "{name}");
    }
    // The system's clock counts as well: only an attempt that a busy machine did not stretch decides.
    let mut attempt = 0;
    let found = loop {
        attempt += 1;
        let world = mock.sandbox(&format!("hammer{attempt}"));
        let (took, found) = retries(&world, ["5ms", "1ms", "20ms"]).await;
        if took < Duration::from_millis(30) || attempt == 50 {
            break found;
        }
    };
    assert_eq!(found, "warning retry-without-backoff");
}

/// An app refreshes four times while the token endpoint is down. Returns the system's time from the first retry to the
/// last, and what advice accuses the app of.
async fn retries(world: &SandboxClient, waits: [&str; 3]) -> (Duration, String) {
    let tokens = world.signs_in(&CONF, "1").await;
    world.later("61m").await;
    world
        .control(
            "POST",
            "/faults/presets/token-endpoint-down",
            json!({ "times": 3 }),
        )
        .await;
    let began = Stopwatch::start();
    world.token(&CONF.refreshes(&tokens.refresh)).await;
    for wait in waits {
        world.later(wait).await;
        world.token(&CONF.refreshes(&tokens.refresh)).await;
    }
    (began.elapsed(), world.accusations().await)
}

#[tokio::test]
async fn repeated_workflow_without_buzz_is_a_warning() {
    let mock = world().await;
    let tokens = mock.signs_in(&CONF, "114689").await;
    let buzz = json!({ "buzz": { "yellow": 100 } });
    mock.control("PATCH", "/users/ada", buzz).await;
    let spender = SpendingApp::with(&mock, &tokens.access);
    let dear = json!({ "cost": 1_000_000 });
    spender.submit(&dear).await;
    mock.later("1s").await;
    assert!(spender.pays(1).await, "what is cheaper is another order");
    mock.later("1m").await;
    spender.submit(&dear).await;
    assert_eq!(mock.accusations().await, "");
    for side in ["documented", "live"] {
        mock.set(json!({ "contract": side })).await;
        mock.control("DELETE", "/requests", json!({})).await;
        spender.submit(&dear).await;
        mock.later("1s").await;
        spender.submit(&dear).await;
        assert_eq!(mock.accusations().await, "warning funds-retried", "{side}");
    }
    // A person may press the button again; a loop does not tire.
    mock.control("DELETE", "/requests", json!({})).await;
    for order in 1..=4 {
        mock.later("1m").await;
        spender.submit(&dear).await;
        let accused = if order < 4 {
            ""
        } else {
            "warning funds-retried"
        };
        assert_eq!(mock.accusations().await, accused, "{order}");
    }
}
