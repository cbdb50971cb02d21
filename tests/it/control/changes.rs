//! `/_mock/changes`: changes of clock, faults and settings, between the requests; and `/_mock/requests/{id}` as JSON.

use civitai_oauth_mock::MockServer;
use civitai_oauth_mock::control::{Preset, SettingsPatch};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{AUTHORIZE, CONF, SandboxClient, TestServer};

/// `#after kind message` of each change.
async fn changes(sandbox: &SandboxClient) -> String {
    let listed = sandbox.control("GET", "/changes", json!({})).await;
    let line = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
        let after = &change["after_request"];
        format!("#{after} {}: {}\n", text("kind"), text("message"))
    };
    let all = listed["changes"].as_array().expect("a list");
    all.iter().map(line).collect()
}

#[tokio::test]
async fn each_change_names_the_request_after_which_it_was_made() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    for (method, path, input) in [
        ("POST", "/clock/freeze", json!({})),
        ("POST", "/clock/advance", json!({ "by": "2h" })),
        ("POST", "/clock/resume", json!({})),
        ("POST", "/clock/advance", json!({ "by": "-90s" })),
        // Nothing changes.
        ("POST", "/clock/resume", json!({})),
        ("DELETE", "/faults", json!({})),
        ("PATCH", "/settings", json!({ "contract": "documented" })),
    ] {
        mock.control(method, path, input).await;
    }
    mock.userinfo(&tokens.access).await;
    for (method, path, input) in [
        (
            "POST",
            "/faults/presets/token-endpoint-down",
            json!({ "times": 1 }),
        ),
        (
            "POST",
            "/faults",
            json!({ "endpoint": "token", "effect": { "status": 500 } }),
        ),
        ("DELETE", "/faults/1", json!({})),
        ("DELETE", "/faults", json!({})),
        (
            "PATCH",
            "/settings",
            json!({ "contract": "live", "login": "ada", "differences": { "scope-shape": "documented" } }),
        ),
        (
            "PATCH",
            "/settings",
            json!({ "differences": { "scope-shape": null } }),
        ),
        ("POST", "/snapshots/before", json!({})),
        ("POST", "/snapshots/before/restore", json!({})),
    ] {
        mock.control(method, path, input).await;
    }
    assert_snapshot!(changes(&mock).await, @"
    #2 clock-frozen: Clock frozen
    #2 clock-moved: Clock moved 2 h ahead
    #2 clock-resumed: Clock resumed
    #2 clock-moved: Clock moved 1 min 30 s back
    #3 fault-added: Fault token-endpoint-down turned on, once
    #3 fault-added: Fault 2 turned on
    #3 fault-deleted: Fault token-endpoint-down turned off
    #3 fault-deleted: All faults turned off
    #3 settings-changed: Contract: live; Difference scope-shape: documented; login: ada
    #3 settings-changed: Difference scope-shape: as the contract
    #3 snapshot-restored: Snapshot before restored
    ");
    // They are not requests.
    let requests = mock.control("GET", "/requests", json!({})).await;
    assert_eq!(requests["counters"]["total"], 3);
    // A reset is the only change that is left after it.
    mock.control("POST", "/reset", json!({})).await;
    assert_snapshot!(changes(&mock).await, @"#3 sandbox-reset: Sandbox reset");
    mock.control("DELETE", "/requests", json!({})).await;
    assert_eq!(changes(&mock).await, "");
    assert_eq!(changes(&mock.sandbox("other")).await, "");
}

#[tokio::test]
async fn changes_of_rust_tests_are_recorded_too() -> Result<(), civitai_oauth_mock::MockError> {
    let server = MockServer::start().await;
    server.add_fault_preset(Preset::RateLimited).await?;
    server
        .update_settings(SettingsPatch::new().rate_limits(true))
        .await?;
    let changes = server.changes().await?;
    let messages: Vec<&str> = changes.iter().map(|change| &*change.message).collect();
    assert_eq!(
        messages,
        ["Fault rate-limited turned on", "rate_limits: true"]
    );
    Ok(())
}

#[tokio::test]
async fn one_request_is_read_as_json_or_as_a_page() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let answer = mock.get("/_mock/requests/2").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["vary"], "accept");
    let request = answer.json();
    assert_eq!(request["id"], 2);
    assert_eq!(request["params"]["code"], "[redacted]");
    let history = &request["credentials"][0]["history"];
    assert_eq!(
        (&history[0]["action"], &history[0]["request"]),
        (&json!("issued"), &json!(1))
    );
    let secrets = mock.get("/_mock/requests/2?unredacted=true").await;
    assert!(secrets.body.contains(&tokens.access) && !answer.body.contains(&tokens.access));
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = mock
        .get("/_mock/requests/2")
        .header("accept", browser)
        .await;
    assert_eq!(page.page().texts("h1"), ["#2 POST /api/auth/oauth/token"]);
    assert_eq!(page.headers["vary"], "accept");
    let mut refusals = String::new();
    for path in ["9", "0", "x", "2?unredacted=maybe", "2?limit=1"] {
        let refused = mock.get(&format!("/_mock/requests/{path}")).await;
        refusals += &format!("{path}: {} {}\n", refused.status, refused.json()["message"]);
    }
    assert_snapshot!(refusals, @r#"
    9: 404 "no request 9: the newest is 2"
    0: 404 "no request 0: the newest is 2"
    x: 404 "no request \"x\""
    2?unredacted=maybe: 400 "\"maybe\" is not true or false"
    2?limit=1: 400 "unknown key \"limit\""
    "#);
}

#[tokio::test]
async fn a_redirect_with_an_error_is_found_by_the_error() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let consent = json!({ "consent": "deny" });
    mock.control("PATCH", "/settings", consent).await;
    let asked = CONF.authorize_params("1").encoded();
    mock.get(&format!("{AUTHORIZE}?{asked}"))
        .cookie(&cookie)
        .await;
    mock.control("PATCH", "/settings", json!({ "consent": "ask" }))
        .await;
    mock.control("POST", "/faults/presets/consent-denied", json!({}))
        .await;
    mock.get(&format!("{AUTHORIZE}?{asked}"))
        .cookie(&cookie)
        .await;
    let form = CONF.authorize_params("1");
    mock.post("/login/oauth/authorize", &form)
        .cookie(&cookie)
        .await;
    let denied = mock.get("/_mock/requests?error=access_denied").await.json();
    let line = |request: &Value| {
        let reason = &request["reason"];
        format!(
            "{} {} {}\n",
            request["status"], reason["code"], reason["message"]
        )
    };
    let all = denied["requests"].as_array().expect("a list");
    let lines: String = all.iter().map(line).collect();
    assert_snapshot!(lines, @r#"
    303 "consent-denied" "the setting consent=deny denied the consent of ada to Conf App"
    303 "consent-denied" "a fault denied the consent of ada to Conf App"
    303 "consent-denied" "ada denied the consent to Conf App"
    "#);
}
