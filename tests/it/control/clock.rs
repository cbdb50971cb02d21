//! `/_mock/clock`: advance, freeze, set, and invalid times. Token expiry is in `oauth/token/refresh.rs`; further
//! calls are in `settings.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestServer};

const NOON: &str = "2026-01-31T12:00:00Z";

async fn clock(mock: &SandboxClient, operation: &str, input: Value) -> Value {
    mock.control("POST", &format!("/clock/{operation}"), input)
        .await
}

#[tokio::test]
async fn durations_accept_common_notations() {
    let mock = TestServer::documented().await;
    clock(&mock, "freeze", json!({ "at": NOON })).await;
    let mut table = String::new();
    for input in [
        json!("1h"),
        json!(3600),
        json!(0.25),
        json!({ "by": "1h30m" }),
        json!({ "by": "7d" }),
        json!({ "by": "300ms" }),
        json!({ "seconds": 90 }),
        json!({ "seconds": -90 }),
        json!("-1h"),
    ] {
        clock(&mock, "set", json!({ "at": NOON })).await;
        let shown = clock(&mock, "advance", input.clone()).await;
        table += &format!("{input}: {}\n", shown["now"].as_str().unwrap());
    }
    assert_snapshot!(table, @r#"
    "1h": 2026-01-31T13:00:00Z
    3600: 2026-01-31T13:00:00Z
    0.25: 2026-01-31T12:00:00.25Z
    {"by":"1h30m"}: 2026-01-31T13:30:00Z
    {"by":"7d"}: 2026-02-07T12:00:00Z
    {"by":"300ms"}: 2026-01-31T12:00:00.3Z
    {"seconds":90}: 2026-01-31T12:01:30Z
    {"seconds":-90}: 2026-01-31T11:58:30Z
    "-1h": 2026-01-31T11:00:00Z
    "#);
}

#[tokio::test]
async fn frozen_clock_stands_still_until_resumed() {
    let mock = TestServer::documented().await;
    let frozen = clock(&mock, "freeze", json!({ "at": NOON })).await;
    assert_snapshot!(frozen, @r#"{"now":"2026-01-31T12:00:00Z","unix_ms":1769860800000,"frozen":true,"at_end":false,"state":{"frozen":{"at":1769860800000}}}"#);
    assert_eq!(mock.control("GET", "/clock", json!({})).await, frozen);
    // What is issued then, is issued at that moment.
    let tokens = mock.tokens(&CONF, "1").await;
    let shown = mock
        .control(
            "POST",
            "/tokens/introspect",
            json!({ "token": tokens.access }),
        )
        .await;
    assert_eq!(shown["issued_at"], NOON);
    assert_eq!(shown["expires_at"], "2026-01-31T13:00:00Z");

    let resumed = clock(&mock, "resume", json!({})).await;
    assert_eq!(resumed["frozen"], false);
    let ahead =
        |shown: &Value| shown["unix_ms"].as_i64().unwrap() - frozen["unix_ms"].as_i64().unwrap();
    assert!((0..60_000).contains(&ahead(&resumed)), "{resumed}");
    let again = clock(&mock, "resume", json!({})).await;
    assert!(
        ahead(&again) >= ahead(&resumed),
        "resuming twice is no harm"
    );
}

#[tokio::test]
async fn clock_freezes_now_or_at_a_given_time() {
    let mock = TestServer::documented().await;
    let before = mock.control("GET", "/clock", json!({})).await;
    let here = clock(&mock, "freeze", json!({})).await;
    let passed = here["unix_ms"].as_i64().unwrap() - before["unix_ms"].as_i64().unwrap();
    assert!((0..60_000).contains(&passed), "{before} {here}");
    let unix = clock(&mock, "freeze", json!({ "at": 1_769_860_800 })).await;
    assert_eq!(unix["now"], NOON);
    let offset = clock(
        &mock,
        "freeze",
        json!({ "at": "2026-01-31T13:00:00+01:00" }),
    )
    .await;
    assert_eq!(offset, unix);
}

#[tokio::test]
async fn setting_a_clock_leaves_it_running_or_stopped_as_it_was() {
    let mock = TestServer::documented().await;
    let set = clock(&mock, "set", json!({ "at": NOON })).await;
    assert_eq!(set["frozen"], false);
    assert!(
        set["now"]
            .as_str()
            .unwrap()
            .starts_with("2026-01-31T12:00:")
    );
    clock(&mock, "freeze", json!({})).await;
    let set = clock(&mock, "set", json!({ "at": "1999-12-31T23:59:59Z" })).await;
    assert_eq!(
        (&set["now"], &set["frozen"]),
        (&json!("1999-12-31T23:59:59Z"), &json!(true))
    );
}

#[tokio::test]
async fn a_moved_clock_expires_what_was_issued_before_and_brings_it_back() {
    let mock = TestServer::documented().await;
    clock(&mock, "freeze", json!({ "at": NOON })).await;
    let tokens = mock.tokens(&CONF, "1").await;
    clock(&mock, "advance", json!("1h")).await;
    assert!(
        mock.is_active(&tokens.access).await,
        "good up to the moment itself"
    );
    clock(&mock, "advance", json!("1ms")).await;
    assert!(!mock.is_active(&tokens.access).await);
    clock(&mock, "advance", json!("-1ms")).await;
    assert!(mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn invalid_time_is_rejected_and_moves_nothing() {
    let mock = TestServer::documented().await;
    let frozen = clock(&mock, "freeze", json!({ "at": NOON })).await;
    let mut table = String::new();
    for (operation, input) in [
        ("advance", json!("an hour")),
        ("advance", json!("1w")),
        ("advance", json!("")),
        ("advance", json!(null)),
        ("advance", json!(["1h"])),
        ("advance", json!({ "by": "1 h" })),
        ("advance", json!({ "by": "1h", "seconds": 5 })),
        ("advance", json!({ "bye": "1h" })),
        ("freeze", json!({ "at": "noon" })),
        ("freeze", json!({ "at": "2026-01-31" })),
        ("freeze", json!({ "until": NOON })),
        ("freeze", json!("now")),
        ("resume", json!({ "at": NOON })),
        ("set", json!({})),
        ("set", json!({ "at": 1e300 })),
        ("set", json!({ "at": i64::MAX })),
        ("set", json!({ "at": null })),
    ] {
        let answer = mock
            .request("POST", &format!("/_mock/clock/{operation}"))
            .json(&input)
            .await;
        let error = answer.json();
        table += &format!(
            "{operation} {input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    advance "an hour"
      400 "": "\"an hour\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    advance "1w"
      400 "": "\"1w\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    advance ""
      400 "": "\"\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    advance null
      400 "": "null is not a length of time: \"1h\", \"300ms\" or a number of seconds" (null)
    advance ["1h"]
      400 "": "a list is not a length of time: \"1h\", \"300ms\" or a number of seconds" (null)
    advance {"by":"1 h"}
      400 "by": "\"1 h\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    advance {"by":"1h","seconds":5}
      400 "": "by \"1h\" and seconds 5 are both given: omit one" (null)
    advance {"bye":"1h"}
      400 "bye": "unknown key \"bye\"" ("did you mean \"by\"?")
    freeze {"at":"noon"}
      400 "at": "\"noon\" is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds" (null)
    freeze {"at":"2026-01-31"}
      400 "at": "\"2026-01-31\" is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds" (null)
    freeze {"until":"2026-01-31T12:00:00Z"}
      400 "until": "unknown key \"until\"" ("choose among at")
    freeze "now"
      400 "": "\"now\" is not an object" (null)
    resume {"at":"2026-01-31T12:00:00Z"}
      400 "at": "unknown key \"at\" with the value \"2026-01-31T12:00:00Z\"" ("this operation has no input")
    set {}
      400 "": "missing key \"at\"" (null)
    set {"at":1e+300}
      400 "at": "1e+300 is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds" (null)
    set {"at":9223372036854775807}
      400 "at": "9223372036854775807 is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds" (null)
    set {"at":null}
      400 "at": "null is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds" (null)
    "#);
    assert_eq!(mock.control("GET", "/clock", json!({})).await, frozen);
}

#[tokio::test]
async fn a_clock_goes_from_the_year_1_to_the_year_9999() {
    let mock = TestServer::documented().await;
    let last = clock(&mock, "freeze", json!({ "at": "9999-12-31T23:59:59.999Z" })).await;
    let mut table = String::new();
    for (operation, input) in [
        ("advance", json!("1ms")),
        ("advance", json!({ "seconds": 1e12 })),
        ("advance", json!({ "by": "-3660000d" })),
        ("freeze", json!({ "at": "0000-12-31T23:59:59Z" })),
        ("set", json!({ "at": 253_402_300_800_i64 })),
        ("set", json!({ "at": "9999-12-31T23:59:59-01:00" })),
    ] {
        let answer = mock
            .request("POST", &format!("/_mock/clock/{operation}"))
            .json(&input)
            .await;
        let error = answer.json();
        table += &format!(
            "{operation} {input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    advance "1ms"
      400 "": "\"1ms\" would move the clock out of the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    advance {"seconds":1000000000000.0}
      400 "seconds": "1000000000000.0 would move the clock out of the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    advance {"by":"-3660000d"}
      400 "by": "\"-3660000d\" would move the clock out of the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    freeze {"at":"0000-12-31T23:59:59Z"}
      400 "at": "-62135596801 s since 1970 is not within the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    set {"at":253402300800}
      400 "at": "253402300800 s since 1970 is not within the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    set {"at":"9999-12-31T23:59:59-01:00"}
      400 "at": "253402304399 s since 1970 is not within the years 1 to 9999" ("the clock accepts times from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z")
    "#);
    assert_eq!(mock.control("GET", "/clock", json!({})).await, last);
    // What is issued then outlives the calendar, and can be shown all the same.
    assert_eq!(mock.tokens(&CONF, "1").await.access.len(), 44);
    assert_eq!(mock.get("/_mock/tokens").await.status, 200);
    clock(&mock, "set", json!({ "at": "0001-01-01T00:00:00Z" })).await;
}

#[tokio::test]
async fn a_running_clock_stops_at_the_end_of_the_year_9999() {
    let mock = TestServer::documented().await;
    let end = "9999-12-31T23:59:59.999Z";
    let shown = clock(&mock, "set", json!({ "at": end })).await;
    assert_eq!(
        (&shown["now"], &shown["at_end"], &shown["frozen"]),
        (&json!(end), &json!(true), &json!(false)),
        "{shown}"
    );
    for input in [json!("1ms"), json!("7000d")] {
        let refused = mock
            .request("POST", "/_mock/clock/advance")
            .json(&input)
            .await;
        assert_eq!(refused.status, 400, "{refused}");
    }
    assert_eq!(mock.control("GET", "/clock", json!({})).await["now"], end);
    // Everything that ends later is written as the last moment that there is a text for, and lives on.
    let tokens = mock.tokens(&CONF, "1").await;
    assert!(mock.is_active(&tokens.access).await);
    let token = json!({ "token": tokens.access });
    let shown = mock.control("POST", "/tokens/introspect", token).await;
    assert_eq!(
        (
            &shown["active"],
            &shown["issued_at"],
            &shown["expires_at"],
            &shown["expires_in"]
        ),
        (
            &json!(true),
            &json!(end),
            &json!("9999-12-31T23:59:59.999Z"),
            &json!(3600)
        )
    );
    let refreshed = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(refreshed.status, 200, "{refreshed}");
    mock.control("POST", "/snapshots/end", json!({})).await;
    let back = clock(&mock, "advance", json!("-1h")).await;
    assert_eq!(back["at_end"], false);
    // The clock runs on from there, and a slow machine takes its time.
    let now = back["now"].as_str().unwrap();
    assert!(
        ("9999-12-31T22:59:59".."9999-12-31T23:59").contains(&now),
        "{now}"
    );
}

#[tokio::test]
async fn racing_advances_never_leave_the_calendar() {
    let mock = TestServer::documented().await;
    clock(&mock, "freeze", json!({ "at": "9999-01-01T00:00:00Z" })).await;
    let racing = (0..40).map(|_| {
        let ask = mock.request("POST", "/_mock/clock/advance");
        tokio::spawn(async move { ask.json(&json!("100d")).await.status })
    });
    let racing: Vec<_> = racing.collect();
    let mut moved = 0;
    for advance in racing {
        match advance.await.unwrap() {
            200 => moved += 1,
            status => assert_eq!(status, 400),
        }
    }
    assert_eq!(moved, 3, "364 days are left");
    let shown = mock.control("GET", "/clock", json!({})).await;
    assert_eq!(shown["now"], "9999-10-28T00:00:00Z");
}
