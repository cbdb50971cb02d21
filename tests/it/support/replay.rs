//! Replays recorded exchanges against a server, and reports differences.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use civitai_oauth_mock::Contract;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use super::Page;
use super::names::Names;
use super::recorded_answer::{TestResponse, match_header, race, send};
use super::recordings::{Expected, ExpectedPage, Flow, IdToken, Step};

const FORM: &str = "application/x-www-form-urlencoded";
const AUTHORIZE: &str = "/api/auth/oauth/authorize";

/// The server or sandbox of one flow.
pub(crate) struct Replay<'a> {
    base: &'a str,
    http: Client,
    contract: Contract,
    names: Names,
    cookies: HashMap<String, String>,
}

/// Replays every flow; returns how many steps passed, and what differs in the others.
pub(crate) async fn replay(
    base: &str,
    contract: Contract,
    flows: &[(&str, Flow)],
) -> (usize, Vec<String>) {
    let (mut passed, mut failures) = (0, Vec::new());
    for (file, flow) in flows {
        let mut replay = Replay::new(base, contract);
        let began = replay.begin(flow).await;
        for step in &flow.steps {
            let result = match &began {
                Ok(()) => replay.step(step).await,
                Err(error) => Err(format!("not run: {error}")),
            };
            match result {
                Ok(()) => passed += 1,
                Err(error) => {
                    failures.push(format!("{file} · {} · {} · {error}", flow.name, step.name));
                }
            }
        }
    }
    (passed, failures)
}

impl<'a> Replay<'a> {
    fn new(base: &'a str, contract: Contract) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            base,
            http: http.build().expect("a client without TLS can be built"),
            contract,
            names: Names::with_base(base),
            cookies: HashMap::new(),
        }
    }

    async fn begin(&self, flow: &Flow) -> Result<(), String> {
        let limited = flow.steps.iter().any(|step| step.rate_limits);
        self.control("POST", "/reset", &json!({})).await?;
        let settings = json!({ "contract": self.contract, "rate_limits": limited });
        self.control("PATCH", "/settings", &settings).await?;
        Ok(())
    }

    async fn control(&self, method: &str, path: &str, input: &Value) -> Result<Value, String> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method's name");
        let request = self
            .http
            .request(method, format!("{}/_mock{path}", self.base))
            .json(input);
        let answer = send(request).await?;
        if answer.status >= 300 {
            return Err(format!("{path}: {} {}", answer.status, answer.body));
        }
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// Makes the control calls before a request.
    async fn prepare(&self, step: &Step) -> Result<(), String> {
        for call in &step.before {
            let named = |key: &str| call.get(key);
            let path = |folder: &str, id: &Value| {
                let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
                format!("/{folder}/{id}")
            };
            let (method, path, input) = if let Some(seconds) = named("advance") {
                (
                    "POST",
                    "/clock/advance".to_owned(),
                    json!({ "seconds": self.seconds(seconds) }),
                )
            } else if let Some(code) = named("deny_device") {
                let code = self.names.fill_json(code)?;
                (
                    "POST",
                    "/device/deny".to_owned(),
                    json!({ "user_code": code }),
                )
            } else if let Some(id) = named("patch_client") {
                ("PATCH", path("clients", id), call["set"].clone())
            } else if let Some(client) = named("create_client") {
                ("POST", "/clients".to_owned(), client.clone())
            } else if let Some(id) = named("delete_client") {
                ("DELETE", path("clients", id), json!({}))
            } else if let Some(id) = named("patch_user") {
                ("PATCH", path("users", id), call["set"].clone())
            } else if named("delete_consents").is_some() {
                ("DELETE", "/consents".to_owned(), json!({}))
            } else {
                return Err(format!("unknown control call {call:?}"));
            };
            self.control(method, &path, &input).await?;
        }
        Ok(())
    }

    /// A number of seconds, or one that is just beyond the lifetime of a code.
    fn seconds(&self, advance: &Value) -> Value {
        if advance != "code-lifetime" {
            return advance.clone();
        }
        match self.contract {
            Contract::Documented => 601.into(),
            Contract::Live | Contract::Live2026_08 => 301.into(),
        }
    }

    /// The session of a user. An unknown or deleted user cannot sign in.
    async fn cookie(&mut self, user: &Value) -> Result<String, String> {
        if *user == "garbage" || *user == 99 || *user == 6 {
            return Ok("civ-token=garbage".to_owned());
        }
        let key = user.to_string();
        if !self.cookies.contains_key(&key) {
            let session = self
                .control("POST", "/sessions", &json!({ "user": user }))
                .await?;
            let cookie = session["cookie"].as_str().unwrap_or_default().to_owned();
            self.cookies.insert(key.clone(), cookie);
        }
        Ok(self.cookies[&key].clone())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.prepare(step).await?;
        let request = self.request(step).await?;
        if let Some(status) = step.expect.one_of_parallel {
            return race(&request, step, status).await;
        }
        let answer = send(request).await?;
        let expected = &step.expect;
        if Some(answer.status) != expected.status {
            let (status, body) = (answer.status, &answer.body);
            let location = answer.header("location").unwrap_or_default();
            let wanted = expected.status.unwrap_or_default();
            return Err(format!(
                "status: expected {wanted}, got {status} {location} {body:?}"
            ));
        }
        if let Some(location) = &expected.location {
            let got = answer.header("location").ok_or("no Location")?;
            self.match_location(location, &got)?;
        }
        self.match_body(expected, &answer)?;
        for (name, value) in &expected.headers {
            match_header(name, value, answer.header(name).as_deref())?;
        }
        let cors = answer.header("access-control-allow-origin");
        if step.request.path.starts_with("/.well-known/") && cors.is_some() {
            return Err("access-control-allow-origin: none is expected here".to_owned());
        }
        if let Some(page) = &expected.page {
            self.match_page(page, &answer.body)?;
        }
        Ok(())
    }

    async fn request(&mut self, step: &Step) -> Result<RequestBuilder, String> {
        let request = &step.request;
        let mut url = format!("{}{}", self.base, self.names.fill(&request.path)?);
        match &request.query {
            Some(Value::String(text)) => url += &format!("?{}", self.names.fill(text)?),
            Some(pairs) => url += &format!("?{}", self.encoded(pairs)?),
            None => {}
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let value = self.names.fill(value.as_str().unwrap_or_default())?;
            let name: HeaderName = name.parse().map_err(|_| format!("header {name:?}"))?;
            // Latin-1, as on the wire.
            let bytes: Vec<u8> = value
                .chars()
                .filter_map(|c| u8::try_from(u32::from(c)).ok())
                .collect();
            let value =
                HeaderValue::from_bytes(&bytes).map_err(|_| format!("{name}: {value:?}"))?;
            headers.append(name, value);
        }
        if let Some(user) = &step.session {
            let cookie = self.cookie(user).await?;
            headers.insert(COOKIE, cookie.parse().map_err(|_| "cookie".to_owned())?);
        }
        let (kind, body) = if let Some(pairs) = &request.form {
            (Some(FORM), Some(self.encoded(pairs)?))
        } else if let Some(value) = &request.json {
            let body = self.names.fill_json(value)?.to_string();
            (Some("application/json"), Some(body))
        } else if let Some(raw) = &request.raw {
            (None, Some(self.names.fill(raw)?))
        } else {
            (None, None)
        };
        if let Some(kind) = kind.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|e| e.to_string())?;
        let built = self.http.request(method, url).headers(headers);
        Ok(match body {
            Some(body) => built.body(body),
            None => built,
        })
    }

    /// Pairs as a form or a query has them.
    fn encoded(&self, pairs: &Value) -> Result<String, String> {
        let filled = self.names.fill_json(pairs)?;
        let pairs: Vec<(String, String)> =
            serde_json::from_value(filled).map_err(|error| error.to_string())?;
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        Ok(text.extend_pairs(pairs).finish())
    }

    /// Compares origin, path and parameters, whatever the percent-encoding. A return URL may have a sandbox's prefix.
    fn match_location(&mut self, expected: &str, got: &str) -> Result<(), String> {
        let origin = Url::parse(self.base).map_err(|error| error.to_string())?;
        let own = origin.path().trim_end_matches('/').to_owned();
        let read = |text: &str, prefix: &str| -> Result<Value, String> {
            let absolute = if text.starts_with('/') {
                origin.join(&format!("{prefix}{text}"))
            } else {
                Url::parse(text)
            };
            let url = absolute.map_err(|error| format!("location {text:?}: {error}"))?;
            let mut pairs = Vec::new();
            for (name, value) in url.query_pairs() {
                let value = match value.strip_prefix(&own) {
                    Some(rest) if name == "returnUrl" => rest.to_owned(),
                    _ => value.into_owned(),
                };
                pairs.push(json!([name, value]));
            }
            let authority = &url[..url::Position::BeforePath];
            Ok(json!([authority, url.path(), url.fragment(), pairs]))
        };
        // Braces of placeholders would be percent-encoded in a path.
        let expected = expected.replace("{{base}}", self.base);
        let (expected, got) = (read(&expected, &own)?, read(got, "")?);
        self.names.match_json(&expected, &got, "location")
    }

    fn match_body(&mut self, expected: &Expected, answer: &TestResponse) -> Result<(), String> {
        if let Some(body) = &expected.json {
            let kind = answer.header("content-type").unwrap_or_default();
            if !kind.contains("application/json") {
                return Err(format!(
                    "content-type: expected application/json, got {kind:?}"
                ));
            }
            self.names.match_json(body, &answer.json()?, "body")?;
        }
        if let Some(error) = &expected.error {
            let body = answer.json()?;
            if body["error"] != *error {
                return Err(format!("error: expected {error}, got {body}"));
            }
        }
        for (name, value) in &expected.holds {
            let body = answer.json()?;
            self.names
                .match_json(value, &body[name], &format!("body.{name}"))?;
        }
        if let Some(id_token) = &expected.id_token {
            let body = answer.json()?;
            self.match_id_token(id_token, body["id_token"].as_str().unwrap_or_default())?;
        }
        Ok(())
    }

    fn match_id_token(&mut self, expected: &IdToken, got: &str) -> Result<(), String> {
        let segment = |at: usize| -> Result<Value, String> {
            let text = got.split('.').nth(at).unwrap_or_default();
            let bytes = BASE64_URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|e| e.to_string())?;
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())
        };
        let (header, claims) = (segment(0)?, segment(1)?);
        self.names
            .match_json(&expected.header, &header, "id_token header")?;
        self.names
            .match_json(&expected.claims, &claims, "id_token claims")?;
        let life = claims["exp"].as_i64().zip(claims["iat"].as_i64());
        match life.map(|(exp, iat)| exp - iat) {
            Some(seconds) if seconds == expected.exp_minus_iat => Ok(()),
            other => Err(format!("id_token: exp - iat is {other:?}")),
        }
    }

    fn match_page(&self, expected: &ExpectedPage, html: &str) -> Result<(), String> {
        let page = Page::parse(html);
        let text = page.texts("html").concat();
        if let Some(label) = expected.shows.iter().find(|label| !text.contains(*label)) {
            return Err(format!("page: {label:?} is not shown"));
        }
        let mut forms = page.forms();
        forms.retain(|form| form.action.ends_with(AUTHORIZE));
        let Some(fields) = &expected.form else {
            if forms.is_empty() {
                return Ok(());
            }
            return Err("page: a form is shown for an invalid request".to_owned());
        };
        let Some(form) = forms
            .first()
            .filter(|form| form.method.eq_ignore_ascii_case("post"))
        else {
            return Err(format!("page: no form posts to {AUTHORIZE}"));
        };
        let buttons = page.attributes("form button[name]", "name");
        for (name, value) in fields {
            let value = self.names.fill(value.as_str().unwrap_or_default())?;
            let got = form.fields.get(name);
            if got != Some(&value) && !(name == "approved" && buttons.contains(name)) {
                return Err(format!(
                    "page: field {name}: expected {value:?}, got {got:?}"
                ));
            }
        }
        Ok(())
    }
}
