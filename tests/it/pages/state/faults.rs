//! `/_mock/faults`.

use insta::assert_snapshot;
use serde_json::json;

use super::{done, rows, show};
use crate::support::{CONF, TestServer};

const FAULTS: &str = "/_mock/faults";

#[tokio::test]
async fn presets_are_switches() {
    let mock = TestServer::documented().await;
    let on = async || {
        let page = show(&mock, FAULTS).await;
        page.attributes("#presets [aria-checked=true]", "aria-labelledby")
    };
    let page = show(&mock, FAULTS).await;
    assert_eq!(page.texts("#presets .setting").len(), 9);
    assert_eq!(on().await, [""; 0]);
    let press = [
        ("act", "preset"),
        ("name", "rate-limited"),
        ("on", "true"),
        ("times", "1"),
    ];
    let off = [("act", "preset"), ("name", "rate-limited"), ("on", "false")];
    assert_eq!(
        done(&mock, &press).await,
        "Fault rate-limited turned on once"
    );
    assert_eq!(on().await, ["preset-rate-limited"]);
    let page = show(&mock, FAULTS).await;
    assert_snapshot!(rows(&page, "#active-faults"), @"1 rate-limited | token | 0 of 1");
    assert_eq!(page.texts("#count-fault [data-count]"), ["1"]);
    // It has applied as often as it may: the switch is off, and turns on another one.
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 429);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
    assert_eq!(on().await, [""; 0]);
    assert_eq!(
        done(&mock, &press[..3]).await,
        "Fault rate-limited turned on"
    );
    // A double click is one click.
    assert_eq!(
        done(&mock, &press[..3]).await,
        "Fault rate-limited is on already"
    );
    let page = show(&mock, FAULTS).await;
    let active = rows(&page, "#active-faults");
    assert_eq!(
        active.lines().filter(|row| !row.contains("1 of 1")).count(),
        1
    );
    let switches = page.attributes("#presets [aria-checked=true]", "value");
    assert_eq!(switches, ["false"], "what a click asks for");
    assert_eq!(done(&mock, &off).await, "Fault rate-limited turned off");
    assert_eq!(done(&mock, &off).await, "Fault rate-limited turned off");
    assert_eq!(on().await, [""; 0]);
    // `?times=1` is the address of the other choice.
    let once = show(&mock, "/_mock/faults?times=1").await;
    assert_eq!(once.attributes("#presets [name=times]", "value")[0], "1");
    let backs = once.attributes("#presets [name=back]", "value");
    assert_eq!(backs[0], "/_mock/faults?times=1");
}

#[tokio::test]
async fn custom_fault_has_every_key_of_the_control_api() {
    let mock = TestServer::documented().await;
    let fields = [
        ("act", "add-fault"),
        ("endpoint", "token"),
        ("grant_type", "refresh_token"),
        ("client_id", "conf"),
        ("user", "ada"),
        ("times", "3"),
        ("skip", "1"),
        ("nth", ""),
        ("probability", "0.5"),
        ("effect.error", "invalid_grant"),
        ("effect.error_description", "Not today"),
        ("effect.status", "503"),
        ("effect.delay", "100ms to 2s"),
        ("effect.headers", "Retry-After: 5\r\nX-Test: a: b"),
        ("effect.break", "slow_body"),
    ];
    assert_eq!(
        done(&mock, &fields).await,
        "Fault 1 added: invalid_grant, status 503, 2 headers, delay 100ms to 2s, slow body"
    );
    let faults = mock.control("GET", "/faults", json!({})).await;
    assert_eq!(
        faults["faults"],
        json!([{
            "id": 1, "endpoint": "token", "grant_type": "refresh_token", "client_id": "conf", "user": "ada",
            "times": 3, "skip": 1, "probability": 0.5, "matched": 0, "triggered": 0,
            "effect": {
                "error": "invalid_grant", "error_description": "Not today", "status": 503,
                "headers": { "Retry-After": "5", "X-Test": "a: b" },
                "delay": { "min": "100ms", "max": 2 }, "slow_body": true,
            },
        }])
    );
    let body = [
        ("act", "add-fault"),
        ("effect.body", "{\"a\":[1]}"),
        ("effect.status", "200"),
    ];
    done(&mock, &body).await;
    let faults = mock.control("GET", "/faults", json!({})).await;
    assert_eq!(faults["faults"][1]["effect"]["body"], json!({ "a": [1] }));
    let page = show(&mock, FAULTS).await;
    assert_snapshot!(rows(&page, "#active-faults"), @"
    2 status 200, a body of its own | every endpoint | not yet
    1 invalid_grant, status 503, 2 headers, delay 100ms to 2s, slow body | token, refresh_token, Conf App, user ada, after 1 requests, probability 0.5 | 0 of 3
    ");
    assert_eq!(
        done(&mock, &[("act", "delete-fault"), ("id", "1")]).await,
        "Fault 1 deleted"
    );
    assert_eq!(
        done(&mock, &[("act", "delete-faults")]).await,
        "All faults deleted"
    );
    let page = show(&mock, FAULTS).await;
    assert_eq!(
        page.texts("#active-faults"),
        ["No faults: the server answers normally."]
    );
}
