//! Changes of the settings.

use super::changes::describe_settings;
use super::error::ControlResult;
use crate::sandbox::Sandbox;
use crate::sandbox::changes::ChangeKind;
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
            let mut message = None;
            let settings = core.change_settings(|before| {
                let after = before.clone().patched(patch);
                message = describe_settings(&before, &after);
                after
            });
            if let Some(message) = message {
                core.record_change(ChangeKind::SettingsChanged, &message);
            }
            settings
        });
        Ok(changed.unwrap_or_else(|| (*self.settings()).clone().patched(patch)))
    }
}
