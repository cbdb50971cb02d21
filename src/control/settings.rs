//! Changes of the settings.

use super::error::ControlResult;
use crate::sandbox::Sandbox;
use crate::sandbox::settings::{Settings, SettingsPatch};

impl Sandbox {
    /// Changes some settings.
    pub(crate) fn update_settings(&self, patch: SettingsPatch) -> ControlResult<Settings> {
        if let Some(named) = patch.user_to_sign_in() {
            self.user(named, "login")?;
        }
        let settings = (*self.settings()).clone().patched(patch.clone());
        settings.check_lifetimes()?;
        let changed = self.if_current(|core| {
            let patch = patch.clone();
            core.change_settings(|settings| settings.patched(patch))
        });
        Ok(changed.unwrap_or_else(|| (*self.settings()).clone().patched(patch)))
    }
}
