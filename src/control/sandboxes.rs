//! Sandboxes by control call: made, listed, deleted. These verbs belong to the registry, not to one sandbox.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::sandbox::registry::{DEFAULT, OwnBlueprint, Registry, is_name};
use crate::sandbox::settings::SettingsPatch;
use crate::seed::{SeedFile, find};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    /// Without one, a UUID.
    #[serde(default)]
    name: Option<String>,
    /// In the seed format, as JSON; without one, the server's own.
    #[serde(default)]
    seed: Option<SeedFile>,
    #[serde(default)]
    settings: SettingsPatch,
}

impl Registry {
    /// Makes a sandbox with a seed and settings of its own.
    pub(crate) async fn create_sandbox(&self, input: Value) -> Outcome<Value> {
        let made: Made = invalid::from_object(input)?;
        let name = match made.name {
            Some(name) => name,
            None => self.sandbox(DEFAULT).await?.entropy.client_id(),
        };
        if !is_name(&name) {
            let why =
                format!("{name:?} is not a name: letters, digits, - _ . and at most 64 of them");
            return Err(Invalid::new("name", why).into());
        }
        let seed = match made.seed {
            Some(seed) => Some(seed.planting().map_err(|wrong| Invalid {
                path: format!("seed.{}", wrong.path),
                ..wrong
            })?),
            None => None,
        };
        let seed = seed.map(|seed| seed.seed);
        let usual = self.blueprint();
        let users = &seed.as_ref().unwrap_or(&usual.seed).users;
        let settings = made.settings;
        let login = usual.settings.clone().patched(settings.clone()).login;
        if let Some(login) = &login
            && find(users, login).is_none()
        {
            let why = format!("no user {:?} in the seed", login.to_string());
            return Err(Invalid::new("settings.login", why)
                .with_hint("name a user of the sandbox's seed, or null")
                .into());
        }
        if let Some(sandbox) = self.make(&name, OwnBlueprint { seed, settings }).await? {
            Ok(json!({
                "name": sandbox.name(),
                "path": format!("/_sandbox/{name}"),
                "settings": *sandbox.settings(),
            }))
        } else {
            let why = Invalid::new("name", format!("a second sandbox {name:?}"));
            Err(ControlError::Conflict(
                why.with_hint("DELETE it first, or choose another name"),
            ))
        }
    }

    /// The sandboxes there are.
    pub(crate) async fn list_sandboxes(&self) -> Outcome<Value> {
        let names = self.store().list_sandboxes().await?;
        let shown: Vec<Value> = names
            .into_iter()
            .map(|name| {
                let idle = self.idle(&name).map(|idle| idle.as_secs());
                json!({ "name": name, "path": path(&name), "idle_seconds": idle })
            })
            .collect();
        Ok(json!({ "sandboxes": shown }))
    }

    /// One sandbox.
    pub(crate) async fn read_sandbox(&self, name: &str) -> Outcome<Value> {
        if !self
            .store()
            .list_sandboxes()
            .await?
            .iter()
            .any(|known| known == name)
        {
            return Err(no_sandbox(name));
        }
        let idle = self.idle(name).map(|idle| idle.as_secs());
        Ok(json!({ "name": name, "path": path(name), "idle_seconds": idle }))
    }

    /// Deletes a sandbox with all that is in it. The next request that names it makes a new one.
    pub(crate) async fn delete_sandbox(self: &Arc<Self>, name: &str) -> Outcome<()> {
        if name == DEFAULT {
            let why = Invalid::new("name", "the default sandbox stays");
            return Err(why.with_hint("POST reset empties it").into());
        }
        if self.close_sandbox(name).await? {
            Ok(())
        } else {
            Err(no_sandbox(name))
        }
    }
}

fn path(name: &str) -> String {
    if name == DEFAULT {
        "/".to_owned()
    } else {
        format!("/_sandbox/{name}")
    }
}

fn no_sandbox(name: &str) -> ControlError {
    let why = Invalid::new("name", format!("no sandbox {name:?}"));
    ControlError::NotFound(why.with_hint("GET sandboxes lists them"))
}
