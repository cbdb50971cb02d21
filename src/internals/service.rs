//! The whole service without a socket: what fuzz targets ask, as often as they can.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};

use crate::config::Config;
use crate::server::{Server, StartError};

/// A server that is asked by function call.
#[derive(Debug)]
pub struct Service(Server);

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Service {
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Server::start(config).await.map(Self)
    }

    /// Asks through every layer. Nothing where a fault broke the connection.
    pub async fn ask(&self, request: Request<Body>) -> Option<Answer> {
        let answer = self.0.service().send(request).await?;
        Some(Answer {
            status: answer.parts.status,
            headers: answer.parts.headers,
            body: answer.body,
        })
    }
}
