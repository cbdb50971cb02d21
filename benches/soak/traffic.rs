//! The clients' traffic: each client takes its turn at every kind of request.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::Seen;

const CLIENT: &str = "dec0de00-0000-4000-8000-000000000001";
const SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";
const REDIRECT_URI: &str = "http://localhost:3000/callback";
/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

type Outcome = Result<(), reqwest::Error>;

/// One caller with connections of their own.
#[derive(Debug)]
pub(super) struct Caller {
    base: String,
    number: u64,
    turn: u64,
    http: Client,
    seen: Arc<Seen>,
}

fn http() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // The server closes idle connections after 2 s, so older ones are not used.
        .pool_idle_timeout(Duration::from_secs(1))
        .build()
        .expect("a client without TLS can be built")
}

/// Resets the server, as tests do.
pub(super) async fn reset(base: &str, seen: &Seen) {
    match http().post(format!("{base}/_mock/reset")).send().await {
        Ok(answer) => seen.answer(answer.status().as_u16()),
        Err(error) => seen.fail(format!("a reset: {error}")),
    }
}

/// The number of sandboxes; the largest number if it is unknown.
pub(super) async fn sandboxes(base: &str) -> usize {
    let Ok(answer) = http().get(format!("{base}/_mock/sandboxes")).send().await else {
        return usize::MAX;
    };
    let listed: Value = answer.json().await.unwrap_or_default();
    listed["sandboxes"].as_array().map_or(usize::MAX, Vec::len)
}

/// Connections that stay open: half of them after a request, half within one.
pub(super) async fn lines(base: &str, count: usize) -> Vec<TcpStream> {
    let address = base.trim_start_matches("http://");
    let mut lines = Vec::new();
    for at in 0..count {
        let mut line = TcpStream::connect(address).await.expect("it listens");
        let request: &[u8] = if at % 2 == 0 {
            b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        } else {
            b"POST /api/auth/oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
        };
        line.write_all(request).await.expect("it listens");
        lines.push(line);
    }
    lines
}

impl Caller {
    pub(super) fn new(base: &str, number: u64, seen: Arc<Seen>) -> Self {
        Self {
            base: base.to_owned(),
            number,
            turn: number,
            http: http(),
            seen,
        }
    }

    /// The next kind of traffic.
    pub(super) async fn act(&mut self) {
        self.turn += 1;
        let outcome = match self.turn % 9 {
            0 => self.sign_in("").await,
            1 => self.device("").await,
            2 => self.client_credentials("").await,
            3 => self.sandbox().await,
            4 => self.faults().await,
            5 => self.hang_up().await,
            6 => self.pages().await,
            7 => self.events().await,
            _ => self.mistakes().await,
        };
        if let Err(error) = outcome {
            self.seen.fail(format!("no answer: {error:?}"));
        }
    }

    /// Records the response. Only a fault may cause a 5xx.
    fn note(&self, answer: &Response) -> bool {
        let status = answer.status();
        self.seen.answer(status.as_u16());
        if status.is_server_error() {
            self.seen.fail(format!("{status} from {}", answer.url()));
        }
        status.is_success() || status.is_redirection()
    }

    async fn get(&self, path: &str) -> Result<Response, reqwest::Error> {
        let request = self.http.get(format!("{}{path}", self.base));
        let answer = request.header("x-mock-user", "ada").send().await?;
        self.note(&answer);
        Ok(answer)
    }

    async fn control(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<Value, reqwest::Error> {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.base));
        let answer = request.json(&body).send().await?;
        self.note(&answer);
        Ok(answer.json().await.unwrap_or_default())
    }

    /// The response to a form, unless it was rejected.
    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Value, reqwest::Error> {
        let request = self.http.post(format!("{}{path}", self.base)).form(fields);
        let answer = request.send().await?;
        if !self.note(&answer) {
            return Ok(Value::Null);
        }
        Ok(answer.json().await.unwrap_or_default())
    }

    async fn token(&self, place: &str, fields: &[(&str, &str)]) -> Result<Value, reqwest::Error> {
        let own = [("client_id", CLIENT), ("client_secret", SECRET)];
        let fields = [fields, &own].concat();
        self.form(&format!("{place}/api/auth/oauth/token"), &fields)
            .await
    }

    /// From authorize to revoke. A reset in the middle ends it early.
    async fn sign_in(&self, place: &str) -> Outcome {
        self.seen.flows.fetch_add(1, Ordering::Relaxed);
        let path = format!(
            "{place}/api/auth/oauth/authorize?response_type=code&client_id={CLIENT}&redirect_uri={REDIRECT_URI}\
             &scope=5&state=xyz&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let answer = self.get(&path).await?;
        let there = answer.headers().get("location");
        let there = there.and_then(|there| Url::parse(there.to_str().ok()?).ok());
        let code = there.and_then(|there| {
            let mut pairs = there.query_pairs();
            pairs
                .find(|(name, _)| name == "code")
                .map(|(_, code)| code.into_owned())
        });
        let Some(code) = code else { return Ok(()) };
        let redeem = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let tokens = self.token(place, &redeem).await?;
        let userinfo = format!("{}{place}/api/auth/oauth/userinfo", self.base);
        let access = tokens["access_token"].as_str().unwrap_or_default();
        let answer = self.http.get(userinfo).bearer_auth(access).send().await?;
        self.note(&answer);
        let Some(refresh) = tokens["refresh_token"].as_str() else {
            return Ok(());
        };
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let tokens = self.token(place, &refresh).await?;
        let Some(access) = tokens["access_token"].as_str() else {
            return Ok(());
        };
        let revoke = [
            ("token", access),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
        ];
        self.form(&format!("{place}/api/auth/oauth/revoke"), &revoke)
            .await?;
        self.seen.finished.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn device(&self, place: &str) -> Outcome {
        let ask = [("client_id", CLIENT), ("scope", "5")];
        let device = self
            .form(&format!("{place}/api/auth/oauth/device"), &ask)
            .await?;
        let (Some(user_code), Some(device_code)) =
            (device["user_code"].as_str(), device["device_code"].as_str())
        else {
            return Ok(());
        };
        let approval = json!({ "user_code": user_code, "user": "grace" });
        self.control("POST", &format!("{place}/_mock/device/approve"), approval)
            .await?;
        let poll = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", device_code),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
        ];
        self.form(&format!("{place}/api/auth/oauth/device-token"), &poll)
            .await?;
        Ok(())
    }

    async fn client_credentials(&self, place: &str) -> Outcome {
        self.token(place, &[("grant_type", "client_credentials")])
            .await?;
        Ok(())
    }

    /// Creates a sandbox, moves its clock, and deletes it; every second one is left for the eviction of idle sandboxes.
    async fn sandbox(&self) -> Outcome {
        let name = format!("soak-{}-{}", self.number, self.turn);
        let place = format!("/_sandbox/{name}");
        self.sign_in(&place).await?;
        for (path, body) in [
            ("snapshots/before", json!({})),
            ("clock/advance", json!({ "by": "40d" })),
            ("clock/freeze", json!({})),
            ("snapshots/before/restore", json!({})),
            ("clock/advance", json!({ "by": "-1h" })),
        ] {
            self.control("POST", &format!("{place}/_mock/{path}"), body)
                .await?;
            self.client_credentials(&place).await?;
        }
        self.device(&place).await?;
        self.control("POST", &format!("{place}/_mock/reset"), json!({}))
            .await?;
        if self.turn.is_multiple_of(2) {
            let path = format!("/_mock/sandboxes/{name}");
            self.control("DELETE", &path, json!({})).await?;
        }
        Ok(())
    }

    /// Faults apply as set, and no longer after their removal.
    async fn faults(&self) -> Outcome {
        let place = format!("/_sandbox/broken-{}", self.number);
        let faults = format!("{place}/_mock/faults");
        let url = format!("{}{place}/api/auth/oauth/token", self.base);
        let effects = [
            json!({ "status": 503 }),
            json!({ "truncate_body": true }),
            json!({ "reset_connection": true }),
            json!({ "delay": "20ms" }),
        ];
        for effect in effects {
            let fault = json!({ "endpoint": "token", "times": 1, "effect": effect });
            self.control("POST", &faults, fault).await?;
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", SECRET),
            ];
            // Every outcome is possible with a fault.
            if let Ok(answer) = self.http.post(&url).form(&fields).send().await {
                let _ = answer.bytes().await;
            }
        }
        self.control("DELETE", &faults, json!({})).await?;
        self.client_credentials(&place).await
    }

    /// Disconnects within a head, within a body, and before the response.
    async fn hang_up(&self) -> Outcome {
        let address = self.base.trim_start_matches("http://");
        for request in [
            "GET /api/hea",
            "POST /api/auth/oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nhalf",
            "GET /_mock/requests HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM",
        ] {
            if let Ok(mut line) = TcpStream::connect(address).await {
                let _ = line.write_all(request.as_bytes()).await;
            }
        }
        Ok(())
    }

    async fn pages(&self) -> Outcome {
        for path in [
            "/",
            "/login",
            "/_mock",
            "/_mock/openapi.json",
            "/_mock/requests",
            "/user/account",
        ] {
            self.get(path).await?.bytes().await?;
        }
        Ok(())
    }

    /// Listens to the journal for a moment.
    async fn events(&self) -> Outcome {
        let address = self.base.trim_start_matches("http://");
        if let Ok(mut line) = TcpStream::connect(address).await {
            let request = b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
            let _ = line.write_all(request).await;
            let _ = line.read(&mut [0; 512]).await;
        }
        Ok(())
    }

    async fn mistakes(&self) -> Outcome {
        self.token("", &[("grant_type", "authorization_code"), ("code", "x")])
            .await?;
        self.get("/api/auth/oauth/authorize?client_id=unknown")
            .await?;
        self.control("PATCH", "/_mock/settings", json!({ "contrakt": 1 }))
            .await?;
        self.get("/api/nowhere").await?;
        Ok(())
    }
}
