//! Advice about repeated requests: device polls and rate limits.

use serde_json::{Value, json};

use crate::support::{
    CONF, DEVICE_TOKEN, ME, RawConnection, SandboxClient, TestServer, USERINFO, with_frozen_clock,
};

async fn sandbox() -> TestServer {
    with_frozen_clock(TestServer::documented().await).await
}

async fn fault(sandbox: &SandboxClient, fault: Value) {
    sandbox.control("POST", "/faults", fault).await;
}

#[tokio::test]
async fn device_poll_before_the_interval_is_a_warning() {
    let mock = sandbox().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    for _ in 0..3 {
        mock.poll(&device).await;
        mock.later("5s").await;
    }
    // After `slow_down`, the device waits for five seconds more.
    fault(
        &mock,
        json!({ "endpoint": "device-token", "times": 1, "effect": { "error": "slow_down" } }),
    )
    .await;
    mock.poll(&device).await;
    mock.later("10s").await;
    mock.poll(&device).await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.later("5s").await;
    mock.poll(&device).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning device-poll-too-fast"
    );
    let hasty = mock.sandbox("hasty");
    hasty.register_cli().await;
    let device = hasty.device("1").await;
    hasty.poll(&device).await;
    hasty.later("1s").await;
    hasty.poll(&device).await;
    assert_eq!(
        hasty.errors_and_warnings().await,
        "warning device-poll-too-fast"
    );
}

#[tokio::test]
async fn polls_under_a_frozen_clock_are_not_reported_as_early() {
    let mock = sandbox().await;
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
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn device_poll_after_a_final_answer_is_a_warning() {
    let mock = sandbox().await;
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
        assert_eq!(mock.errors_and_warnings().await, "", "{verdict}");
        mock.later("5s").await;
        mock.poll(&device).await;
        assert_eq!(
            mock.errors_and_warnings().await,
            "warning device-poll-after-end",
            "{verdict}"
        );
        mock.control("DELETE", "/requests", json!({})).await;
    }
    // The final response was lost.
    let device = mock.device("1").await;
    let decision = json!({ "user_code": device.user_code, "user": "ada" });
    mock.control("POST", "/device/approve", decision).await;
    fault(
        &mock,
        json!({ "endpoint": "device-token", "times": 1, "effect": { "malformed_json": true } }),
    )
    .await;
    mock.poll(&device).await;
    mock.later("5s").await;
    let answer = mock.poll(&device).await;
    assert_eq!((answer.status, answer.asked.path()), (400, DEVICE_TOKEN));
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn retry_before_retry_after_is_a_warning() {
    let mock = sandbox().await;
    let tokens = mock.signs_in(&CONF, "1").await;
    let limited = json!({ "endpoint": "userinfo", "times": 1, "effect": { "error": "rate_limited", "headers": { "Retry-After": "30" } } });
    for (wait, accused) in [("30s", ""), ("10s", "warning rate-limit-ignored")] {
        fault(&mock, limited.clone()).await;
        mock.calls(USERINFO, &tokens).await;
        mock.later(wait).await;
        mock.calls(USERINFO, &tokens).await;
        assert_eq!(mock.errors_and_warnings().await, accused, "{wait}");
        mock.later("10s").await;
    }
    // Without Retry-After, the wait is one second.
    let quick = mock.sandbox("quick");
    quick.set(json!({ "rate_limits": true })).await;
    for _ in 0..21 {
        quick
            .token(&CONF.client_credentials().with("scope", "1"))
            .await;
        quick.later("200ms").await;
    }
    assert_eq!(quick.errors_and_warnings().await, "");
    quick
        .token(&CONF.client_credentials().with("scope", "1"))
        .await;
    assert_eq!(
        quick.errors_and_warnings().await,
        "warning rate-limit-ignored"
    );
}

#[tokio::test]
async fn separate_users_at_a_limit_are_not_reported() {
    let mock = sandbox().await;
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
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn concurrent_clients_wait_independently() {
    let mock = sandbox().await;
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
    assert_eq!(mock.errors_and_warnings().await, "");
}
