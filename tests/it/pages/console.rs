//! What all pages of the console share: the actions, the status line, the theme.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, SandboxClient, TestResponse, TestServer};

const REQUESTS: &str = "/_mock";

async fn press(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> TestResponse {
    sandbox.post("/_mock/actions", &Fields::new(fields)).await
}

/// Presses a button and returns the text of the status line.
async fn done(sandbox: &SandboxClient, fields: &[(&str, &str)]) -> String {
    let pressed = press(sandbox, fields).await;
    assert_eq!(pressed.status, 303, "{pressed}");
    let page = sandbox
        .get(pressed.location().path())
        .in_browser()
        .cookie(&pressed.cookie())
        .await;
    let forgotten = page.header("set-cookie").unwrap_or_default();
    assert!(
        forgotten.starts_with("mock-status=;") && forgotten.contains("Max-Age=0"),
        "it is shown once: {forgotten}"
    );
    page.page().texts("[data-toasts]").concat()
}

#[tokio::test]
async fn each_button_runs_its_operation_and_says_so() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/requests", json!({})).await;
    mock.token(&CONF.refresh_params("x")).await;
    let at = json!({ "at": "2026-01-31T12:00:00Z" });
    mock.control("POST", "/clock/freeze", at).await;
    let fault = mock
        .control("POST", "/faults", json!({ "effect": { "status": 500 } }))
        .await;
    let fault = fault["id"].to_string();
    let mut table = String::new();
    for fields in [
        vec![("act", "advance"), ("by", "90s")],
        vec![("act", "advance"), ("by", "-1h")],
        vec![("act", "resume")],
        vec![("act", "freeze")],
        vec![
            ("act", "preset"),
            ("name", "token-endpoint-down"),
            ("on", "true"),
        ],
        vec![
            ("act", "preset"),
            ("name", "token-endpoint-down"),
            ("on", "false"),
        ],
        vec![("act", "preset"), ("name", "clock-skew")],
        vec![("act", "delete-fault"), ("id", &fault)],
        vec![("act", "contract"), ("contract", "live")],
        vec![("act", "expire")],
        vec![("act", "make-sandbox"), ("name", "made")],
        vec![("act", "delete-sandbox"), ("name", "made")],
        vec![("act", "real-time")],
        vec![("act", "delete-requests")],
    ] {
        table += &format!("{}\n", done(&mock, &fields).await);
    }
    let frozen = regex(&table, "Clock frozen at ");
    assert_snapshot!(table.replace(&frozen, "<time>"), @"
    Clock moved 1 min 30 s ahead
    Clock moved 1 h back
    Clock resumed
    Clock frozen at <time>
    Fault token-endpoint-down turned on
    Fault token-endpoint-down turned off
    Preset clock-skew applied
    Fault 1 deleted
    Contract: live
    1 access token has expired
    Sandbox made created
    Sandbox made deleted
    Clock set to real time
    1 request deleted Undo
    ");
    let clock = mock.control("GET", "/clock", json!({})).await;
    assert_eq!(clock["frozen"], false);
    let ahead = clock["state"]["running"]["ahead_ms"].as_i64();
    assert!(ahead.is_some_and(|ms| ms.abs() < 1000), "{clock}");
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await["faults"],
        json!([])
    );
    assert_eq!(mock.get("/_mock/sandboxes/made").await.status, 404);
    assert_eq!(
        mock.control("GET", "/requests", json!({})).await["counters"]["total"],
        0
    );
    assert!(!mock.is_active(&tokens.access).await);
    assert_eq!(
        done(&mock, &[("act", "reset")]).await,
        "Sandbox default was reset"
    );
    assert_eq!(
        mock.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
}

/// The time after a text, up to the end of the line.
fn regex(table: &str, before: &str) -> String {
    let rest = table.split_once(before).expect("it is there").1;
    rest.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn failed_actions_are_reported_on_a_page() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for fields in [
        vec![("act", "advance"), ("by", "soon")],
        vec![("act", "preset"), ("name", "refresh-revokd")],
        vec![("act", "delete-fault"), ("id", "7")],
        vec![("act", "make-sandbox"), ("name", "a b")],
        vec![("act", "delete-sandbox"), ("name", "default")],
        vec![("act", "contract"), ("contract", "lively")],
        vec![("act", "explode")],
    ] {
        let answer = press(&mock, &fields).await;
        table += &format!(
            "{} {}\n",
            answer.status,
            answer.page().texts(".problem").join(" | ")
        );
    }
    assert_snapshot!(table, @r#"
    400 by: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    400 name: no preset "refresh-revokd"; did you mean "refresh-revoked"?
    400 id: no fault "7"; there are no faults
    400 "a b" is not a valid name: it contains ' '; use at most 64 letters, digits, - _ .
    400 name: the default sandbox cannot be deleted; use POST reset to reset it
    400 contract: unknown value "lively"; did you mean "live"?
    400 act: unknown action "explode"; use the buttons of the page
    "#);
    let back = press(&mock, &[("act", "explode"), ("back", "/_mock/faults")]).await;
    assert_eq!(
        back.page().attributes("main .buttons a", "href"),
        ["/_mock/faults"]
    );
}

#[tokio::test]
async fn actions_return_to_their_page_and_to_no_other_site() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for back in [
        "/_mock?show=all&endpoint=token",
        "/_mock/faults?times=1#custom",
        "",
        "https://evil.example/",
        "//evil.example",
    ] {
        let pressed = press(&mock, &[("act", "freeze"), ("back", back)]).await;
        let there = pressed.location();
        table += &format!("{back} -> {}\n", &there[url::Position::BeforePath..]);
        assert_eq!(there.origin().ascii_serialization(), mock.base);
    }
    assert_snapshot!(table, @"
    /_mock?show=all&endpoint=token -> /_mock?show=all&endpoint=token
    /_mock/faults?times=1#custom -> /_mock/faults?times=1#custom
     -> /_mock
    https://evil.example/ -> /
    //evil.example -> /
    ");
    // Each form of the list returns to the same list.
    let page = mock.get("/_mock?show=all&endpoint=token").await.page();
    let backs = page.attributes(".appbar input[name=back]", "value");
    assert!(
        backs.len() > 4
            && backs
                .iter()
                .all(|back| back == "/_mock?show=all&endpoint=token"),
        "{backs:?}"
    );
}

#[tokio::test]
async fn every_contract_can_be_chosen() {
    let mock = TestServer::documented().await;
    let chosen = async || {
        let page = mock.get(REQUESTS).await.page();
        page.attributes("#contract [aria-pressed=true]", "value")
    };
    let page = mock.get(REQUESTS).await.page();
    let names = page.attributes("#contract button", "value");
    assert_eq!(names, ["documented", "live", "live@2026-08"]);
    for name in names {
        press(&mock, &[("act", "contract"), ("contract", &name)]).await;
        assert_eq!(chosen().await, [&*name]);
        assert_eq!(mock.get("/_mock/settings").await.json()["contract"], name);
    }
}

#[tokio::test]
async fn clock_shows_its_zone_and_its_distance_from_real_time() {
    let mock = TestServer::documented().await;
    let clock = async || {
        mock.get(REQUESTS)
            .await
            .page()
            .texts("#bar-clock summary")
            .concat()
    };
    assert!(!clock().await.contains("real time"), "{}", clock().await);
    mock.advance(7200).await;
    let ahead = clock().await;
    assert!(
        ahead.contains("UTC") && ahead.ends_with("+2 h from real time"),
        "{ahead}"
    );
    mock.advance(-10_800).await;
    assert!(clock().await.contains("−"), "{}", clock().await);
}

#[tokio::test]
async fn theme_is_stored_in_a_cookie() {
    let mock = TestServer::documented().await;
    let theme = async |cookie: &str| {
        let page = mock.get("/_mock/findings").cookie(cookie).await.page();
        page.attributes("html", "data-theme").concat()
    };
    assert_eq!(theme("x=y").await, "dark");
    for name in ["light", "system", "dark"] {
        let chosen = Fields::new(&[("theme", name), ("back", "/_mock/findings")]);
        let chosen = mock.post("/_mock/theme", &chosen).await;
        assert_eq!(chosen.location().path(), "/_mock/findings");
        assert_eq!(theme(&chosen.cookie()).await, name);
    }
    let unknown = Fields::new(&[("theme", "pink")]);
    let unknown = mock.post("/_mock/theme", &unknown).await;
    assert_eq!((unknown.status, unknown.header("set-cookie")), (303, None));
    assert_eq!(theme("mock-theme=pink").await, "dark");
}

#[tokio::test]
async fn start_page_hides_the_state_of_a_locked_server() {
    let mut config = crate::support::config(civitai_oauth_mock::Contract::Documented);
    config.set_control_token("t0ken").expect("a token");
    let mock = TestServer::start(config).await;
    let locked = mock.get("/").await;
    assert_eq!(locked.status, 200);
    assert_eq!(
        locked
            .page()
            .texts("#bar-clock, #bar-sandboxes, #contract, .count"),
        [""; 0]
    );
    let open = mock.get("/").header("authorization", "Bearer t0ken").await;
    assert_eq!(open.page().texts("#bar-sandboxes summary").len(), 1);
}

#[tokio::test]
async fn browsers_find_an_icon() {
    let mock = TestServer::documented().await;
    let icon = mock.get("/favicon.ico").await;
    assert_eq!(icon.status, 200);
    assert_eq!(
        icon.header("content-type").as_deref(),
        Some("image/svg+xml")
    );
    assert_eq!(
        mock.control("GET", "/requests", json!({})).await["requests"],
        json!([])
    );
}
