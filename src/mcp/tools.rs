//! Implementation of the MCP tools. Each passes its input to an endpoint or a control operation; a tool decides nothing
//! itself. `tool_specs.rs` describes their input.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rmcp::model::CallToolResult;
use serde_json::{Map, Value, json};
use url::Url;

use super::tool_specs::{
    ADVANCE, ADVICE, AUTHORIZE, AddFault, Advance, Authorize, CHANGES, DELETE_FAULTS, EXCHANGE,
    Exchange, ExplainScope, FAULT, ListAdvice, ListRequests, REQUEST, REQUESTS, RESET, ReadRequest,
    SCOPE,
};
use crate::control::devices::Empty;
use crate::control::sessions::MAX_SESSIONS;
use crate::control::{ControlError, NewPresetFault, Preset, RequestQuery, UserRef};
use crate::http::connection::ConnectionInfo;
use crate::http::context::RequestContext;
use crate::http::root_service::RootService;
use crate::http::session;
use crate::invalid::{self, Invalid};
use crate::model;
use crate::model::user::User;
use crate::protocol::pkce::Verifier;
use crate::protocol::scope::{PRESETS, Scope};

/// Default number of requests in a result. Small, because an agent reads all of them.
const SHOWN: usize = 20;

/// Maximum number of requests in a result: it is built in memory.
const MAX_SHOWN: usize = 500;

/// Placeholder for a value that the agent fills in.
const PLACEHOLDER: &str = "(yours)";

/// The sandbox and the request of a tool call.
pub(super) struct ToolCall<'a> {
    pub(super) service: &'a RootService,
    pub(super) request: &'a RequestContext,
    pub(super) parts: &'a Parts,
}

impl Authorize {
    /// The form of the consent page for a user who approves.
    fn form(&self, redirect_uri: &str, state: &str, challenge: &str) -> String {
        let scope = self.scope.unwrap_or(Scope::USER_READ);
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope.to_string())
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("approved", "true")
            .finish()
    }
}

type ToolResult = Result<CallToolResult, ControlError>;

impl ToolCall<'_> {
    /// Calls the tool of this name; None if it does not exist.
    pub(super) async fn run(&self, name: &str, arguments: Value) -> Option<CallToolResult> {
        let outcome = match name {
            EXCHANGE => self.exchange(arguments).await,
            AUTHORIZE => self.authorize(arguments).await,
            REQUESTS => self.requests(arguments).await,
            REQUEST => self.read_request(arguments),
            CHANGES => self.changes(arguments),
            ADVICE => self.advice(arguments).await,
            ADVANCE => self.advance(arguments).await,
            FAULT => self.fault(arguments).await,
            DELETE_FAULTS => self.delete_faults(arguments),
            SCOPE => explain(arguments),
            RESET => self.reset(arguments).await,
            _ => return None,
        };
        Some(outcome.unwrap_or_else(|error| CallToolResult::structured_error(error.to_json())))
    }

    async fn exchange(&self, arguments: Value) -> ToolResult {
        let Exchange { body } = invalid::from_json(arguments)?;
        let body = Value::Object(body).to_string();
        let path = "/api/auth/oauth/token";
        let (status, _, answer) = self.send(path, "application/json", body, None).await;
        Ok(tool_result(status, answer))
    }

    /// Adds the names of the existing users and clients as a hint, unless there is a better one.
    fn with_known_names(&self, error: Invalid) -> Invalid {
        if error.hint.is_some() {
            return error;
        }
        let data = self.request.sandbox.data();
        let clients = data.list_clients().into_iter().map(|client| client.id.0);
        let users = data.list_users();
        let users = users
            .iter()
            .filter(|user| !user.deleted)
            .map(User::display_name);
        error.with_hint(format!(
            "clients: {}; users: {}",
            clients.collect::<Vec<_>>().join(", "),
            users.collect::<Vec<_>>().join(", ")
        ))
    }

    async fn authorize(&self, arguments: Value) -> ToolResult {
        let sandbox = &self.request.sandbox;
        let input: Authorize =
            invalid::from_json(arguments).map_err(|error| self.with_known_names(error))?;
        let client = sandbox.read_client(&input.client_id);
        let redirect_uri = match (&input.redirect_uri, &client) {
            (Some(uri), _) => uri.clone(),
            (None, Err(error)) => return Ok(refused(error.to_json(), "id", "client_id")),
            (None, Ok(client)) => client.redirect_uris.first().cloned().ok_or_else(|| {
                let message = format!(
                    "client {:?} has no registered redirect URI",
                    input.client_id
                );
                Invalid::new("redirect_uri", message).with_hint("give a redirect_uri")
            })?,
        };
        let generated = sandbox.entropy.verifier();
        let verifier = input.code_challenge.is_none().then_some(&generated);
        let challenge = input.code_challenge.clone();
        let challenge = challenge.unwrap_or_else(|| generated.challenge().0);
        let state = input.state.clone();
        let state = state.unwrap_or_else(|| sandbox.entropy.uuid());
        let form = input.form(&redirect_uri, &state, &challenge);
        let (path, kind) = (
            "/api/auth/oauth/authorize",
            "application/x-www-form-urlencoded",
        );
        let user = self.user_header(&input.user).await?;
        let (status, headers, answer) = self.send(path, kind, form, Some(user)).await;
        let location = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(location) = location.and_then(|to| Url::parse(to).ok()) else {
            return Ok(tool_result(status, answer));
        };
        let answer: Map<String, Value> = location
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
        let mut result = json!({ "location": location.as_str(), "response": answer });
        if let Some(code) = answer.get("code") {
            result["exchange"] = json!({
                "grant_type": "authorization_code",
                "client_id": input.client_id,
                "redirect_uri": redirect_uri,
                "code": code,
                "code_verifier": verifier.map_or(PLACEHOLDER, Verifier::reveal),
            });
            if client.is_ok_and(|client| client.confidential) {
                result["exchange"]["client_secret"] = PLACEHOLDER.into();
            }
        }
        Ok(CallToolResult::structured(result))
    }

    /// The header that makes a request act as the user: `X-Mock-User`, or a session cookie if the name is not valid in
    /// a header.
    async fn user_header(
        &self,
        named: &UserRef,
    ) -> Result<(HeaderName, HeaderValue), ControlError> {
        let sandbox = &self.request.sandbox;
        let found = sandbox.data().find_user(named);
        let Some(user) = found.filter(|user| !user.deleted) else {
            return Err(session::unknown_user_error(sandbox, "user", named).into());
        };
        let text = match named {
            UserRef::Name(text) => Some(text.clone()),
            UserRef::Id(_) => {
                let users = sandbox.data().list_users();
                UserRef::text_for(&user, &User::usernames(&users))
            }
        };
        let value = text.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
        if let Some(value) = value {
            return Ok((HeaderName::from_static(session::MOCK_USER_HEADER), value));
        }
        let cookie = session::open(sandbox, user.id, MAX_SESSIONS).await?;
        let cookie = format!("{}={}", model::session::COOKIE, cookie.reveal());
        let cookie = cookie.parse().expect("a cookie of ours is a header value");
        Ok((COOKIE, cookie))
    }

    async fn requests(&self, arguments: Value) -> ToolResult {
        let input: ListRequests = invalid::from_json(arguments)?;
        let input = RequestQuery::from(input).limit_within(SHOWN, MAX_SHOWN)?;
        let shown = self.request.sandbox.list_requests(input).await?;
        Ok(CallToolResult::structured(json!(shown)))
    }

    fn read_request(&self, arguments: Value) -> ToolResult {
        let ReadRequest { id } = invalid::from_json(arguments)?;
        let found = self.request.sandbox.request(id, false)?;
        Ok(CallToolResult::structured(json!(found)))
    }

    fn changes(&self, arguments: Value) -> ToolResult {
        let Empty {} = invalid::from_json(arguments)?;
        let changes = self.request.sandbox.list_changes();
        Ok(CallToolResult::structured(json!(changes)))
    }

    async fn advice(&self, arguments: Value) -> ToolResult {
        let ListAdvice { client_id } = invalid::from_json(arguments)?;
        let advice = self.request.sandbox.advice(client_id.as_deref()).await?;
        Ok(CallToolResult::structured(json!(*advice)))
    }

    async fn advance(&self, arguments: Value) -> ToolResult {
        let sandbox = &self.request.sandbox;
        let Advance { by } = invalid::from_json(arguments)?;
        let clock = sandbox.advance_clock(by.into()).await?;
        Ok(CallToolResult::structured(json!(clock)))
    }

    async fn fault(&self, arguments: Value) -> ToolResult {
        let input: AddFault = invalid::from_json(arguments)?;
        let sandbox = &self.request.sandbox;
        let added = match (input.preset, input.fault) {
            (Some(name), None) => {
                let mut preset = NewPresetFault::from(Preset::named(&name)?);
                if let Some(times) = input.times {
                    preset = preset.times(times);
                }
                json!(sandbox.add_fault_preset(preset).await?)
            }
            (None, Some(_)) if input.times.is_some() => {
                let error = Invalid::new("times", "times applies only to presets");
                return Err(error.with_hint("use fault.times").into());
            }
            (None, Some(fault)) => json!(sandbox.add_fault(fault)?),
            _ => {
                let error = Invalid::new("", "exactly one of preset and fault is required");
                return Err(error.with_hint("give one of the two").into());
            }
        };
        Ok(CallToolResult::structured(added))
    }

    fn delete_faults(&self, arguments: Value) -> ToolResult {
        let Empty {} = invalid::from_json(arguments)?;
        self.request.sandbox.delete_faults();
        Ok(CallToolResult::structured(json!({})))
    }

    async fn reset(&self, arguments: Value) -> ToolResult {
        let Empty {} = invalid::from_json(arguments)?;
        self.request.sandbox.reset().await?;
        Ok(CallToolResult::structured(json!({})))
    }

    /// Sends a request to an endpoint of this sandbox, as an app or a browser would, including faults and journal.
    async fn send(
        &self,
        path: &str,
        kind: &str,
        body: String,
        user: Option<(HeaderName, HeaderValue)>,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        let target = self.request.base.path(path);
        *request.uri_mut() = target
            .parse()
            .expect("a prefix and a path of ours are a URI");
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, kind.parse().expect("a content type of ours"));
        if let Some(host) = self.parts.headers.get(HOST) {
            headers.insert(HOST, host.clone());
        }
        if let Some((name, value)) = user {
            headers.insert(name, value);
        }
        let (connection, extensions) = (&self.parts.extensions, request.extensions_mut());
        if let Some(authority) = connection.get::<Authority>() {
            extensions.insert(authority.clone());
        }
        if let Some(connection) = connection.get::<Arc<ConnectionInfo>>() {
            extensions.insert(Arc::clone(connection));
        }
        let Some(answer) = self.service.send(request).await.response else {
            let broken = json!("the connection was closed without a response");
            return (StatusCode::BAD_GATEWAY, HeaderMap::new(), broken);
        };
        let body = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into_owned().into());
        (answer.parts.status, answer.parts.headers, body)
    }
}

/// An error that names the key as the agent knows it.
fn refused(mut error: Value, named: &str, key: &str) -> CallToolResult {
    if error["path"] == named {
        error["path"] = key.into();
    }
    CallToolResult::structured_error(error)
}

/// The response of an endpoint as the result of a tool.
fn tool_result(status: StatusCode, answer: Value) -> CallToolResult {
    // Structured content must be an object; a fault may have replaced the response with any value.
    let answer = if answer.is_object() {
        answer
    } else {
        json!({ "status": status.as_u16(), "body": answer })
    };
    if status.is_success() {
        CallToolResult::structured(answer)
    } else {
        CallToolResult::structured_error(answer)
    }
}

fn explain(arguments: Value) -> ToolResult {
    let ExplainScope { scope } = invalid::from_json(arguments)?;
    let preset = PRESETS.iter().find(|(_, preset)| *preset == scope);
    Ok(CallToolResult::structured(json!({
        "scope": scope.to_string(),
        "preset": preset.map(|(name, _)| name),
        "bits": scope.set_bits().collect::<Vec<_>>(),
    })))
}
