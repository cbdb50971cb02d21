//! MCP server for coding agents, over streamable HTTP: the tools of the published capability, and tools that help to
//! build an integration. The tools are in `tool_specs.rs` and `tools.rs`; `http/access_guard.rs` decides who may call.

pub(crate) mod message;
mod tool_specs;
mod tools;

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{self, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode,
    Implementation, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;

use crate::http::access_guard;
use crate::http::body::MAX_BODY_BYTES;
use crate::http::connection::ConnectionInfo;
use crate::http::connection::ListenerKind;
use crate::http::context;
use crate::http::root_service::RootService;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::redact::redact_text;

/// The path of the MCP server, on every listener.
pub(crate) const PATH: &str = "/mcp";

const INSTRUCTIONS: &str = "A mock of Civitai's OAuth 2.0 server. To build an app against it: get a code as a \
    user with mock-authorize, exchange it with civitai-oauth-exchange, list your app's requests and the \
    reasons for rejections with mock-list-requests, list mistakes that fail in production with mock-list-advice, expire \
    tokens with mock-advance-clock, and simulate failures with mock-add-fault. The resources describe the \
    differences between the documented and the deployed server.";

/// Resources: the last segment of the URI, and a description.
const RESOURCES: [(&str, &str); 2] = [
    (
        "contract",
        "The contract in force in this sandbox, with the contract of each difference, the scopes and the presets",
    ),
    (
        "differences",
        "The differences between the contracts, and the contract of each in this sandbox",
    ),
];

/// The headers that an MCP client in a web page sends.
const PAGES_SEND: &str =
    "accept, authorization, content-type, last-event-id, mcp-protocol-version, mcp-session-id";

const SCHEME: &str = "civitai-oauth-mock://";

/// The service at [`PATH`].
pub(crate) fn service() -> StreamableHttpService<Tools, NeverSessionManager> {
    // Stateless: a client that disconnects leaves no session behind. The access guard checks hosts and origins.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(MAX_BODY_BYTES);
    StreamableHttpService::new(|| Ok(Tools), Arc::default(), config)
}

/// Rewrites requests to the MCP port, whose root is MCP, so that a client needs only host and port. Also restores the
/// authority of an HTTP/2 request, which the router has moved, as the `Host` header that rmcp expects.
pub(crate) fn enter(request: &mut Request) {
    let is_root = ConnectionInfo::listener(request.extensions()) == ListenerKind::Mcp;
    let path = request.uri().path();
    if path.strip_suffix('/') == Some(PATH) || (is_root && path == "/") {
        *request.uri_mut() = Uri::from_static(PATH);
    }
    if request.uri().path() == PATH
        && !request.headers().contains_key(HOST)
        && let Some(authority) = request.extensions().get::<Authority>()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
}

/// Middleware for CORS: pages that the access guard accepts may call. A preflight carries no token and needs none.
pub(crate) async fn cors(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let checked = access_guard::check(&state, request.headers(), access_guard::authority(&request));
    let is_near = !matches!(checked, Err((StatusCode::FORBIDDEN, _)));
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = if is_near && is_preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if is_near {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        if is_preflight {
            let methods = HeaderValue::from_static("POST");
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            let sent = HeaderValue::from_static(PAGES_SEND);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
        }
    }
    response
}

/// Middleware that waits for the sandbox that the path names. Other methods are rejected and need no sandbox.
pub(crate) async fn in_sandbox(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match context::RequestContext::from_request_parts(&mut parts, &()).await {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(response) => response,
    }
}

/// The MCP server. It has no state of its own.
pub(crate) struct Tools;

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        let me = Implementation::new("civitai-oauth-mock", env!("CARGO_PKG_VERSION"))
            .with_title("Civitai OAuth mock");
        ServerConfig::new(capabilities)
            .with_server_info(me)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tool_specs::tools()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tool_specs::tool(name)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (request, parts) = http_request(&context)?;
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let Some(service) = parts.extensions.get::<RootService>() else {
            return Err(not_routed());
        };
        let call_context = tools::ToolCall {
            service,
            request,
            parts,
        };
        let result = call_context.run(&call.name, arguments).await;
        result
            .map(CallToolResponse::from)
            .ok_or_else(|| unknown_name("tool", &call.name, tool_specs::names()))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = redact_text(&request.method).into_owned();
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = RESOURCES.map(|(name, what)| {
            Resource::new(format!("{SCHEME}{name}"), name)
                .with_description(what)
                .with_mime_type("application/json")
        });
        Ok(ListResourcesResult::with_all_items(resources.into()))
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (request, _) = http_request(&context)?;
        let mut shown = serde_json::json!(request.sandbox.show_contract());
        let shown = match params.uri.strip_prefix(SCHEME) {
            Some("contract") => shown,
            Some("differences") => shown["differences"].take(),
            _ => {
                let known = RESOURCES.map(|(name, _)| format!("{SCHEME}{name}"));
                return Err(unknown_name("resource", &params.uri, known));
            }
        };
        let text = serde_json::to_string_pretty(&shown).expect("a JSON value is JSON");
        let contents = ResourceContents::text(text, params.uri).with_mime_type("application/json");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// The HTTP request that carried a message.
fn http_request(
    context: &RequestContext<RoleServer>,
) -> Result<(&context::RequestContext, &Parts), ErrorData> {
    let parts = context.extensions.get::<Parts>();
    parts
        .and_then(|parts| Some((parts.extensions.get::<context::RequestContext>()?, parts)))
        .ok_or_else(not_routed)
}

fn not_routed() -> ErrorData {
    ErrorData::internal_error("the message bypassed the router", None)
}

fn unknown_name(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = impl AsRef<str>>,
) -> ErrorData {
    let known: Vec<String> = known
        .into_iter()
        .map(|one| one.as_ref().to_owned())
        .collect();
    let error = Invalid::new(what, format!("no {what} {name:?}")).with_nearest(
        name,
        known.iter().map(String::as_str),
        format!("there are {}", known.join(", ")),
    );
    ErrorData::invalid_params(error.to_string(), None)
}
