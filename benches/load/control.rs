//! How is the measured server brought into a state? By its control calls, JSON in and out.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::Connection;

pub(crate) struct Control(Connection);

impl Control {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let connection = Connection::open(address).await;
        connection.map(Self).map_err(|why| why.to_string())
    }

    /// The answer to a control call. Errors: whatever is not a success.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = self.0.ask(request.as_bytes()).await;
        let answer = asked.map_err(|why| format!("{method} {path}: {why}"))?;
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
