//! The formats of `/_mock/advice`: JSON, page, SARIF, command line, Rust. The rules are tested in the files beside
//! this one.

use std::process::Output;

use civitai_oauth_mock::control::Severity;
use civitai_oauth_mock::{Contract, MockServer};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    App, CONF, Fields, ME, PlaygroundUser, Program, SPA, SandboxClient, SignIn, TestServer, config,
    start_form, with_frozen_clock,
};

fn params(app: &'static App) -> Fields {
    SignIn::new(app).authorize_params("1")
}

/// An app with one mistake of each severity, and another app with one error.
async fn make_mistakes(sandbox: &SandboxClient) {
    let without_pkce = |app| params(app).without("code_challenge");
    sandbox.authorize(&without_pkce(&CONF)).await;
    let tokens = sandbox.signs_in(&CONF, "1").await;
    sandbox.get(&format!("{ME}?token={}", tokens.access)).await;
    sandbox
        .authorize(&params(&CONF).with("prompt", "login"))
        .await;
    sandbox.authorize(&without_pkce(&SPA)).await;
}

async fn with_mistakes() -> TestServer {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    make_mistakes(&mock).await;
    mock
}

#[tokio::test]
async fn findings_are_sorted_by_severity_and_have_a_fix() {
    let mock = with_mistakes().await;
    let advice = mock.control("GET", "/advice", json!({})).await;
    let listed: Vec<String> = advice["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one["severity"], one["rule_id"], one["client_id"], one["requests"]
            )
        })
        .collect();
    assert_snapshot!(listed.join("\n"), @r#"
    "error" "pkce-missing" "conf" [1]
    "error" "pkce-missing" "spa" [6]
    "warning" "secret-in-query" "conf" [4]
    "hint" "ignored-parameter" "conf" [5]
    "#);
    assert_snapshot!(serde_json::to_string_pretty(&advice["findings"][2]).unwrap(), @r#"
    {
      "rule_id": "secret-in-query",
      "severity": "warning",
      "client_id": "conf",
      "summary": "sent token in the query once",
      "reason": "URLs appear in logs, browser histories and Referer headers, and /token does not read secrets from the query",
      "fix": "send secrets in the body, and access tokens in the Authorization: Bearer header",
      "source": "https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2",
      "requests": [
        4
      ]
    }
    "#);
}

#[tokio::test]
async fn an_empty_journal_gives_no_advice() {
    let mock = with_mistakes().await;
    mock.control("DELETE", "/requests", json!({})).await;
    assert_snapshot!(mock.get("/_mock/advice").await, @r#"
    200
    content-type: application/json

    {"findings":[],"requests":0,"evicted":0}
    "#);
}

#[tokio::test]
async fn advice_can_be_filtered_by_client() {
    let mock = with_mistakes().await;
    let of_spa = mock
        .control("GET", "/advice?client_id=spa", json!({}))
        .await;
    assert_eq!(of_spa["findings"].as_array().map(Vec::len), Some(1));
    let mut table = String::new();
    for query in [
        "client_id=cnf",
        "format=xml",
        "cliend_id=spa",
        "location=src/sign-in.ts",
    ] {
        let answer = mock.get(&format!("/_mock/advice?{query}")).await;
        table += &format!(
            "{query}: {} ({})\n",
            answer.summary(),
            answer.json()["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    client_id=cnf: 400 invalid: no client "cnf" ("did you mean \"conf\"?")
    format=xml: 400 invalid: unknown format "xml": use "json", "sarif" or "text" (null)
    cliend_id=spa: 400 invalid: unknown key "cliend_id" ("did you mean \"client_id\"?")
    location=src/sign-in.ts: 400 invalid: location applies only to format=sarif ("add format=sarif, or omit location")
    "#);
}

#[tokio::test]
async fn text_has_each_finding_and_a_summary() {
    let mock = with_mistakes().await;
    let answer = mock.get("/_mock/advice?format=text").await;
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("text/plain; charset=utf-8")
    );
    let lines: Vec<&str> = answer
        .body
        .lines()
        .filter(|line| !line.starts_with("  "))
        .collect();
    assert_snapshot!(lines.join("\n"), @"
    error: pkce-missing (conf)

    error: pkce-missing (spa)

    warning: secret-in-query (conf)

    hint: ignored-parameter (conf)

    6 requests checked: 2 errors, 1 warning, 1 hint
    ");
    // Without mistakes, the summary is the good news.
    let mock = TestServer::documented().await;
    mock.signs_in(&CONF, "1").await;
    assert_snapshot!(mock.get("/_mock/advice?format=text").await.body, @"2 requests checked: no errors, no warnings");
}

#[tokio::test]
async fn sarif_lists_rules_and_results() {
    let mock = with_mistakes().await;
    let answer = mock
        .get("/_mock/advice?format=sarif&location=src/sign-in.ts")
        .await;
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/sarif+json")
    );
    let log = answer.json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    let mut levels = Vec::new();
    for result in results {
        let index = result["ruleIndex"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok());
        assert_eq!(rules[index.expect("an index")]["id"], result["ruleId"]);
        assert!(
            result["message"]["text"]
                .as_str()
                .is_some_and(|text| text.contains("Fix:"))
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/sign-in.ts");
        levels.push(result["level"].clone());
    }
    assert_eq!(levels, ["error", "error", "warning", "note"]);
}

#[tokio::test]
async fn advice_page_shows_the_findings() {
    let mock = with_mistakes().await;
    let page = mock.get("/_mock/findings").await;
    assert_eq!(page.status, 200);
    for text in [
        "pkce-missing",
        "secret-in-query",
        "ignored-parameter",
        "/_mock/requests/1",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let filtered = mock.get("/_mock/findings?client_id=spa").await;
    assert!(!filtered.body.contains("secret-in-query"));
    let wrong = mock.get("/_mock/findings?client_id=cnf").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("did you mean"));
}

#[tokio::test]
async fn playground_calls_are_not_reported() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    for (app, secret) in [(SPA, ""), (CONF, "secret-conf")] {
        let player = PlaygroundUser::begin(&mock, &start_form(app.id, "code", secret)).await;
        player.consent().await;
        for act in [
            "exchange",
            "refresh",
            "refresh-with-old",
            "exchange-again",
            "userinfo",
        ] {
            mock.later("1s").await;
            player.act(act).await;
        }
    }
    let done = mock.control("GET", "/requests", json!({})).await;
    assert!(
        done["counters"]["grants"]["refresh_token"].as_u64() >= Some(4),
        "{done}"
    );
    assert_eq!(mock.findings().await, Vec::<Value>::new());
}

/// Runs the program in a thread of its own, since the server runs on this thread's runtime.
async fn shell(mock: &TestServer, arguments: &[&str]) -> (Option<i32>, String) {
    let mut arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    arguments.extend(["--server".to_owned(), mock.base.clone()]);
    let asking = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Output {
            status,
            stdout,
            stderr,
        } = Program::output(&arguments);
        let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
        (status.code(), text.into_owned())
    });
    asking.await.expect("asking does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_status_follows_the_chosen_severity() {
    let mock = with_mistakes().await;
    let (status, text) = shell(&mock, &["advice", "--client", "spa"]).await;
    assert_eq!(
        status,
        Some(0),
        "without --fail-on, findings are no failure"
    );
    assert_snapshot!(text.replace(&mock.base, "<server>"), @"
    error: pkce-missing (spa)
      omitted code_challenge at authorize, or code_verifier in the exchange, once; requests 6
      reason: Civitai rejects an authorization without PKCE, and a token request without the verifier invalidates the code
      fix: generate a verifier for each attempt; send its S256 challenge to authorize, and the verifier with the code
      https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1

    1 request checked: 1 error, no warnings (<server>)
    ");
    for (limit, code) in [("error", 1), ("warning", 1), ("hint", 1)] {
        assert_eq!(
            shell(&mock, &["advice", "--fail-on", limit]).await.0,
            Some(code),
            "{limit}"
        );
    }
    for (format, key) in [("json", "findings"), ("sarif", "runs")] {
        let (status, text) =
            shell(&mock, &["advice", "--format", format, "--fail-on", "error"]).await;
        let shown: Value = serde_json::from_str(&text).expect("it prints JSON");
        assert_eq!((status, shown[key].is_array()), (Some(1), true));
    }
    mock.control("DELETE", "/requests", json!({})).await;
    let (status, text) = shell(&mock, &["advice", "--fail-on", "error"]).await;
    assert_eq!(status, Some(2), "no app has called it: {text}");
    assert!(
        text.contains("no requests in the journal of http://127.0.0.1"),
        "{text}"
    );
    mock.authorize(&params(&CONF).with("prompt", "login")).await;
    let of_spa = ["advice", "--fail-on", "error", "--client", "spa"];
    let (status, text) = shell(&mock, &of_spa).await;
    assert_eq!(status, Some(2), "another app has called it: {text}");
    assert!(
        text.contains(r#"no requests of client "spa" in the journal"#),
        "{text}"
    );
    assert_eq!(
        shell(&mock, &["advice", "--fail-on", "warning"]).await.0,
        Some(0)
    );
    assert_eq!(
        shell(&mock, &["advice", "--fail-on", "hint"]).await.0,
        Some(1)
    );
    let (status, text) = shell(&mock, &["advice", "--fail-on", "warn"]).await;
    assert_eq!(status, Some(2));
    assert!(
        text.contains(r#"unknown severity "warn": use "error", "warning" or "hint""#),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_of_requests_are_escaped_in_the_terminal() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let sent = "\u{9b}31m\u{7f}\u{1b}]0;x\u{7}\u{2028}\u{202e}\u{2066}";
    let request = params(&CONF).with("client_id", sent);
    mock.authorize(&request.without("code_challenge")).await;
    for arguments in [
        &["advice"][..],
        &["advice", "--format", "json"],
        &["advice", "--format", "sarif"],
        &["advice", "--client", "\u{9b}31m\u{202e}"],
        &["fault", "\u{9b}31m\u{202e}"],
    ] {
        let (_, text) = shell(&mock, arguments).await;
        let is_unsafe = |one: char| {
            one.is_control() && one != '\n'
                || matches!(one, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(is_unsafe), "{arguments:?}: {text:?}");
        assert!(text.contains("9b"), "{arguments:?}: {text}");
    }
    // JSON means the same.
    let (_, json) = shell(&mock, &["advice", "--format", "json"]).await;
    let read: Value = serde_json::from_str(&json).expect("it prints JSON");
    assert_eq!(read["findings"][0]["client_id"], sent);
    for path in [
        "/_mock/advice",
        "/_mock/advice?format=sarif",
        "/_mock/requests",
    ] {
        let body = mock.get(path).await.body;
        assert!(body.contains("\\u009b31m\\u007f"), "{path}: {body}");
    }
}

async fn seeded() -> (MockServer, SandboxClient) {
    let builder = MockServer::builder().seed(include_str!("../support/seed.toml"));
    let server = builder
        .expect("well-formed")
        .start()
        .await
        .expect("a free port");
    let sandbox = SandboxClient::at(server.base_url());
    (server, sandbox)
}

#[tokio::test]
async fn rust_api_returns_and_asserts_advice() {
    let (server, sandbox) = seeded().await;
    sandbox.signs_in(&CONF, "1").await;
    server.assert_no_advice().await;
    make_mistakes(&sandbox).await;
    let advice = server.advice().await.expect("advice");
    let ids: Vec<&str> = advice
        .at_least(Severity::Warning)
        .map(|one| one.rule_id.as_str())
        .collect();
    assert_eq!(ids, ["pkce-missing", "pkce-missing", "secret-in-query"]);
}

#[tokio::test]
#[should_panic(expected = "error: pkce-missing (conf)")]
async fn failed_assertion_prints_the_findings() {
    let (server, sandbox) = seeded().await;
    make_mistakes(&sandbox).await;
    server.assert_no_advice().await;
}

#[tokio::test]
async fn advice_without_a_journal_is_rejected() {
    let mut config = config(Contract::Documented);
    config.journal_capacity = 0;
    let mock = TestServer::start(config).await;
    mock.signs_in(&CONF, "1").await;
    assert_snapshot!(mock.get("/_mock/advice").await.summary(), @"400 invalid: the journal is off, so advice has no requests to check");
    let page = mock.get("/_mock/findings").await.page();
    assert_snapshot!(page.texts(".problem").concat(), @"journal: the journal is off, so advice has no requests to check; start the server with --journal 1000 or more");
}
