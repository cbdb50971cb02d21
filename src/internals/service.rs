//! The whole service without a socket, for fuzz targets.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};

use crate::config::Config;
use crate::server::{Server, StartError};

/// A server whose service is called directly.
#[derive(Debug)]
pub struct Service(Server);

/// The response of the server.
#[derive(Debug)]
pub struct ServiceResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Service {
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Server::start(config).await.map(Self)
    }

    /// Sends a request through every layer. None if a fault broke the connection.
    pub async fn send(&self, request: Request<Body>) -> Option<ServiceResponse> {
        let answer = self.0.service().send(request).await.response?;
        Some(ServiceResponse {
            status: answer.parts.status,
            headers: answer.parts.headers,
            body: answer.body,
        })
    }
}
