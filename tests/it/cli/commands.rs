//! Commands for a running server (tokens, clock, faults, reset), and commands without one (scopes and PKCE): text for
//! people, JSON with `--json`.

use std::process::Output;

use civitai_oauth_mock::control::Preset;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Program, TestServer};

fn run(arguments: &[&str]) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Program::output(arguments);
    let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (status.success(), text.into_owned())
}

/// Runs the program in a thread of its own, since the server runs on this thread's runtime.
async fn ask(mock: &TestServer, arguments: &[&str]) -> (bool, String) {
    let mut arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    arguments.extend(["--server".to_owned(), mock.base.clone()]);
    let asking = tokio::task::spawn_blocking(move || {
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    asking.await.expect("asking does not panic")
}

async fn ask_json(mock: &TestServer, arguments: &[&str]) -> serde_json::Value {
    let (done, text) = ask(mock, &[arguments, &["--json"]].concat()).await;
    assert!(done, "{text}");
    serde_json::from_str(&text).expect("it prints JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn token_command_mints_a_token() {
    let mock = TestServer::documented().await;
    let scope = ["token", "--user", "ada", "--scope", "AI Services"];
    let answer = ask_json(&mock, &scope).await;
    assert_eq!(answer["scope"], "114689");
    let access = answer["access_token"].as_str().unwrap_or_default();
    assert!(mock.is_active(access).await);
    let (done, text) = ask(&mock, &scope).await;
    assert!(done, "{text}");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let keys: Vec<&str> = lines.iter().map(|words| words[0]).collect();
    let expected = [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
    ];
    assert_eq!(keys, expected);
    assert!(mock.is_active(lines[0][1]).await);
    let (done, text) = ask(&mock, &["token", "--user", "adda"]).await;
    assert!(!done);
    assert_snapshot!(text, @r#"civitai-oauth-mock: user: no user "adda"; did you mean "ada"?"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_command_without_clients_names_the_fix() {
    let mock = TestServer::documented().await;
    for client in mock.clients().await {
        let path = format!("/clients/{}", client["id"].as_str().unwrap());
        mock.control("DELETE", &path, json!({})).await;
    }
    let (done, text) = ask(&mock, &["token", "--user", "ada"]).await;
    assert!(!done);
    assert_snapshot!(text, @"civitai-oauth-mock: the sandbox has no clients; add [[clients]] to its seed, or create one with POST /_mock/clients");
}

#[test]
fn command_uses_the_first_listen_address() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let listen = format!("0.0.0.0:{},[::1]:1", program.port());
    let mut command = Program::command(&["clock", "advance", "1h"]);
    let output = command.env("CIVITAI_MOCK_LISTEN", listen).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let other = ["--server", "http://127.0.0.1:1"];
    assert!(!command.args(other).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_command_moves_the_clock() {
    let mock = TestServer::documented().await;
    let mut printed = String::new();
    for arguments in [
        &["clock", "freeze", "2026-01-31T12:00:00Z"][..],
        &["clock", "advance", "1h"],
        &["clock", "advance", "-5m"],
        &["clock"],
    ] {
        let (done, text) = ask(&mock, arguments).await;
        assert!(done, "{arguments:?}: {text}");
        printed += &text;
    }
    assert_snapshot!(printed, @"
    2026-01-31T12:00:00Z  frozen
    2026-01-31T13:00:00Z  frozen
    2026-01-31T12:55:00Z  frozen
    2026-01-31T12:55:00Z  frozen
    ");
    let clock = mock.get("/_mock/clock").await.json();
    assert_eq!(
        (&clock["now"], &clock["frozen"]),
        (&"2026-01-31T12:55:00Z".into(), &true.into())
    );
    assert_eq!(ask_json(&mock, &["clock"]).await, clock);
    let (done, text) = ask(&mock, &["clock", "resume"]).await;
    assert!(done && text.contains("Z  running, "), "{text}");
    assert!(text.contains(" behind real time"), "{text}");
    assert_eq!(mock.get("/_mock/clock").await.json()["frozen"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_command_sets_a_fault() {
    let mock = TestServer::documented().await;
    let mut printed = String::new();
    for arguments in [
        &["fault"][..],
        &["fault", "token-endpoint-down", "--times", "1"],
        &["fault", "consent-denied"],
        &["fault", "list"],
        &["fault"],
    ] {
        let (done, text) = ask(&mock, arguments).await;
        assert!(done, "{arguments:?}: {text}");
        printed += &format!("$ {}\n{text}", arguments.join(" "));
    }
    assert_snapshot!(printed, @"
    $ fault
    no active faults
    $ fault token-endpoint-down --times 1
    fault 1  token-endpoint-down: the token endpoint returns 503  (applied 0 of 1 times)
    $ fault consent-denied
    fault 2  consent-denied: users deny consent  (applied 0 times)
    $ fault list
    fault 1  token-endpoint-down: the token endpoint returns 503  (applied 0 of 1 times)
    fault 2  consent-denied: users deny consent  (applied 0 times)
    $ fault
    fault 1  token-endpoint-down: the token endpoint returns 503  (applied 0 of 1 times)
    fault 2  consent-denied: users deny consent  (applied 0 times)
    ");
    let listed = mock.get("/_mock/faults").await.json();
    assert_eq!(ask_json(&mock, &["fault", "list"]).await, listed);
    let for_client = ["fault", "rate-limited", "--client", "conf", "--times", "2"];
    assert_snapshot!(ask(&mock, &for_client).await.1, @"fault 3  rate-limited: the token endpoint returns 429, for client conf  (applied 0 of 2 times)");
    assert_snapshot!(ask(&mock, &["fault", "rate-limited", "--client", "cnf"]).await.1, @r#"civitai-oauth-mock: client_id: no client "cnf"; did you mean "conf"?"#);
    let (_, refused) = run(&["fault", "list", "--client", "conf"]);
    assert!(
        refused.contains("unexpected argument '--client'"),
        "{refused}"
    );
    assert_snapshot!(ask(&mock, &["fault", "delete"]).await.1, @"deleted all faults");
    assert_snapshot!(mock.get("/_mock/faults").await.json(), @r#"{"faults":[]}"#);
    assert_snapshot!(ask_json(&mock, &["fault", "delete"]).await, @"{}");
    let (done, text) = ask(&mock, &["fault", "clock-skew"]).await;
    assert!(
        done && text.ends_with("Z  running, 5m ahead of real time\n"),
        "{text}"
    );
    assert_snapshot!(run(&["fault", "token-endpoint-dwn"]).1, @"
    error: invalid value 'token-endpoint-dwn' for '[PRESET]'
      [possible values: refresh-revoked, token-endpoint-down, rate-limited, token-endpoint-slow, consent-denied, code-expired, slow-down, connection-reset, clock-skew]

      tip: a similar value exists: 'token-endpoint-down'

    For more information, try '--help'.
    ");
    assert_snapshot!(run(&["fault", "token-endpoint-slow", "list"]).1, @r#"civitai-oauth-mock: fault: "list" cannot be combined with the preset "token-endpoint-slow"; remove one of them"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_command_describes_a_rule_that_is_no_preset() {
    let mock = TestServer::documented().await;
    let rule = json!({ "endpoint": "token", "client_id": "conf", "times": 2, "effect": { "status": 418 } });
    mock.control("POST", "/faults", rule).await;
    let body = json!({ "access_token": "civitai_secret", "note": "shown" });
    let secret = json!({ "endpoint": "me", "effect": { "body": body } });
    mock.control("POST", "/faults", secret).await;
    assert_snapshot!(ask(&mock, &["fault"]).await.1, @r#"
    fault 1  {"endpoint":"token","effect":{"status":418}}, for client conf  (applied 0 of 2 times)
    fault 2  {"endpoint":"me","effect":{"body":{"access_token":"[redacted]","note":"shown"}}}  (applied 0 times)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_presets_are_those_of_the_server() {
    let (done, text) = run(&["fault", "presets"]);
    assert!(done);
    assert_snapshot!(text, @r#"
    refresh-revoked      rejects every refresh, as if the user had revoked the app
    token-endpoint-down  the token endpoint returns 503
    rate-limited         the token endpoint returns 429
    token-endpoint-slow  the token endpoint takes 3 s
    consent-denied       users deny consent
    code-expired         rejects every code exchange, as if the code had expired
    slow-down            device polls return slow_down (RFC 8628 §3.5), which Civitai never returns
    connection-reset     the token endpoint resets connections
    clock-skew           advances the server's clock by 5 minutes; POST clock/advance "-5m" reverts it
    "#);
    let mock = TestServer::documented().await;
    let (_, help) = run(&["fault", "--help"]);
    let listed = ask_json(&mock, &["fault", "presets"]).await;
    let listed = listed["presets"].as_array().unwrap();
    assert_eq!(listed.len(), Preset::ALL.len());
    for shown in listed {
        let name = shown["preset"].as_str().unwrap();
        let path = format!("/faults/presets/{name}");
        let set = mock.control("POST", &path, json!({})).await;
        assert_eq!(shown["description"], set["description"]);
        for (key, value) in shown["fault"].as_object().into_iter().flatten() {
            assert_eq!(*value, set["fault"][key]);
        }
        assert!(help.contains(&format!("- {name}:")), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_command_restores_the_seed() {
    let mock = TestServer::documented().await;
    mock.control("DELETE", "/users/ada", json!({})).await;
    assert_eq!(mock.get("/_mock/users/ada").await.status, 404);
    assert_snapshot!(ask(&mock, &["reset"]).await.1, @"reset to the seed and the start-up settings; faults, clock and journal are reset too");
    assert_eq!(mock.get("/_mock/users/ada").await.status, 200);
    assert_snapshot!(ask_json(&mock, &["reset"]).await, @"{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_option_of_advice_is_its_format() {
    let mock = TestServer::documented().await;
    let advice = mock.get("/_mock/advice").await.json();
    assert_eq!(ask_json(&mock, &["advice"]).await, advice);
    let (_, text) = run(&["advice", "--json", "--format", "sarif"]);
    assert!(text.contains("cannot be used with"), "{text}");
}

#[test]
fn scope_command_explains_each_bit() {
    let (done, text) = run(&["scope", "114689"]);
    assert!(done);
    assert_snapshot!(text, @"
    114689
      the preset AI Services
              1  UserRead             Read profile, settings & email
          16384  AIServicesRead       View generation & training history
          32768  AIServicesWrite      Generate, train & scan
          65536  BuzzRead             View buzz balance & history
    ");
    assert_eq!(run(&["scope", "AI Services"]).1, text);
    let json: serde_json::Value = serde_json::from_str(&run(&["scope", "3", "--json"]).1).unwrap();
    assert_snapshot!(json, @r#"{"scope":3,"preset":null,"scopes":[{"value":1,"name":"UserRead","label":"Read profile, settings & email"},{"value":2,"name":"UserWrite","label":"Update profile & settings"}]}"#);
    assert_snapshot!(run(&["scope", "ModelRead"]).1, @r#"
    error: invalid value 'ModelRead' for '<SCOPE>': no scope "ModelRead"; did you mean "ModelsRead"?

    For more information, try '--help'.
    "#);
}

#[test]
fn pkce_command_prints_a_matching_pair() {
    let (done, text) = run(&["pkce"]);
    assert!(done);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [
        "code_verifier",
        verifier,
        "code_challenge",
        challenge,
        "code_challenge_method",
        "S256",
    ] = words[..]
    else {
        panic!("three lines: {text}")
    };
    assert_eq!((verifier.len(), challenge.len()), (64, 43));
    assert_ne!(run(&["pkce"]).1, text, "generated again");
    let json: serde_json::Value = serde_json::from_str(&run(&["pkce", "--json"]).1).unwrap();
    assert_eq!(json["code_challenge"].as_str().map(str::len), Some(43));
}

#[test]
fn unreachable_or_wrong_server_is_named() {
    let (done, text) = run(&["clock", "--server", "http://127.0.0.1:1"]);
    assert!(!done);
    assert_snapshot!(text, @"civitai-oauth-mock: cannot reach http://127.0.0.1:1: Connection refused (os error 111); check that the server is running, or set --server");
    let mut command = Program::command(&["clock"]);
    command.env("CIVITAI_MOCK_SERVER", "https://mock.test");
    assert_snapshot!(Program::refusal(&mut command), @r#"
    2: error: invalid value 'https://mock.test' for 'CIVITAI_MOCK_SERVER': "https://mock.test" is not an http:// URL: write http://HOST:PORT, for example http://127.0.0.1:8080

    For more information, try '--help'.
    "#);
}
