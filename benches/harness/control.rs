//! Control calls, JSON in and out: they bring the measured server into a state.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::Connection;

/// A connection for control calls.
#[derive(Debug)]
pub struct Control(Connection);

impl Control {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, String> {
        let connection = Connection::open(address).await;
        connection.map(Self).map_err(|error| error.to_string())
    }

    /// The response of a control call. Errors: any response but a success.
    pub async fn ask(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = self.0.ask(request.as_bytes()).await;
        let answer = asked.map_err(|error| format!("{method} {path}: {error}"))?;
        if !(200..300).contains(&answer.status) {
            return Err(format!(
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            ));
        }
        Ok(serde_json::from_slice(answer.body).unwrap_or_default())
    }
}
