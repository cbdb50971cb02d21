//! Known secrets at every position of a request, in every encoding: no rendering of the journal and no error shows them.

use std::fs::File;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::{AUTHORIZE, CONF, Folder, ME, Mock, Program, TOKEN, World};

/// Each case is a dozen requests.
const CASES: u32 = 96;

/// Secrets that are known by their look.
const SHAPED: [&str; 6] = [
    "civitai_LBp7ZScrtCSCWbJr90oZMTDR0Rp0npG3",
    "civitai_0123456789abcdef0123456789abcdef0123",
    "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
    "Basic Y29uZjpzZWNyZXQtY29uZg==",
];

/// Secrets that only their name gives away.
const NAMED: [&str; 3] = [
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "correct horse battery staple",
    "WDJB-MJHT",
];

const NAMES: [&str; 16] = [
    "client[secret]",
    "oauth_code",
    "private_key",
    "x-api-key",
    "session_id",
    "Client-Secret",
    "code[]",
    "refreshToken",
    "code_verifier",
    "user_code",
    "password",
    "otp",
    "pin",
    "client%5Fassertion",
    "connect.sid",
    "id_token_hint",
];

/// The character of a secret that is encoded alone.
const ENCODED_AT: usize = 6;

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Plain,
    Percent,
    DoublePercent,
    Escape,
    OnePercent,
    OneDoublePercent,
    OneEscape,
    UpperCase,
}

impl Encoding {
    const ALL: [Self; 8] = [
        Self::Plain,
        Self::Percent,
        Self::DoublePercent,
        Self::Escape,
        Self::OnePercent,
        Self::OneDoublePercent,
        Self::OneEscape,
        Self::UpperCase,
    ];

    fn of(self, secret: &str) -> String {
        match self {
            Self::Plain => secret.to_owned(),
            Self::Percent => percent(secret),
            Self::DoublePercent => percent(secret).replace('%', "%25"),
            Self::Escape => {
                let escapes = secret
                    .chars()
                    .map(|one| format!("\\u{:04x}", u32::from(one)));
                escapes.collect::<Vec<_>>().concat()
            }
            Self::OnePercent | Self::OneDoublePercent | Self::OneEscape => {
                let (before, rest) = secret.split_at(ENCODED_AT);
                let (one, behind) = rest.split_at(1);
                let encoding = match self {
                    Self::OnePercent => Self::Percent,
                    Self::OneDoublePercent => Self::DoublePercent,
                    _ => Self::Escape,
                };
                format!("{before}{}{behind}", encoding.of(one))
            }
            Self::UpperCase => secret.to_uppercase(),
        }
    }
}

/// Every byte percent-encoded.
fn percent(text: &str) -> String {
    let encoded = text.bytes().map(|byte| format!("%{byte:02X}"));
    encoded.collect::<Vec<_>>().concat()
}

/// One request that carries a secret.
#[derive(Debug, Clone)]
struct Case {
    secret: &'static str,
    /// The name that it goes by; none if its look is enough.
    name: Option<&'static str>,
    encoding: Encoding,
    position: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let by_look = (select(&SHAPED[..]), Just(None));
    let all = SHAPED.into_iter().chain(NAMED).collect::<Vec<_>>();
    let by_name = (select(all), select(&NAMES[..]).prop_map(Some));
    let secret = prop_oneof![by_look, by_name];
    (secret, select(&Encoding::ALL[..]), 0..POSITIONS).prop_map(
        |((secret, name), encoding, position)| Case {
            secret,
            name,
            encoding,
            position,
        },
    )
}

const POSITIONS: usize = 12;

impl Case {
    /// The name and the value as they are put where a URL has them.
    fn in_url(&self) -> String {
        let value = self
            .encoding
            .of(self.secret)
            .replace(' ', "+")
            .replace('=', "%3D");
        let name = self.name.unwrap_or("x");
        let name = name.replace('[', "%5B").replace(']', "%5D");
        format!("{name}={value}")
    }

    /// JSON with the name and the value, nested.
    fn in_json(&self) -> String {
        let value = self.encoding.of(self.secret);
        format!(
            "{{\"a\":[{{\"{}\":\"{value}\"}}]}}",
            self.name.unwrap_or("x")
        )
    }

    async fn send(&self, mock: &World) {
        let in_url = self.in_url();
        let form = "application/x-www-form-urlencoded";
        let value = self.encoding.of(self.secret);
        let in_path = value.replace(' ', "%20");
        let in_query = value.replace(' ', "+").replace('=', "%3D");
        let sent = match self.position {
            0 => mock.get(&format!("{AUTHORIZE}?client_id=conf&{in_url}")),
            1 => mock.get(&format!(
                "{AUTHORIZE}?returnUrl={}",
                percent(&format!("/l?{in_url}"))
            )),
            2 => mock.get(&format!(
                "{AUTHORIZE}?redirect_uri={}",
                percent(&format!("http://a/#{in_url}"))
            )),
            3 => mock
                .ask("POST", TOKEN)
                .body(form, format!("grant_type=password&{in_url}")),
            4 => mock
                .ask("POST", TOKEN)
                .body("application/json", self.in_json()),
            5 => {
                let text = json!({ "text": self.in_json() }).to_string();
                mock.ask("POST", TOKEN).body("application/json", text)
            }
            6 => mock
                .get(ME)
                .header("user-agent", &format!("app/1 ({in_url})")),
            7 => {
                let part = "--x\r\nContent-Disposition: form-data; name=\"NAME\"\r\n\r\nVALUE\r\n--x--\r\n";
                let part = part
                    .replace("NAME", self.name.unwrap_or("x"))
                    .replace("VALUE", &value);
                mock.ask("POST", TOKEN)
                    .body("multipart/form-data; boundary=x", part)
            }
            // In the place of a name or an id; by its look alone.
            _ if self.name.is_some() => mock.ask("POST", TOKEN).body(form, in_url),
            8 => mock.get(&format!("/v2/consumer/workflows/{in_path}")),
            9 => mock.get(&format!("{AUTHORIZE}?{in_query}")),
            10 => mock.get(&format!("{AUTHORIZE}?client_id={in_query}")),
            _ => mock
                .ask("POST", TOKEN)
                .body("application/json", format!("{{\"{value}\":1}}")),
        };
        sent.await;
    }
}

/// Whether a text shows the secret, in any encoding and either case.
fn shows(text: &str, secret: &str) -> bool {
    let secret = secret.to_lowercase();
    // What stands behind the scheme is the secret.
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

/// Everything that shows what was sent, and errors that repeat it.
async fn renderings(mock: &World, case: &Case) -> Vec<(String, String)> {
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
    let value = case.encoding.of(case.secret);
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
                "params": { "name": "mock-requests", "arguments": { name: value } },
            }),
        ),
    ];
    for (path, body) in bodies {
        let ask = mock
            .ask("POST", path)
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

async fn in_place_of_an_id(mock: &World, value: &str) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let id = value.replace(' ', "%20");
    let asked = [
        mock.get(&format!("/_mock/clients/{id}")),
        mock.get(&format!("/_mock/users/{id}")),
        mock.ask("POST", &format!("/_mock/faults/presets/{id}"))
            .json(&json!({})),
        mock.ask("POST", &format!("/_mock/snapshots/{id}/restore"))
            .json(&json!({})),
        mock.ask("PATCH", "/_mock/settings")
            .json(&json!({ "contract": value })),
        mock.ask("PATCH", "/_mock/settings")
            .json(&json!({ "login": value })),
        mock.ask("POST", "/_mock/verify")
            .json(&json!([{ "path": format!("/{value}") }])),
        mock.get(&format!("/_mock/advice?client_id={}", percent(value))),
        mock.get(&format!(
            "/_mock/advice?format=sarif&location={}",
            percent(value)
        )),
        mock.ask("POST", "/mcp")
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
    let folder = Folder::new();
    let log = folder.path("log");
    let seed = concat!(
        "--seed=",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/support/seed.toml"
    );
    let mut command = Program::command(&["--listen=127.0.0.1:0", "--log=trace", seed]);
    command.stderr(File::create(&log).expect("the folder can be written to"));
    let program = Program::serve(&mut command);
    let mock = World::at(program.base());
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
            let mock = Mock::live().await;
            let sent = CONF.asks("1").with("response_type", &encoding.of(secret));
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
async fn a_secret_in_the_place_of_a_method_or_an_id_is_not_repeated() {
    let mock = Mock::documented().await;
    let token = SHAPED[0];
    mock.ask(token, "/nowhere").await;
    let verify = json!([{ "client_id": token, "times": 1 }]);
    let texts = [
        mock.get("/_mock/requests").await.body,
        mock.get("/_mock?show=all").await.body,
        mock.ask("POST", "/_mock/verify").json(&verify).await.body,
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
