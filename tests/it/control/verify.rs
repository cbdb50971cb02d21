//! `/_mock/verify`: expectations about the journal, and messages about mismatches.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestServer, config};

/// A sign-in, two refreshes of which the second is refused, and a look at the user.
async fn used(mock: &SandboxClient) {
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
}

async fn verdicts(mock: &SandboxClient, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.request("POST", "/_mock/verify").json(input).await;
        table += &format!("{input}\n  {}\n", answer.summary());
    }
    table
}

#[tokio::test]
async fn matching_requests_pass() {
    let mock = TestServer::documented().await;
    used(&mock).await;
    let verified = json!({ "verified": true });
    for input in [
        json!([]),
        json!([{}]),
        json!([{ "endpoint": "token" }]),
        json!([{ "endpoint": "token", "times": 3 }]),
        json!([{ "endpoint": "token", "grant_type": "refresh_token", "times": 2 }]),
        json!([{ "endpoint": "token", "at_least": 2, "at_most": 3 }]),
        json!([{ "endpoint": "revoke", "times": 0 }, { "endpoint": "userinfo", "user": "ada" }]),
        json!([{ "endpoint": "token", "error": "invalid_grant", "status": 400, "times": 1 }]),
        json!([{ "client_id": "conf", "method": "POST", "times": 4 }]),
        json!([{ "endpoint": "authorize" }, { "endpoint": "token", "in_order": true }]),
        json!([{ "endpoint": "authorize", "in_order": true }]),
        json!([{ "grant_type": "password", "times": 0 }, { "method": "post", "times": 4 }]),
        json!([{ "path": "/api/auth/oauth/token", "times": 3 }, { "path": "/token", "times": 0 }]),
        json!([{ "endpoint": "other", "times": 0 }, { "user": "gone", "times": 0 }]),
        json!({ "in_order": true, "expectations": [
            { "endpoint": "authorize" }, { "grant_type": "authorization_code" },
            { "endpoint": "userinfo" }, { "grant_type": "refresh_token" }, { "error": "invalid_grant" },
        ]}),
    ] {
        assert_eq!(
            mock.control("POST", "/verify", input.clone()).await,
            verified,
            "{input}"
        );
    }
}

#[tokio::test]
async fn mismatches_are_described() {
    let mock = TestServer::documented().await;
    used(&mock).await;
    let inputs = [
        json!([{ "endpoint": "token", "grant_type": "refresh_token", "times": 1 }]),
        json!([{ "endpoint": "revoke" }]),
        json!([{ "endpoint": "token", "at_least": 4 }]),
        json!([{ "endpoint": "token", "at_most": 2 }]),
        json!([{ "client_id": "spa", "user": 2, "status": 200 }]),
        json!([{ "endpoint": "token", "times": 3 }, { "times": 9 }, { "endpoint": "revoke", "at_least": 1 }]),
        json!([{ "endpoint": "userinfo" }, { "endpoint": "authorize", "in_order": true }]),
        json!({ "in_order": true, "expectations": [{ "grant_type": "refresh_token" }, { "endpoint": "userinfo" }] }),
        json!({ "in_order": true, "expectations": [{ "endpoint": "userinfo" }, { "endpoint": "revoke" }] }),
    ];
    assert_snapshot!(verdicts(&mock, &inputs).await, @r#"
    [{"endpoint":"token","grant_type":"refresh_token","times":1}]
      409 mismatch: [0] token refresh_token: expected 1, found 2
    [{"endpoint":"revoke"}]
      409 mismatch: [0] revoke: expected at least 1, found 0
    [{"endpoint":"token","at_least":4}]
      409 mismatch: [0] token: expected at least 4, found 3
    [{"endpoint":"token","at_most":2}]
      409 mismatch: [0] token: expected at most 2, found 3
    [{"client_id":"spa","user":2,"status":200}]
      409 mismatch: [0] client_id=spa user=2 status=200: expected at least 1, found 0
    [{"endpoint":"token","times":3},{"times":9},{"endpoint":"revoke","at_least":1}]
      409 mismatch: [1] any request: expected 9, found 5; [2] revoke: expected at least 1, found 0
    [{"endpoint":"userinfo"},{"endpoint":"authorize","in_order":true}]
      409 mismatch: [1] authorize: found request 1, which precedes request 3 of the previous expectation
    {"in_order":true,"expectations":[{"grant_type":"refresh_token"},{"endpoint":"userinfo"}]}
      409 mismatch: [1] userinfo: found request 3, which precedes request 4 of the previous expectation
    {"in_order":true,"expectations":[{"endpoint":"userinfo"},{"endpoint":"revoke"}]}
      409 mismatch: [1] revoke: expected at least 1, found 0
    "#);
    let answer = mock.request("POST", "/_mock/verify").json(&inputs[0]).await;
    assert_snapshot!(answer, @r#"
    409
    content-type: application/json

    {"error":"mismatch","message":"[0] token refresh_token: expected 1, found 2","path":"","hint":"GET requests lists the requests","differences":["[0] token refresh_token: expected 1, found 2"],"counters":{"total":5,"endpoints":{"authorize":1,"token":3,"userinfo":1},"grants":{"authorization_code":1,"refresh_token":2}}}
    "#);
}

#[tokio::test]
async fn invalid_expectation_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!("token"),
        json!({}),
        json!({ "expectations": {} }),
        json!({ "expectation": [] }),
        json!({ "expectations": [], "in_order": "yes" }),
        json!([{ "endpont": "token" }]),
        json!([{}, { "time": 1 }]),
        json!([{ "times": "1" }]),
        json!([{ "times": -1 }]),
        json!([{ "status": "200" }]),
        json!([{ "user": "adda" }]),
        json!(["token"]),
        json!([{ "endpoint": "tokn" }]),
        json!([{}, { "method": "PSOT" }]),
        json!([{ "grant_type": "refresh" }]),
        json!([{ "client_id": "cnf" }]),
        json!([{ "error": "invalid_grnt" }]),
        json!([{ "times": 1, "at_least": 1 }]),
        json!([{ "times": 1, "at_most": 0 }]),
        json!([{}, { "at_least": 3, "at_most": 2 }]),
        json!({ "in_order": true, "expectations": [{ "endpoint": "tokn" }] }),
    ];
    let mut table = String::new();
    for input in &inputs {
        let answer = mock.request("POST", "/_mock/verify").json(input).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    "token"
      400 "": "\"token\" is not a list of expectations" (null)
    {}
      400 "": "missing key \"expectations\"" (null)
    {"expectations":{}}
      400 "expectations": "an object is not a list" (null)
    {"expectation":[]}
      400 "expectation": "unknown key \"expectation\"" ("did you mean \"expectations\"?")
    {"expectations":[],"in_order":"yes"}
      400 "in_order": "\"yes\" is not true or false" (null)
    [{"endpont":"token"}]
      400 "[0].endpont": "unknown key \"endpont\"" ("did you mean \"endpoint\"?")
    [{},{"time":1}]
      400 "[1].time": "unknown key \"time\"" ("did you mean \"times\"?")
    [{"times":"1"}]
      409 "": "[0] any request: expected 1, found 0" ("GET requests lists the requests")
    [{"times":-1}]
      400 "[0].times": "-1 is not a whole number, 0 or more" (null)
    [{"status":"200"}]
      409 "": "[0] status=200: expected at least 1, found 0" ("GET requests lists the requests")
    [{"user":"adda"}]
      400 "[0].user": "no user \"adda\"" ("did you mean \"ada\"?")
    ["token"]
      400 "[0]": "\"token\" is not an object" (null)
    [{"endpoint":"tokn"}]
      400 "[0].endpoint": "no endpoint \"tokn\"" ("did you mean \"token\"?")
    [{},{"method":"PSOT"}]
      400 "[1].method": "no method \"PSOT\"" ("did you mean \"POST\"?")
    [{"grant_type":"refresh"}]
      400 "[0].grant_type": "no grant type \"refresh\"" ("did you mean \"refresh_token\"?")
    [{"client_id":"cnf"}]
      400 "[0].client_id": "no client \"cnf\"" ("did you mean \"conf\"?")
    [{"error":"invalid_grnt"}]
      400 "[0].error": "no endpoint returns the error \"invalid_grnt\"" ("did you mean \"invalid_grant\"?")
    [{"times":1,"at_least":1}]
      400 "[0].times": "times 1 and at_least 1 are both given" ("omit times or at_least")
    [{"times":1,"at_most":0}]
      400 "[0].times": "times 1 and at_most 0 are both given" ("omit times or at_most")
    [{},{"at_least":3,"at_most":2}]
      400 "[1].at_least": "at_least 3 is greater than at_most 2" ("lower at_least or raise at_most")
    {"in_order":true,"expectations":[{"endpoint":"tokn"}]}
      400 "expectations[0].endpoint": "no endpoint \"tokn\"" ("did you mean \"token\"?")
    "#);
}

#[tokio::test]
async fn verify_refuses_to_judge_evicted_requests() {
    let mut config = config(Contract::Documented);
    config.journal_capacity = 3;
    let mock = TestServer::start(config).await;
    // The authorization and the exchange of its code go; the look at the user and the refreshes stay.
    used(&mock).await;
    let inputs = [
        json!([{ "endpoint": "token", "times": 2 }]),
        json!([{ "endpoint": "token", "at_most": 2 }]),
        json!([{ "endpoint": "authorize" }]),
        json!([{ "endpoint": "revoke", "times": 0 }]),
        // More would change nothing.
        json!([{ "endpoint": "token", "times": 1 }]),
        json!([{ "endpoint": "token", "at_least": 2 }]),
        json!([{ "endpoint": "userinfo" }]),
        // What has gone came before.
        json!([{ "endpoint": "token", "times": 2, "after": 2 }]),
        json!([{ "endpoint": "token", "times": 2, "after": 1 }]),
    ];
    assert_snapshot!(verdicts(&mock, &inputs).await, @r#"
    [{"endpoint":"token","times":2}]
      409 mismatch: [0] token: found 2 in the journal, but its oldest 2 requests were removed; raise --journal or --journal-memory, or expect only requests after 2
    [{"endpoint":"token","at_most":2}]
      409 mismatch: [0] token: found 2 in the journal, but its oldest 2 requests were removed; raise --journal or --journal-memory, or expect only requests after 2
    [{"endpoint":"authorize"}]
      409 mismatch: [0] authorize: found 0 in the journal, but its oldest 2 requests were removed; raise --journal or --journal-memory, or expect only requests after 2
    [{"endpoint":"revoke","times":0}]
      409 mismatch: [0] revoke: found 0 in the journal, but its oldest 2 requests were removed; raise --journal or --journal-memory, or expect only requests after 2
    [{"endpoint":"token","times":1}]
      409 mismatch: [0] token: expected 1, found 2
    [{"endpoint":"token","at_least":2}]
      200 {"verified":true}
    [{"endpoint":"userinfo"}]
      200 {"verified":true}
    [{"endpoint":"token","times":2,"after":2}]
      200 {"verified":true}
    [{"endpoint":"token","times":2,"after":1}]
      409 mismatch: [0] token after=1: found 2 in the journal, but its oldest 2 requests were removed; raise --journal or --journal-memory, or expect only requests after 2
    "#);
    mock.control("DELETE", "/requests", json!({})).await;
    let none = json!([{ "endpoint": "token", "times": 0 }]);
    assert_eq!(
        mock.control("POST", "/verify", none).await["verified"],
        true
    );
}
