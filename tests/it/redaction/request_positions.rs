//! Known secrets at every position of a request, in every encoding: no rendering of the journal and no error shows
//! them.

use std::fs::File;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::secrets::{Case, Encoding, NAMED, SHAPED, cases, percent};
use crate::support::{AUTHORIZE, CONF, Program, SandboxClient, TempDir, TestServer};

/// Each case sends a dozen requests.
const CASES: u32 = 128;

/// Whether a text shows the secret, in any encoding and either case.
fn shows(text: &str, secret: &str) -> bool {
    let secret = secret.to_lowercase();
    // The secret is the text after the scheme.
    let secret = secret.strip_prefix("basic ").unwrap_or(&secret);
    let mut text = text.to_lowercase().replace("%u", "\\u");
    for _ in 0..4 {
        if text.contains(secret) || text.contains(&secret.replace(' ', "+")) {
            return true;
        }
        for letter in secret.chars() {
            let escape = format!("\\u{:04x}", u32::from(letter));
            text = text.replace(&escape, &letter.to_string());
        }
        text = text.replace("\\\\", "\\");
        text = percent_decode_str(&text).decode_utf8_lossy().to_lowercase();
    }
    false
}

/// Every view of the request, and errors that repeat it.
async fn renderings(mock: &SandboxClient, case: &Case) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    for path in [
        "/_mock/requests",
        "/_mock?show=all",
        "/_mock/advice",
        "/_mock/advice?format=sarif",
        "/_mock/findings",
    ] {
        shown.push((path.to_owned(), mock.get(path).await.body));
    }
    let value = case.encoding.encode(case.secret);
    let name = case.name.unwrap_or("x");
    let bodies = [
        ("/_mock/verify", json!([{ name: value }])),
        ("/_mock/users", json!({ name: value })),
        ("/_mock/tokens/introspect", json!({ name: [value] })),
        (
            "/_mock/clock/advance",
            json!({ "by": format!("{name}={value}") }),
        ),
        ("/_mock/tokens", json!({ name: value })),
        (
            "/_mock/sandboxes",
            json!({ "name": "s", "seed": format!("[[users]]\nusername = 1\n{name} = '{value}'") }),
        ),
        (
            "/mcp",
            json!({
                "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": "mock-list-requests", "arguments": { name: value } },
            }),
        ),
    ];
    for (path, body) in bodies {
        let ask = mock
            .request("POST", path)
            .header("accept", "application/json, text/event-stream");
        shown.push((path.to_owned(), ask.json(&body).await.body));
    }
    let query = format!("/_mock/requests?{}", case.in_url());
    shown.push((query.clone(), mock.get(&query).await.body));
    if case.name.is_none() {
        shown.extend(in_place_of_an_id(mock, &value).await);
    }
    shown
}

async fn in_place_of_an_id(mock: &SandboxClient, value: &str) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let id = value.replace(' ', "%20");
    let asked = [
        mock.get(&format!("/_mock/clients/{id}")),
        mock.get(&format!("/_mock/users/{id}")),
        mock.request("POST", &format!("/_mock/faults/presets/{id}"))
            .json(&json!({})),
        mock.request("POST", &format!("/_mock/snapshots/{id}/restore"))
            .json(&json!({})),
        mock.request("PATCH", "/_mock/settings")
            .json(&json!({ "contract": value })),
        mock.request("PATCH", "/_mock/settings")
            .json(&json!({ "login": value })),
        mock.request("POST", "/_mock/verify")
            .json(&json!([{ "path": format!("/{value}") }])),
        mock.get(&format!("/_mock/advice?client_id={}", percent(value))),
        mock.get(&format!(
            "/_mock/advice?format=sarif&location={}",
            percent(value)
        )),
        mock.request("POST", "/mcp")
            .header("accept", "application/json, text/event-stream")
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": value })),
        mock.get(&format!("{AUTHORIZE}?client_id=conf"))
            .header("x-mock-user", value),
    ];
    for ask in asked {
        let answer = ask.await;
        shown.push((answer.asked.to_string(), answer.body));
    }
    shown
}

#[test]
fn no_rendering_shows_a_secret_wherever_it_was_sent() {
    let folder = TempDir::new();
    let log = folder.path("log");
    let seed = concat!(
        "--seed=",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/support/seed.toml"
    );
    let mut command = Program::command(&["--listen=127.0.0.1:0", "--log=trace", seed]);
    command.stderr(File::create(&log).expect("the folder can be written to"));
    let program = Program::serve(&mut command);
    let mock = SandboxClient::at(program.base());
    let runtime = Runtime::new().expect("a runtime can be built");
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let property = async |case: Case| {
        mock.control("DELETE", "/requests", json!({})).await;
        case.send(&mock).await;
        for (place, text) in renderings(&mock, &case).await {
            prop_assert!(!shows(&text, case.secret), "{}: {}", place, text);
        }
        Ok(())
    };
    let outcome = TestRunner::new(config).run(&cases(), |case| runtime.block_on(property(case)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert_eq!(program.terminate(), Some(0));
    let log = std::fs::read_to_string(log).expect("UTF-8");
    assert!(log.lines().count() > 100, "{log}");
    for secret in SHAPED.into_iter().chain(NAMED) {
        let line = || log.lines().find(|line| shows(line, secret));
        assert!(!shows(&log, secret), "{:?}", line());
    }
}

#[tokio::test]
async fn no_summary_of_advice_shows_a_secret() {
    for encoding in Encoding::ALL {
        for secret in SHAPED {
            let mock = TestServer::live().await;
            let sent = CONF
                .authorize_params("1")
                .with("response_type", &encoding.encode(secret));
            mock.approve(&sent).await;
            for path in [
                "/_mock/advice",
                "/_mock/advice?format=sarif",
                "/_mock/findings",
            ] {
                let text = mock.get(path).await.body;
                assert!(text.contains("response_type="), "{text}");
                assert!(!shows(&text, secret), "{path}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn secret_as_method_or_id_is_not_repeated() {
    let mock = TestServer::documented().await;
    let token = SHAPED[0];
    mock.request(token, "/nowhere").await;
    let verify = json!([{ "client_id": token, "times": 1 }]);
    let texts = [
        mock.get("/_mock/requests").await.body,
        mock.get("/_mock?show=all").await.body,
        mock.request("POST", "/_mock/verify")
            .json(&verify)
            .await
            .body,
        mock.get("/_mock/findings?client_id=civitai_00ff")
            .await
            .page()
            .texts(".problem")
            .concat(),
    ];
    for text in texts {
        assert!(
            !text.contains(token) && !text.contains("civitai_00ff"),
            "{text}"
        );
    }
}
