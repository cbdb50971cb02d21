//! The query of `GET /_mock/advice` and the formats of its response.

use std::str::FromStr;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::advice::{Advice, sarif};
use crate::control::error::{ControlError, ControlResult};
use crate::invalid::Invalid;
use crate::redact::{printable_json, redact_text};
use crate::sandbox::Sandbox;

/// The query of `GET /_mock/advice`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdviceQuery {
    pub(crate) client_id: Option<String>,
    pub(crate) format: AdviceFormat,
    /// The file of SARIF results.
    pub(crate) location: Option<String>,
}

/// The format of the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum AdviceFormat {
    #[default]
    Json,
    Sarif,
    Text,
}

impl AdviceFormat {
    /// The media type of this format.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Sarif => "application/sarif+json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

impl FromStr for AdviceFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "sarif" => Ok(Self::Sarif),
            "text" => Ok(Self::Text),
            other => Err(format!(
                "unknown format {other:?}: use \"json\", \"sarif\" or \"text\""
            )),
        }
    }
}

impl<'de> Deserialize<'de> for AdviceFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The findings as a SARIF log, at a file of the app.
pub(crate) fn sarif_log(advice: &Advice, location: Option<&str>) -> Value {
    let location = location.unwrap_or(sarif::DEFAULT_LOCATION);
    sarif::log(advice, &redact_text(location))
}

impl AdviceQuery {
    /// The response in the requested format. Concurrent callers share one response.
    pub(crate) async fn answer(&self, sandbox: &Sandbox) -> ControlResult<Bytes> {
        if self.location.is_some() && self.format != AdviceFormat::Sarif {
            let error = Invalid::new("location", "location applies only to format=sarif");
            return Err(error.with_hint("add format=sarif, or omit location").into());
        }
        if self.location.as_deref() == Some("") {
            let error = Invalid::new("location", "the file name is empty");
            return Err(error.with_hint("give a path, or omit location").into());
        }
        let client = self.client_id.as_deref();
        let state = sandbox.journal_state(client);
        let key = format!("rendered {:?} {state}", (self.format, &self.location));
        let rendered = sandbox.shared_computations.share(key, || async {
            let advice = sandbox.advice(client).await?;
            let json = match self.format {
                AdviceFormat::Json => serde_json::to_string(&*advice),
                AdviceFormat::Sarif => {
                    serde_json::to_string(&sarif_log(&advice, self.location.as_deref()))
                }
                // Its texts are printable already.
                AdviceFormat::Text => return Ok(format!("{advice}\n").into()),
            };
            let json = printable_json(&json.unwrap_or_default()).into_owned();
            Ok::<Bytes, ControlError>(json.into())
        });
        Ok((*rendered.await?).clone())
    }
}
