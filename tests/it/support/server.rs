//! A listening server, and requests to one of its sandboxes.

use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;

use civitai_oauth_mock::{Config, Contract, Difference, Server};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{AUTHORIZE, App, Fields, REVOKE, TOKEN, TestResponse, Tokens, USERINFO};

const FORM: &str = "application/x-www-form-urlencoded";

/// A server with the users and clients of `seed.toml`.
pub(crate) fn config(contract: Contract) -> Config {
    let mut config = Config::default();
    config
        .set_seed(include_str!("seed.toml"), Path::new("seed.toml"))
        .expect("the tests' seed is well-formed");
    config.set_contract(contract, []);
    config
}

/// One listening server; dereferences to the client of its default sandbox.
pub(crate) struct TestServer {
    server: Server,
    sandbox: SandboxClient,
}

impl TestServer {
    pub(crate) async fn documented() -> Self {
        Self::start(config(Contract::Documented)).await
    }

    pub(crate) async fn live() -> Self {
        Self::start(config(Contract::Live)).await
    }

    pub(crate) async fn recorded() -> Self {
        Self::start(config(Contract::Live2026_08)).await
    }

    pub(crate) async fn start(config: Config) -> Self {
        let server = Server::start(config).await.expect("a free port is free");
        let sandbox = SandboxClient::at(format!("http://{}", server.address()));
        Self { server, sandbox }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Sends raw bytes and reads the response until the connection is closed.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.server.address())
            .await
            .expect("it listens");
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Deref for TestServer {
    type Target = SandboxClient;

    fn deref(&self) -> &SandboxClient {
        &self.sandbox
    }
}

/// A client of one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct SandboxClient {
    pub(crate) base: String,
    http: Client,
}

impl SandboxClient {
    /// A client of the sandbox at this address.
    pub(crate) fn at(base: String) -> Self {
        Self::with_headers(base, HeaderMap::new())
    }

    /// As [`SandboxClient::at`], with default headers.
    pub(crate) fn with_headers(base: String, headers: HeaderMap) -> Self {
        Self {
            base,
            http: Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .default_headers(headers)
                .build()
                .expect("a client without TLS can be built"),
        }
    }

    pub(crate) fn sandbox(&self, name: &str) -> Self {
        Self {
            base: format!("{}/_sandbox/{name}", self.base),
            http: self.http.clone(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> TestRequest {
        let method = Method::from_bytes(method.as_bytes()).expect("a method's name");
        TestRequest(self.http.request(method, format!("{}{path}", self.base)))
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest {
        self.request("GET", path)
    }

    pub(crate) fn post(&self, path: &str, fields: &Fields) -> TestRequest {
        self.request("POST", path).body(FORM, fields.encoded())
    }

    /// A control call that must succeed.
    pub(crate) async fn control(&self, method: &str, path: &str, input: Value) -> Value {
        let path = format!("/_mock{path}");
        let answer = self.request(method, &path).json(&input).await;
        assert!(answer.status < 300, "{method} {path} {input}: {answer}");
        answer.json()
    }

    /// The users.
    pub(crate) async fn users(&self) -> Vec<Value> {
        self.list("users").await
    }

    /// The clients.
    pub(crate) async fn clients(&self) -> Vec<Value> {
        self.list("clients").await
    }

    async fn list(&self, kind: &str) -> Vec<Value> {
        let answer = self.control("GET", &format!("/{kind}"), json!({})).await;
        answer[kind].as_array().expect("a list").clone()
    }

    pub(crate) async fn set(&self, settings: Value) {
        self.control("PATCH", "/settings", settings).await;
    }

    /// Sets the contract of one difference.
    pub(crate) async fn set_difference(&self, difference: Difference, contract: Contract) {
        self.set(json!({ "differences": { difference.name(): contract } }))
            .await;
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.control("POST", "/clock/advance", json!({ "seconds": seconds }))
            .await;
    }

    /// Signs a user in; returns the cookie for a request header.
    pub(crate) async fn session(&self, user: &str) -> String {
        let made = self
            .control("POST", "/sessions", json!({ "user": user }))
            .await;
        made["cookie"].as_str().expect("a cookie").to_owned()
    }

    /// `GET /authorize`, as ada.
    pub(crate) async fn authorize(&self, request: &Fields) -> TestResponse {
        let cookie = self.session("ada").await;
        self.get(&format!("{AUTHORIZE}?{}", request.encoded()))
            .cookie(&cookie)
            .await
    }

    /// What the Authorize button sends, as ada.
    pub(crate) async fn approve(&self, request: &Fields) -> TestResponse {
        self.approve_as("ada", request).await
    }

    pub(crate) async fn approve_as(&self, user: &str, request: &Fields) -> TestResponse {
        let cookie = self.session(user).await;
        let request = request.clone().with("approved", "true");
        self.post(AUTHORIZE, &request).cookie(&cookie).await
    }

    /// A code of the app, approved by ada.
    pub(crate) async fn code(&self, app: &App, scope: &str) -> String {
        self.approve(&app.authorize_params(scope)).await.code()
    }

    pub(crate) async fn token(&self, fields: &Fields) -> TestResponse {
        self.post(TOKEN, fields).await
    }

    /// Tokens of the app for ada.
    pub(crate) async fn tokens(&self, app: &App, scope: &str) -> Tokens {
        self.tokens_of("ada", app, scope).await
    }

    pub(crate) async fn tokens_of(&self, user: &str, app: &App, scope: &str) -> Tokens {
        let code = self
            .approve_as(user, &app.authorize_params(scope))
            .await
            .code();
        Tokens::from_response(&self.token(&app.redeem_params(&code)).await)
    }

    pub(crate) async fn userinfo(&self, access: &str) -> TestResponse {
        let header = format!("Bearer {access}");
        self.get(USERINFO).header("authorization", &header).await
    }

    /// Whether `/userinfo` accepts the access token.
    pub(crate) async fn is_active(&self, access: &str) -> bool {
        self.userinfo(access).await.status == 200
    }

    pub(crate) async fn revoke(&self, fields: &Fields) -> TestResponse {
        self.post(REVOKE, fields).await
    }
}

/// A request that is sent when it is awaited.
#[derive(Debug)]
pub(crate) struct TestRequest(RequestBuilder);

impl TestRequest {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    /// As a browser loads a page: at some paths, programs get a list of the control API.
    pub(crate) fn in_browser(self) -> Self {
        self.header(
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        )
    }

    pub(crate) fn basic(self, name: &str, password: &str) -> Self {
        Self(self.0.basic_auth(name, Some(password)))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub(crate) fn body(self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header(CONTENT_TYPE, kind).body(body))
    }

    /// The response, or `None` if the connection breaks.
    pub(crate) async fn attempt(self) -> Option<TestResponse> {
        let response = self.0.send().await.ok()?;
        Some(TestResponse {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            asked: response.url().clone(),
            body: response.text().await.ok()?,
        })
    }
}

impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = TestResponse> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.attempt().await.expect("the server answers") })
    }
}
