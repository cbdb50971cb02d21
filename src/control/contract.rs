//! Which contract holds here? The table of differences with the side that each is on, and the scopes.

use serde_json::{Value, json};

use crate::contract::{DIFFERENCES, OBSERVED};
use crate::protocol::scope::{PRESETS, SCOPES};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// The contract in force, difference by difference.
    pub(crate) fn show_contract(&self) -> Value {
        let settings = self.settings();
        let differences: Vec<Value> = DIFFERENCES
            .iter()
            .map(|entry| {
                json!({
                    "name": entry.difference,
                    "side": settings.rules.side(entry.difference),
                    "documented": entry.documented,
                    "live": entry.live,
                    "observed": OBSERVED,
                })
            })
            .collect();
        let presets: Vec<Value> = PRESETS
            .iter()
            .map(|(name, scope)| json!({ "name": name, "scope": scope }))
            .collect();
        json!({
            "contract": settings.rules.contract,
            "sources": {
                "documented": "https://developer.civitai.com/site/oauth",
                "live": "civitai/civitai 5.0.2257 of 2026-08-08, recorded on the wire",
            },
            "differences": differences,
            "scopes": SCOPES,
            "presets": presets,
        })
    }
}
