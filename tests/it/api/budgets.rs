//! Spend caps: how long each kind of budget lasts, and what is reported about it. Property tests of the sums are in
//! `model/ledger.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, OTHER, SPA, SandboxClient, SpendingApp, Stopwatch, TestServer};

const SPEND: &str = "apiKey.getSpend";

async fn capped(mock: &SandboxClient, at: &str, budgets: Value) -> SpendingApp {
    mock.freeze(at).await;
    mock.cap(&CONF, budgets).await;
    SpendingApp::funded(mock, &CONF, 1000).await
}

async fn set_clock(mock: &SandboxClient, at: &str) {
    mock.control("POST", "/clock/set", json!({ "at": at }))
        .await;
}

/// A token for the moment, however far the clock has been moved.
async fn pays(mock: &SandboxClient, cost: u64) -> bool {
    SpendingApp::for_ada(mock, &CONF).await.pays(cost).await
}

#[tokio::test]
async fn an_absolute_budget_holds_until_it_is_reset() {
    let mock = TestServer::documented().await;
    let budget = json!([{ "type": "absolute", "limit": 30 }]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budget).await;
    assert!(ada.pays(20).await && !ada.pays(11).await && ada.pays(10).await);
    set_clock(&mock, "2036-01-01T00:00:00Z").await;
    assert!(!pays(&mock, 1).await);
    let grant = json!({ "user": "ada", "client_id": "conf" });
    let reset = mock.control("POST", "/spends/reset", grant.clone()).await;
    assert_eq!(reset, json!({ "reset": 2 }));
    assert!(pays(&mock, 30).await && !pays(&mock, 1).await);
    let reset = mock.control("POST", "/spends/reset", grant).await;
    assert_eq!(reset, json!({ "reset": 1 }));
}

#[tokio::test]
async fn sliding_budget_frees_spends_older_than_its_window() {
    let mock = TestServer::documented().await;
    let budget = json!([{ "type": "sliding", "limit": 30, "window": "minute", "unit": 10 }]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budget).await;
    assert!(ada.pays(20).await);
    mock.advance(300).await;
    assert!(ada.pays(10).await && !ada.pays(1).await);
    mock.advance(299).await;
    assert!(!ada.pays(1).await);
    mock.advance(1).await;
    assert!(ada.pays(20).await && !ada.pays(1).await);
}

#[tokio::test]
async fn sliding_month_follows_the_calendar() {
    let mock = TestServer::documented().await;
    let budget = json!([{ "type": "sliding", "limit": 30, "window": "month", "unit": 1 }]);
    let ada = capped(&mock, "2026-02-28T12:00:00Z", budget).await;
    assert!(ada.pays(30).await);
    set_clock(&mock, "2026-03-28T11:59:59Z").await;
    assert!(!pays(&mock, 1).await);
    // A month before any of the last days of March is the last of February.
    set_clock(&mock, "2026-03-31T11:59:59Z").await;
    assert!(!pays(&mock, 1).await);
    set_clock(&mock, "2026-03-31T12:00:00Z").await;
    assert!(pays(&mock, 30).await);
}

#[tokio::test]
async fn rollover_budget_resets_when_its_cron_fires() {
    let mock = TestServer::documented().await;
    let budget = json!([{ "type": "rollover", "limit": 30, "cron": "0 0 1 * *" }]);
    let ada = capped(&mock, "2026-01-31T23:59:59Z", budget).await;
    assert!(ada.pays(30).await && !ada.pays(1).await);
    mock.advance(1).await;
    assert!(ada.pays(30).await && !ada.pays(1).await);
}

#[tokio::test]
async fn cron_expressions_are_parsed_like_civitai() {
    let mock = TestServer::documented().await;
    for (cron, at, seconds) in [
        ("0/15 * * * *", "2026-01-31T12:14:50Z", 10),
        ("0 22-2 * * *", "2026-02-01T00:59:59Z", 1),
        ("0 12 L-3 * *", "2026-02-25T11:00:00Z", 3600),
        ("@every_minute", "2026-02-25T11:00:50Z", 10),
        ("@every_second", "2026-02-25T11:00:50Z", 1),
    ] {
        let budget = json!([{ "type": "rollover", "limit": 30, "cron": cron }]);
        let ada = capped(&mock, at, budget).await;
        assert!(ada.pays(30).await && !ada.pays(1).await, "{cron}");
        mock.advance(seconds - 1).await;
        assert!(seconds == 1 || !ada.pays(1).await, "{cron}");
        mock.advance(1).await;
        assert!(ada.pays(30).await && !ada.pays(1).await, "{cron}");
        mock.control("DELETE", "/spends", json!({ "user": "ada" }))
            .await;
    }
}

/// Civitai asks of a cron that there be one, and of the names of currencies that they be text.
#[tokio::test]
async fn unparsable_cron_is_accepted_at_consent_and_reported_with_spends() {
    let mock = TestServer::documented().await;
    mock.freeze("2026-01-31T12:00:00Z").await;
    let budgets = r#"[{"type":"rollover","limit":30,"cron":"on pay day"},{"type":"absolute","limit":5,"currencies":["blu"]}]"#;
    let request = CONF.authorize_params("114689").and("buzz_limit", budgets);
    mock.approve(&request).await.code();
    assert!(SpendingApp::funded(&mock, &CONF, 1000).await.pays(30).await);
    set_clock(&mock, "2036-01-01T00:00:00Z").await;
    assert!(!pays(&mock, 1).await);
    let shown = mock.control("GET", "/spends", json!({})).await;
    let warnings = shown["spends"][0]["warnings"].as_array().unwrap();
    let output: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    assert_snapshot!(output.join("\n"), @r#"
    buzz_limit[0].cron: "on pay day" is not a cron expression: the budget never resets; write five fields, such as "0 0 1 * *" for the first day of each month, six with the seconds first, or a name such as @daily
    buzz_limit[1].currencies[0]: "blu" is not a buzz type: the budget would limit nothing; did you mean "blue"?
    "#);
}

#[tokio::test]
async fn control_call_rejects_ineffective_budgets() {
    let mock = TestServer::documented().await;
    let mut output = String::new();
    for budget in [
        json!({ "type": "rollover", "limit": 30, "cron": "on pay day" }),
        json!({ "type": "rollover", "limit": 30, "cron": "0 0 1 1 * * 2030" }),
        json!({ "type": "absolute", "limit": 30, "currencies": ["yellow", "blu"] }),
        json!({ "type": "sliding", "limit": 30, "window": "day", "unit": 1, "currencies": ["purple"] }),
    ] {
        let limit = [json!({ "type": "absolute", "limit": 1 }), budget];
        let agreed = json!({ "user": "ada", "client_id": "conf", "scope": 1, "buzz_limit": limit });
        let answer = mock.request("POST", "/_mock/consents").json(&agreed).await;
        assert_eq!(answer.status, 400, "{answer}");
        output += &format!("{}\n", answer.body);
    }
    assert_snapshot!(output, @r#"
    {"error":"invalid","message":"\"on pay day\" is not a cron expression: the budget never resets","path":"buzz_limit[1].cron","hint":"write five fields, such as \"0 0 1 * *\" for the first day of each month, six with the seconds first, or a name such as @daily"}
    {"error":"invalid","message":"\"0 0 1 1 * * 2030\" is not a cron expression: the budget never resets","path":"buzz_limit[1].cron","hint":"write five fields, such as \"0 0 1 * *\" for the first day of each month, six with the seconds first, or a name such as @daily"}
    {"error":"invalid","message":"\"blu\" is not a buzz type: the budget would limit nothing","path":"buzz_limit[1].currencies[1]","hint":"did you mean \"blue\"?"}
    {"error":"invalid","message":"\"purple\" is not a buzz type: the budget would limit nothing","path":"buzz_limit[1].currencies[0]","hint":"choose yellow, blue or green"}
    "#);
    let consents = mock.control("GET", "/consents", json!({})).await;
    assert_eq!(consents["consents"], json!([]));
}

#[tokio::test]
async fn of_several_budgets_the_tightest_wins() {
    let mock = TestServer::documented().await;
    let budgets = json!([
        { "type": "absolute", "limit": 50 },
        { "type": "sliding", "limit": 30, "window": "day", "unit": 1 },
    ]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budgets).await;
    assert!(!ada.pays(31).await && ada.pays(30).await);
    set_clock(&mock, "2026-02-01T12:00:00Z").await;
    assert!(!pays(&mock, 21).await && pays(&mock, 20).await);
}

#[tokio::test]
async fn a_budget_of_one_kind_of_buzz_leaves_the_others_free() {
    let mock = TestServer::documented().await;
    let budgets = json!([{ "type": "absolute", "limit": 30, "currencies": ["blue"] }]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budgets).await;
    let buzz = json!({ "buzz": { "blue": 100, "yellow": 100 } });
    mock.control("PATCH", "/users/ada", buzz).await;
    assert!(!ada.pays(31).await, "blue pays first, whatever is capped");
    let yellow = json!({ "cost": 100, "currencies": ["yellow"] });
    assert_eq!(ada.submit(&yellow).await.status, 200);
    assert!(ada.pays(30).await && !ada.pays(1).await);
}

#[tokio::test]
async fn spends_are_counted_per_user_and_client_across_tokens() {
    let mock = TestServer::documented().await;
    let request = CONF
        .authorize_params("114689")
        .and("buzz_limit", r#"[{"type":"absolute","limit":30}]"#);
    let code = mock.approve(&request).await.code();
    let first = mock.token(&CONF.redeem_params(&code)).await;
    let ada = SpendingApp::funded(&mock, &OTHER, 1000).await;
    assert!(
        SpendingApp::with(&mock, &first.text("access_token"))
            .pays(30)
            .await
    );
    let next = mock
        .token(&CONF.refresh_params(&first.text("refresh_token")))
        .await;
    for token in [
        next.text("access_token"),
        mock.tokens(&CONF, "32768").await.access,
    ] {
        assert!(!SpendingApp::with(&mock, &token).pays(1).await);
    }
    assert!(ada.pays(31).await, "another app has no cap");
    mock.control("PATCH", "/users/tess", json!({ "buzz": { "blue": 31 } }))
        .await;
    let tess = mock.tokens_of("tess", &CONF, "32768").await.access;
    assert!(
        SpendingApp::with(&mock, &tess).pays(31).await,
        "nor has another user"
    );
}

#[tokio::test]
async fn turning_the_clock_back_does_not_free_budget() {
    let mock = TestServer::documented().await;
    let budgets = json!([
        { "type": "sliding", "limit": 30, "window": "hour", "unit": 1 },
        { "type": "rollover", "limit": 30, "cron": "@daily" },
    ]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budgets).await;
    assert!(ada.pays(30).await);
    set_clock(&mock, "2026-01-01T12:00:00Z").await;
    assert!(!ada.pays(1).await);
}

#[tokio::test]
async fn user_sees_spent_and_remaining_buzz() {
    let mock = TestServer::documented().await;
    let budgets = json!([
        { "type": "sliding", "limit": 50, "window": "day", "unit": 7 },
        { "type": "absolute", "limit": 100, "currencies": ["yellow"] },
        { "type": "rollover", "limit": 20, "cron": "0 0 * * *" },
    ]);
    let ada = capped(&mock, "2026-01-31T12:00:00Z", budgets).await;
    let buzz = json!({ "buzz": { "blue": 5, "yellow": 100 } });
    mock.control("PATCH", "/users/ada", buzz).await;
    assert!(ada.pays(12).await);
    // Another app has no limit, and a limit of no budgets is none.
    assert!(SpendingApp::for_ada(&mock, &OTHER).await.pays(1).await);
    mock.cap(&SPA, json!([])).await;
    assert_snapshot!(ada.call(SPEND).await.body, @r#"{"result":{"data":{"json":[{"type":"oauth","id":"conf","spend":12,"rules":[{"type":"sliding","limit":50,"spend":12,"remaining":38,"window":"day","unit":7},{"type":"absolute","limit":100,"spend":7,"remaining":93},{"type":"rollover","limit":20,"spend":12,"remaining":8}],"buckets":[{"ts":"2026-01-31T12:00:00Z","amount":5,"currency":"blue"},{"ts":"2026-01-31T12:00:00Z","amount":7,"currency":"yellow"}]}]}}}"#);
    set_clock(&mock, "2026-02-01T00:00:00Z").await;
    let later = SpendingApp::for_ada(&mock, &CONF).await.data(SPEND).await;
    let spends: Vec<&Value> = later[0]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["spend"])
        .collect();
    assert_eq!(spends, [12, 7, 0]);
    let tess = mock.tokens_of("tess", &CONF, "1").await.access;
    assert_eq!(SpendingApp::with(&mock, &tess).data(SPEND).await, json!([]));
}

#[tokio::test]
async fn control_calls_list_and_delete_spends() {
    let mock = TestServer::documented().await;
    let ada = capped(
        &mock,
        "2026-01-31T12:00:00Z",
        json!([{ "type": "absolute", "limit": 30 }]),
    )
    .await;
    assert!(ada.pays(30).await);
    assert!(SpendingApp::for_ada(&mock, &OTHER).await.pays(5).await);
    let shown = mock.get("/_mock/spends").await;
    assert_snapshot!(shown.body, @r#"{"spends":[{"user":2,"client_id":"conf","buzz_limit":[{"type":"absolute","limit":30}],"spend":30,"rules":[{"type":"absolute","limit":30,"spend":30,"remaining":0}],"buckets":[{"ts":"2026-01-31T12:00:00Z","amount":30,"currency":"yellow"}]},{"user":2,"client_id":"other","buzz_limit":null,"spend":5,"rules":[],"buckets":[{"ts":"2026-01-31T12:00:00Z","amount":5,"currency":"yellow"}]}]}"#);
    let of_other = mock
        .control("GET", "/spends?user=ada&client_id=other", json!({}))
        .await;
    assert_eq!(of_other["spends"].as_array().map(Vec::len), Some(1));
    let gone = mock
        .control("DELETE", "/spends?client_id=conf", json!({}))
        .await;
    assert_eq!(gone, json!({ "deleted": 1 }));
    assert!(ada.pays(30).await);
    assert_eq!(
        ada.balance().await,
        [935, 0, 0],
        "the money is not given back"
    );
    let gone = mock
        .control("DELETE", "/spends", json!({ "user": "ada" }))
        .await;
    assert_eq!(gone, json!({ "deleted": 2 }));
    let mut table = String::new();
    for (method, path, input) in [
        ("GET", "/spends?user=adda", json!({})),
        ("GET", "/spends?client=conf", json!({})),
        ("DELETE", "/spends", json!({ "client_id": "confi" })),
        ("POST", "/spends/reset", json!({ "user": "ada" })),
        (
            "POST",
            "/spends/reset",
            json!({ "user": "gone", "client_id": "conf" }),
        ),
    ] {
        let answer = mock
            .request(method, &format!("/_mock{path}"))
            .json(&input)
            .await;
        table += &format!("{method} {path} {input}\n  {}\n", answer.summary());
    }
    assert_snapshot!(table, @r#"
    GET /spends?user=adda {}
      400 invalid: no user "adda"
    GET /spends?client=conf {}
      400 invalid: unknown key "client"
    DELETE /spends {"client_id":"confi"}
      400 invalid: no client "confi"
    POST /spends/reset {"user":"ada"}
      400 invalid: missing key "client_id"
    POST /spends/reset {"user":"gone","client_id":"conf"}
      400 invalid: user "gone" is deleted
    "#);
}

/// Apps of ada's whose budgets are costly to look at: February never has 31 days.
async fn cap_many(mock: &SandboxClient, apps: usize) {
    let budget = json!({ "type": "rollover", "limit": 30, "cron": "0 0 31 2 *" });
    for number in 0..apps {
        let id = format!("app-{number}");
        let client =
            json!({ "id": id, "name": id, "redirect_uris": ["http://127.0.0.1/callback"] });
        mock.control("POST", "/clients", client).await;
        let consent = json!({
            "user": "ada", "client_id": id, "scope": "AI Services", "buzz_limit": [budget, budget, budget, budget],
        });
        mock.control("POST", "/consents", consent).await;
    }
}

/// Server and test share one thread.
#[tokio::test]
async fn listing_spends_of_many_apps_does_not_block_other_requests() {
    let mock = TestServer::documented().await;
    cap_many(&mock, 300).await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    let elsewhere = mock.sandbox("elsewhere");
    let start = Stopwatch::start();
    let both = async { tokio::join!(ada.data(SPEND), mock.control("GET", "/spends", json!({}))) };
    tokio::pin!(both);
    let mut answered = 0;
    let (rows, spends) = loop {
        let health = async { elsewhere.get("/api/health").await.status };
        tokio::select! {
            both = &mut both => break both,
            status = health => {
                assert_eq!(status, 200);
                answered += 1;
            }
        }
    };
    assert!(answered >= 10, "{answered} answers");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    assert_eq!(rows.as_array().map(Vec::len), Some(300));
    assert_eq!(spends["spends"].as_array().map(Vec::len), Some(300));
}

#[tokio::test]
async fn a_batch_computes_equal_calls_once() {
    let mock = TestServer::documented().await;
    cap_many(&mock, 60).await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    let start = Stopwatch::start();
    let one = ada.call(SPEND).await.json();
    let took = start.elapsed();
    let start = Stopwatch::start();
    let batch = ada
        .call(&format!("{}?batch=1", [SPEND; 20].join(",")))
        .await;
    let batch_took = start.elapsed();
    assert_eq!(batch.json(), json!(vec![one; 20]));
    assert!(batch_took < took * 8, "{batch_took:?} after {took:?}");
    let mixed = format!("x,{SPEND},x,{SPEND}?batch=1");
    let mixed = ada.call(&mixed).await;
    let of = |call: &Value| call["error"]["json"]["data"]["path"] == "x";
    let refused: Vec<bool> = mixed.json().as_array().unwrap().iter().map(of).collect();
    assert_eq!(
        (mixed.status, refused),
        (207, vec![true, false, true, false])
    );
}
