//! The ceiling: the fastest possible server with the same framework and equally long constant responses, and nothing
//! behind them.

use std::io;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CONTENT_TYPE, LOCATION,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::net::TcpListener;

const REDIRECT: &str = "http://localhost:3000/callback?code=bb53c0f6c6cca0f914d34875a9e32208a361b202d1aece07939e8e8aebeb5902&state=xyz";
const TOKENS: &str = r#"{"access_token":"civitai_5a54f9494354a8c3fc306e91d62e60825cb3","token_type":"Bearer","expires_in":3600,"refresh_token":"civitai_efca8d9c0e065a7403a1f12be2520314fb62","scope":"1"}"#;
const TOKEN: &str = r#"{"access_token":"civitai_2c1f57b80d6fb0d4f9bea053237f81fef392","token_type":"Bearer","expires_in":3600,"scope":"1"}"#;
const CLAIMS: &str = r#"{"sub":"14","id":14,"username":"person10","preferred_username":"person10","name":"person10","email":"person10@example.com","email_verified":true}"#;

/// Serves until it is ended; prints `{"port"}` once it listens.
pub(crate) async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    axum::serve(listener, routes()).await
}

fn routes() -> Router {
    Router::new()
        .route(
            "/api/auth/oauth/authorize",
            get(|| async { (StatusCode::FOUND, [(LOCATION, REDIRECT)]) }),
        )
        .route(
            "/api/auth/oauth/token",
            post(|_: Bytes| async { json("POST", TOKENS) }),
        )
        .route(
            "/api/auth/oauth/client-credentials",
            post(|_: Bytes| async { json("POST", TOKEN) }),
        )
        .route(
            "/api/auth/oauth/userinfo",
            get(|| async { json("GET", CLAIMS) }),
        )
        .route(
            "/api/auth/oauth/revoke",
            post(|_: Bytes| async { json("POST", "{}") }),
        )
}

fn json(method: &'static str, body: &'static str) -> impl IntoResponse {
    let header = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = [
        header(CONTENT_TYPE, "application/json"),
        header(ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        header(ACCESS_CONTROL_ALLOW_METHODS, method),
        header(ACCESS_CONTROL_ALLOW_HEADERS, "*"),
    ];
    (headers, body)
}
