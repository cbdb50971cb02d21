//! Operations on sandboxes: create, list, delete. They are methods of the registry.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{ControlError, ControlResult};
use crate::http::base_url::SandboxPrefix;
use crate::invalid::Invalid;
use crate::protocol::json::seconds_if_known;
use crate::sandbox::name::{self, DEFAULT};
use crate::sandbox::registry::Registry;
use crate::sandbox::settings::{Settings, SettingsPatch};
use crate::sandbox::template::{CreatedBy, TemplateOverrides};
use crate::seed::SeedFile;
use crate::suggest::ValueError;

/// A sandbox to create.
///
/// ```
/// use civitai_oauth_mock::Contract;
/// use civitai_oauth_mock::control::{NewSandbox, SettingsPatch};
///
/// let checkout = NewSandbox::named("checkout")
///     .seed("[[users]]\nid = 1\nusername = \"mia\"")?
///     .settings(SettingsPatch::new().contract(Contract::Live).login("mia"));
/// # let _ = checkout;
/// # Ok::<(), civitai_oauth_mock::Invalid>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSandbox {
    /// By default, a UUID.
    #[serde(default)]
    name: Option<String>,
    /// In the seed format, as JSON or as TOML text; by default the seed of the server.
    #[serde(default, deserialize_with = "seed")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<SeedInput>"))]
    seed: Option<SeedFile>,
    #[serde(default)]
    settings: SettingsPatch,
}

/// Reads a seed: a JSON object, or the text of a seed file.
fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SeedFile>, D::Error> {
    deserializer.deserialize_any(SeedVisitor)
}

/// The input that [`seed`] reads, for its schema.
#[cfg(feature = "openapi")]
pub(crate) enum SeedInput {}

struct SeedVisitor;

impl<'de> Visitor<'de> for SeedVisitor {
    type Value = Option<SeedFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of users and clients, or TOML text in the seed format")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<SeedFile>, E> {
        Ok(None)
    }

    fn visit_str<E: de::Error>(self, toml: &str) -> Result<Option<SeedFile>, E> {
        let read = SeedFile::read(toml, Path::new("seed"));
        read.map(Some).map_err(|error| {
            let line = error.file.as_ref().and_then(|(_, line)| *line);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            let separator = if error.path.is_empty() { "" } else { ": " };
            let message = format!("{place}{}{separator}{}", error.path, error.message);
            let rule = ValueError::new(message);
            E::custom(match error.hint {
                Some(hint) => rule.with_hint(hint),
                None => rule,
            })
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<SeedFile>, A::Error> {
        SeedFile::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

impl NewSandbox {
    /// A sandbox with this name: at most 64 letters, digits, `-`, `_` and `.`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// A sandbox with a generated name.
    pub fn unnamed() -> Self {
        Self::default()
    }

    /// Starts with these users and clients (TOML in the seed format) instead of those of the server.
    pub fn seed(mut self, toml: &str) -> Result<Self, Invalid> {
        self.seed = Some(SeedFile::read(toml, Path::new("seed"))?);
        Ok(self)
    }

    /// Starts with these settings instead of those of the server.
    #[must_use]
    pub fn settings(mut self, settings: SettingsPatch) -> Self {
        self.settings = settings;
        self
    }
}

/// A sandbox that was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct CreatedSandbox {
    pub(crate) name: String,
    path: String,
    settings: Settings,
}

/// A sandbox in the list of sandboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "SandboxView")
)]
#[non_exhaustive]
pub struct SandboxInfo {
    /// The name.
    pub name: String,
    /// The path prefix; `/` for the default sandbox.
    pub path: String,
    /// Time since the last request, by the system clock; `None` if there was none since the server started.
    #[serde(rename = "idle_seconds", serialize_with = "seconds_if_known")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<u64>"))]
    pub idle: Option<Duration>,
}

/// `{"sandboxes":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SandboxList {
    pub(crate) sandboxes: Vec<SandboxInfo>,
}

impl Registry {
    /// Creates a sandbox with its own seed and settings.
    pub(crate) async fn create_sandbox(
        self: &Arc<Self>,
        input: NewSandbox,
    ) -> ControlResult<CreatedSandbox> {
        let name = if let Some(name) = input.name {
            name
        } else {
            let default = self.get_or_create(DEFAULT, CreatedBy::Explicit).await?;
            default.entropy.uuid()
        };
        check_name(&name)?;
        let seed = match input.seed {
            Some(seed) => Some(seed.load().map_err(|error| error.inside("seed"))?),
            None => None,
        };
        let mut settings = input.settings;
        let seed = seed.map(|loaded| {
            settings.declare_if_none(loaded.scopes);
            loaded.seed
        });
        let usual = self.template();
        let users = &seed.as_ref().unwrap_or(&usual.seed).users;
        let merged = usual.settings.clone().patched(settings.clone());
        merged
            .check_lifetimes()
            .map_err(|error| error.inside("settings"))?;
        if let Some(login) = &merged.login
            && login.find_in(users).is_none_or(|user| user.deleted)
        {
            let message = format!("no user {:?} in the seed", login.to_string());
            return Err(Invalid::new("settings.login", message)
                .with_hint("use a user of the sandbox's seed, or null")
                .into());
        }
        let own = TemplateOverrides {
            seed,
            settings,
            created_by: CreatedBy::Explicit,
        };
        if let Some(sandbox) = self.create(&name, own).await? {
            Ok(CreatedSandbox {
                name: sandbox.name().to_owned(),
                path: path(&name),
                settings: (*sandbox.settings()).clone(),
            })
        } else {
            let error = Invalid::new("name", format!("sandbox {name:?} already exists"));
            Err(ControlError::Conflict(
                error.with_hint("DELETE it first, or use another name"),
            ))
        }
    }

    /// All sandboxes.
    pub(crate) fn list_sandboxes(&self) -> SandboxList {
        let names = self.store().list_sandboxes();
        SandboxList {
            sandboxes: names.into_iter().map(|name| self.show(name)).collect(),
        }
    }

    /// One sandbox.
    pub(crate) fn read_sandbox(&self, name: &str) -> ControlResult<SandboxInfo> {
        if !self
            .store()
            .list_sandboxes()
            .iter()
            .any(|known| known == name)
        {
            return Err(no_sandbox(name));
        }
        Ok(self.show(name.to_owned()))
    }

    /// Deletes a sandbox with its data. The next request to it creates a new one.
    pub(crate) async fn delete_sandbox(self: &Arc<Self>, name: &str) -> ControlResult<()> {
        if name == DEFAULT {
            let error = Invalid::new("name", "the default sandbox cannot be deleted");
            return Err(error.with_hint("use POST reset to reset it").into());
        }
        if self.close_sandbox(name).await? {
            Ok(())
        } else {
            Err(no_sandbox(name))
        }
    }

    fn show(&self, name: String) -> SandboxInfo {
        SandboxInfo {
            path: path(&name),
            idle: self.idle(&name),
            name,
        }
    }
}

/// Checks the name of a sandbox or snapshot.
pub(crate) fn check_name(name: &str) -> Result<(), Invalid> {
    name::check(name).map_err(|reason| {
        let message = format!("{name:?} is not a valid name: {reason}");
        Invalid::new("name", message).with_hint(name::HINT)
    })
}

/// The path prefix of a sandbox.
fn path(name: &str) -> String {
    if name == DEFAULT {
        "/".to_owned()
    } else {
        SandboxPrefix::for_name(name)
    }
}

fn no_sandbox(name: &str) -> ControlError {
    let error = Invalid::new("name", format!("no sandbox {name:?}"));
    ControlError::NotFound(error.with_hint("GET sandboxes lists them"))
}
