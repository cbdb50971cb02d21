//! Presets: faults with a name.

use serde::{Deserialize, Serialize};

use super::super::clock::{AdvanceClock, ClockView};
use super::super::error::{ControlError, ControlResult};
use crate::invalid::Invalid;
use crate::model::builder::builder;
use crate::protocol::duration::SignedDuration;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Fault, FaultView};

macro_rules! presets {
    ($($preset:ident $name:literal $description:literal $fault:literal)*) => {
        /// A fault with a name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Preset {
            $(#[doc = concat!("`", $name, "`: ", $description, ".")] $preset,)*
        }

        impl Preset {
            /// Every preset.
            pub const ALL: &[Self] = &[$(Self::$preset,)*];

            /// The name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$preset => $name,)* }
            }

            /// What it does.
            pub fn description(self) -> &'static str {
                match self { $(Self::$preset => $description,)* }
            }

            /// The fault that it sets; `None` for a clock change.
            pub(crate) fn to_fault(self) -> Option<Fault> {
                serde_json::from_str(self.json()).ok()
            }

            /// The fault as JSON; `{}` for a clock change.
            fn json(self) -> &'static str {
                match self { $(Self::$preset => $fault,)* }
            }
        }
    };
}

presets! {
    RefreshRevoked "refresh-revoked"
        "rejects every refresh, as if the user had revoked the app"
        r#"{"endpoint":"token","grant_type":"refresh_token","effect":{"error":"invalid_grant","error_description":"Invalid grant: refresh token is invalid"}}"#
    TokenEndpointDown "token-endpoint-down"
        "the token endpoint returns 503"
        r#"{"endpoint":"token","effect":{"status":503,"body":"Service Unavailable"}}"#
    RateLimited "rate-limited"
        "the token endpoint returns 429"
        r#"{"endpoint":"token","effect":{"error":"rate_limited","error_description":"Too many token requests"}}"#
    TokenEndpointSlow "token-endpoint-slow"
        "the token endpoint takes 3 s"
        r#"{"endpoint":"token","effect":{"delay":"3s"}}"#
    ConsentDenied "consent-denied"
        "users deny consent"
        r#"{"endpoint":"authorize","effect":{"deny_consent":true}}"#
    CodeExpired "code-expired"
        "rejects every code exchange, as if the code had expired"
        r#"{"endpoint":"token","grant_type":"authorization_code","effect":{"error":"invalid_grant","error_description":"Invalid grant: authorization code has expired"}}"#
    SlowDown "slow-down"
        "device polls return slow_down (RFC 8628 §3.5), which Civitai never returns"
        r#"{"endpoint":"device-token","effect":{"error":"slow_down"}}"#
    ConnectionReset "connection-reset"
        "the token endpoint resets connections"
        r#"{"endpoint":"token","effect":{"reset_connection":true}}"#
    ClockSkew "clock-skew"
        "advances the server's clock by 5 minutes; POST clock/advance \"-5m\" reverts it"
        "{}"
}

const SKEW: SignedDuration = SignedDuration(5 * 60 * 1000);

/// The options of a preset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PresetOptions {
    times: Option<u64>,
    client_id: Option<String>,
}

/// A preset with options.
///
/// ```
/// use civitai_oauth_mock::control::Preset;
///
/// let once = Preset::RateLimited.times(1).client("my-app");
/// # let _ = once;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPresetFault {
    pub(crate) preset: Preset,
    pub(crate) options: PresetOptions,
}

impl From<Preset> for NewPresetFault {
    fn from(preset: Preset) -> Self {
        Self {
            preset,
            options: PresetOptions::default(),
        }
    }
}

builder! { NewPresetFault {
    /// At most this number of times; by default until the fault is deleted.
    times(times: u64) { options.times = Some(times) }
    /// Only calls of this client.
    client(id: impl Into<String>) { options.client_id = Some(id.into()) }
} }

impl Preset {
    /// At most this number of times.
    pub fn times(self, times: u64) -> NewPresetFault {
        NewPresetFault::from(self).times(times)
    }

    /// Only calls of this client.
    pub fn client(self, id: impl Into<String>) -> NewPresetFault {
        NewPresetFault::from(self).client(id)
    }

    /// The preset of this name.
    pub(crate) fn named(name: &str) -> ControlResult<Self> {
        let found = Self::ALL.iter().find(|preset| preset.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|preset| preset.name()).collect();
            let choices = format!("choose among {}", names.join(", "));
            let error = Invalid::new("name", format!("no preset {name:?}"));
            ControlError::NotFound(error.with_nearest(name, names, choices))
        })
    }
}

/// A preset that was applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AppliedPreset {
    preset: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The fault; `None` for a clock change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultView>,
    /// The clock after a clock change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockView>,
}

impl Sandbox {
    /// Applies a preset.
    pub(crate) async fn add_fault_preset(
        &self,
        preset_fault: NewPresetFault,
    ) -> ControlResult<AppliedPreset> {
        let NewPresetFault { preset, options } = preset_fault;
        let mut set = AppliedPreset {
            preset: preset.name(),
            description: preset.description(),
            fault: None,
            clock: None,
        };
        if preset == Preset::ClockSkew {
            if options != PresetOptions::default() {
                let error = Invalid::new(
                    "",
                    "a clock preset takes no times or client_id: it moves the sandbox's clock once, for all clients",
                );
                return Err(error.with_hint("omit times and client_id").into());
            }
            set.clock = Some(self.advance_clock(AdvanceClock::from(SKEW)).await?);
            return Ok(set);
        }
        let mut fault: Fault =
            serde_json::from_str(preset.json()).expect("a test reads every preset");
        fault.times = options.times;
        fault.client_id = options.client_id;
        set.fault = Some(self.add_fault(fault)?);
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;

    #[test]
    fn every_preset_is_a_fault_that_does_something() {
        for preset in Preset::ALL {
            if *preset != Preset::ClockSkew {
                let fault: Fault = serde_json::from_str(preset.json()).unwrap();
                check(&fault).unwrap_or_else(|error| panic!("{preset:?}: {error}"));
            }
        }
    }
}
