//! The shared part of the targets: a service in this process, and requests in a readable form: `METHOD TARGET`,
//! header lines, an empty line, the body. Placeholders such as `{code}` stand for credentials.

use std::cell::Cell;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use civitai_oauth_mock::internals::{Service, ServiceResponse};
use civitai_oauth_mock::{Config, ConsentMode, Contract};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub const AUTHORIZE: &str = "/api/auth/oauth/authorize";
pub const TOKEN: &str = "/api/auth/oauth/token";

/// The confidential demo client.
const CLIENT: &str = "dec0de00-0000-4000-8000-000000000001";
const REDIRECT_URI: &str = "http://localhost:3000/callback";
/// The example of RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The server is reset after this many requests, so that its data depends little on earlier inputs.
const REQUESTS_PER_RESET: u32 = 2000;

/// The demo users and clients, with ada signed in and every consent given.
pub struct Mock {
    runtime: Runtime,
    service: Service,
    asked: Cell<u32>,
}

impl Mock {
    pub fn start(contract: Contract) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let mut config = Config::default();
        // The same ids, codes and tokens in every run: a finding can be repeated.
        config.entropy_seed = Some(1);
        config.set_contract(contract, []);
        config.set_login("ada");
        config.set_consent(ConsentMode::Approve);
        // Sandboxes that an input created are soon removed.
        config.sandbox_idle = std::time::Duration::from_secs(2);
        let service = runtime
            .block_on(Service::start(config))
            .expect("the loopback interface has a free port");
        Self {
            runtime,
            service,
            asked: Cell::new(0),
        }
    }

    /// Sends the request that the input describes, below this path. None if the input is not a request.
    pub fn ask(&self, path: &str, input: &[u8]) -> Option<ServiceResponse> {
        let filled = self.filled(input);
        let request = request(path, &filled)?;
        if self.asked.replace(self.asked.get() + 1) >= REQUESTS_PER_RESET {
            self.asked.set(0);
            self.control("POST", "/_mock/reset", &json!({}));
        }
        let answer = self.runtime.block_on(self.service.send(request));
        Some(answer.expect("no fault broke the connection"))
    }

    /// A control call that must succeed.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .body(Body::from(body.to_string()))
            .expect("a request of ours");
        let answer = self.runtime.block_on(self.service.send(request));
        let answer = answer.expect("no fault broke the connection");
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// The input with credentials in place of its placeholders.
    fn filled(&self, input: &[u8]) -> Vec<u8> {
        let mut filled = input.to_vec();
        for (place, what) in [
            ("{code}", "code"),
            ("{refresh}", "refresh_token"),
            ("{access}", "access_token"),
            ("{session}", "cookie"),
        ] {
            let found = filled
                .windows(place.len())
                .position(|part| part == place.as_bytes());
            if let Some(at) = found {
                let credential = self.credential(what);
                filled.splice(at..at + place.len(), credential.bytes());
            }
        }
        filled
    }

    /// A new code, token or session cookie.
    fn credential(&self, what: &str) -> String {
        let (path, body) = match what {
            "code" => (
                "/_mock/codes",
                json!({ "client_id": CLIENT, "user": "ada", "redirect_uri": REDIRECT_URI, "code_challenge": CHALLENGE }),
            ),
            "cookie" => ("/_mock/sessions", json!({ "user": "ada" })),
            _ => (
                "/_mock/tokens",
                json!({ "client_id": CLIENT, "user": "ada" }),
            ),
        };
        let made = self.control("POST", path, &body);
        made[what].as_str().expect("it is text").to_owned()
    }
}

/// The request that an input describes. Its `Host` header is ignored.
fn request(path: &str, input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &input[input.len()..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ').unwrap_or((first, ""));
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).ok()?)
        .uri(format!("{path}{target}").parse::<Uri>().ok()?)
        .header("host", "localhost");
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        if name != "host" {
            request = request.header(name, value);
        }
    }
    request.body(Body::from(body.to_vec())).ok()
}

/// Checks that a response is no server error, and has a JSON body or a redirect. Only 405 has plain text, as Civitai's has.
pub fn is_sane(answer: &ServiceResponse) {
    assert!(!answer.status.is_server_error(), "{answer:?}");
    if answer.status.is_redirection() {
        assert!(answer.headers.contains_key("location"), "{answer:?}");
    } else if answer.status != StatusCode::METHOD_NOT_ALLOWED && !answer.body.is_empty() {
        let body: Result<Value, _> = serde_json::from_slice(&answer.body);
        assert!(body.is_ok_and(|body| !body.is_null()), "{answer:?}");
    }
}
