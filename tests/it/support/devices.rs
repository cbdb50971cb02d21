//! A device that signs in (RFC 8628), and the client app that it runs.

use serde_json::json;

use super::{Fields, SandboxClient, TestRequest, TestResponse};

pub(crate) const DEVICE: &str = "/api/auth/oauth/device";
pub(crate) const DEVICE_TOKEN: &str = "/api/auth/oauth/device-token";
pub(crate) const DEVICE_INFO: &str = "/api/auth/oauth/device-info";
pub(crate) const DEVICE_APPROVE: &str = "/api/auth/oauth/device-approve";
pub(crate) const DEVICE_PAGE: &str = "/login/oauth/device";

pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A public client that may use the device flow.
pub(crate) const CLI: &str = "cli";

/// The response at the start of a device flow.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

impl Device {
    pub(crate) fn from_response(answer: &TestResponse) -> Self {
        Self {
            device_code: answer.text("device_code"),
            user_code: answer.text("user_code"),
        }
    }

    /// One poll of the app.
    pub(crate) fn polls(&self, client_id: &str) -> Fields {
        Fields::new(&[
            ("grant_type", DEVICE_GRANT),
            ("device_code", &self.device_code),
            ("client_id", client_id),
        ])
    }

    /// The text with this device's user code replaced by a placeholder.
    pub(crate) fn redacted(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.user_code, "<user code>")
    }
}

impl SandboxClient {
    /// Registers [`CLI`].
    pub(crate) async fn register_cli(&self) {
        let cli = json!({
            "id": CLI,
            "name": "Device App",
            "description": "A CLI",
            "grants": [DEVICE_GRANT, "refresh_token"],
            "verified": true,
        });
        self.control("POST", "/clients", cli).await;
    }

    pub(crate) fn ask_device(&self, client_id: &str, scope: &str) -> TestRequest {
        let fields = Fields::new(&[("client_id", client_id), ("scope", scope)]);
        self.post(DEVICE, &fields)
    }

    /// A device of [`CLI`] that has just been started.
    pub(crate) async fn device(&self, scope: &str) -> Device {
        Device::from_response(&self.ask_device(CLI, scope).await)
    }

    /// [`CLI`] asks whether the user has decided.
    pub(crate) fn poll(&self, device: &Device) -> TestRequest {
        self.post(DEVICE_TOKEN, &device.polls(CLI))
    }

    /// The request of the page when ada approves.
    pub(crate) async fn approve_device(&self, device: &Device) -> TestResponse {
        let cookie = self.session("ada").await;
        let body = json!({ "user_code": device.user_code });
        self.request("POST", DEVICE_APPROVE)
            .json(&body)
            .cookie(&cookie)
            .await
    }
}
