//! Checks of a page in the browser: its measures, every finding of axe-core, and its width.

use serde_json::{Value, json};

use super::Browser;
use super::browser::{AXE, LOOK, RUN_AXE};

impl Browser {
    /// The result of a script.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        let seen = self.client.execute(script, Vec::new()).await;
        seen.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until the script returns `true`.
    pub(crate) async fn wait_until(&self, script: &str) {
        let began = super::Stopwatch::start();
        // During a navigation there is no page.
        while self.client.execute(script, Vec::new()).await.ok() != Some(json!(true)) {
            assert!(began.elapsed().as_secs() < 30, "never: {script}");
        }
    }

    /// Changes the size of the window.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let params =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": params });
        let began = super::Stopwatch::start();
        // After a navigation, chromedriver sets the size of the start once more.
        while self.evaluate("return innerWidth").await != width {
            self.tell_driver("goog/cdp/execute", &command).await;
            assert!(began.elapsed().as_secs() < 30, "never {width} wide");
        }
    }

    /// Asserts that the page has this width without scrolling sideways, and no other defect.
    pub(crate) async fn has_width(&self, width: u32, page: &str) {
        let seen = self.evaluate(LOOK).await;
        assert_eq!(seen, json!({ "width": width, "wrong": [] }), "{page}");
    }

    /// Asserts that axe-core finds nothing at all, best practices included.
    pub(crate) async fn has_no_finding(&self, page: &str) {
        let Ok(axe) = std::fs::read_to_string(AXE) else {
            // `is_fit` reports the missing package.
            return;
        };
        self.evaluate(&axe).await;
        let impacts = json!(["minor", "moderate", "serious", "critical"]);
        let found = self.client.execute_async(RUN_AXE, vec![impacts]).await;
        let found = found.expect("axe-core runs");
        assert_eq!(found, json!([]), "{page}");
    }
}
