//! A headless Chromium, used by keyboard only.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::wd::Locator;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::TempDir;
use super::driver::{Driver, installed};

pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const SPACE: char = ' ';

/// The longest wait, with room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// No page has this many tab stops.
const MOST_STOPS: usize = 90;

/// The accessibility checker, from npm.
pub(super) const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/npm/node_modules/axe-core/axe.min.js"
);

/// Its serious and critical findings, each with the element.
pub(super) const RUN_AXE: &str = include_str!("axe.js");

/// The resources that the page loaded, and the bytes transferred for the page and all of them.
const WEIGHT: &str = "const page = performance.getEntriesByType('navigation')[0];
    const others = performance.getEntriesByType('resource').filter((one) => one.initiatorType !== 'other');
    return { bytes: [page, ...others].reduce((sum, one) => sum + one.transferSize, 0),
             foreign: others.map((one) => one.name).filter((name) => new URL(name).origin !== location.origin),
             count: others.length }";

/// A script that inspects the page. Its findings are in `wrong`.
pub(super) const LOOK: &str = include_str!("look.js");

pub(crate) struct Browser {
    pub(super) client: Client,
    session: String,
    driver: Driver,
    /// Chromium's profile, removed with the browser.
    _profile: TempDir,
    width: u32,
}

impl Drop for Browser {
    /// Chromium ends with its session, also if the test fails.
    fn drop(&mut self) {
        let address = ("127.0.0.1", self.driver.port);
        if let Ok(mut stream) = TcpStream::connect(address) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let session = &self.session;
            let _ = write!(
                stream,
                "DELETE /session/{session} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
            );
            let _ = BufReader::new(stream).lines().next();
        }
    }
}

impl Browser {
    /// A browser whose window shows this much, in CSS pixels; `None` where none is installed.
    ///
    /// # Panics
    /// In CI, where it must be.
    pub(crate) async fn open(width: u32, height: u32) -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) =
            (installed("chromium"), installed("chromedriver"))
        else {
            let advice = "install chromium and chromium-driver";
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "browser tests cannot run: {advice}"
            );
            // Not with a macro: the test harness captures the output of macros.
            let _ = writeln!(std::io::stderr(), "browser tests left out: {advice}");
            return None;
        };
        let profile = TempDir::new();
        let driver = Driver::start(&chromedriver);
        let metrics = json!({
            "width": width, "height": height, "pixelRatio": 1, "touch": false, "mobile": width < 500,
        });
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": chromium,
                "args": [
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-background-networking",
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    "--no-first-run",
                    format!("--user-data-dir={}", profile.as_ref().display()),
                ],
                "mobileEmulation": { "deviceMetrics": metrics },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities = capabilities.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts");
        let session = client.session_id().await.expect("chromedriver answers");
        Some(Self {
            client,
            session: session.expect("a session has an id"),
            driver,
            _profile: profile,
            width,
        })
    }

    pub(crate) async fn visit(&self, url: &str) {
        self.client.goto(url).await.expect("the page opens");
    }

    async fn url(&self) -> String {
        let url = self.client.current_url().await;
        url.expect("chromedriver answers").to_string()
    }

    /// Waits for the page with this heading, and checks its accessibility.
    pub(crate) async fn arrive(&self, heading: &str) {
        self.wait_for("h1", heading).await;
        self.is_fit().await;
        assert_eq!(self.console().await, [""; 0], "console of {heading:?}");
    }

    /// Waits for an error page. Chromium logs its status 400 in the console, which is permitted.
    pub(crate) async fn arrive_at_problem(&self, problem: &str) {
        self.wait_for("*[@role='alert']", problem).await;
        self.is_fit().await;
        let console = self.console().await;
        let noted = matches!(&console[..], [note] if note.contains("a status of 400"));
        assert!(noted, "console of {problem:?}: {console:?}");
    }

    /// Whether the page has the light or the dark colours.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let command =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.tell_driver("goog/cdp/execute", &command).await;
    }

    /// Permits pages to write to the clipboard, as browsers do after a click.
    pub(crate) async fn allow_clipboard(&self) {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        let command = json!({ "cmd": "Browser.grantPermissions", "params": permissions });
        self.tell_driver("goog/cdp/execute", &command).await;
    }

    pub(super) async fn tell_driver(&self, what: &str, command: &Value) {
        let Driver { port, .. } = self.driver;
        let url = format!("http://127.0.0.1:{port}/session/{}/{what}", self.session);
        let asked = reqwest::Client::new().post(url).json(command).send().await;
        let status = asked.expect("chromedriver answers").status();
        assert!(status.is_success(), "{command}: {status}");
    }

    /// The bytes transferred for the page and its resources. Resources of other origins, or late ones, are errors.
    pub(crate) async fn weight(&self) -> u64 {
        let seen = self.client.execute(WEIGHT, Vec::new()).await;
        let seen = seen.expect("the page can be inspected");
        assert_eq!(seen["foreign"], json!([]), "at {}", self.url().await);
        assert!(
            seen["count"].as_u64() <= Some(3),
            "{seen} at {}",
            self.url().await
        );
        seen["bytes"].as_u64().unwrap_or(u64::MAX)
    }

    /// What axe-core finds wrong.
    async fn is_accessible(&self) {
        let Ok(axe) = std::fs::read_to_string(AXE) else {
            let advice = "npm install --prefix tests/npm";
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "axe-core cannot judge the pages: {advice}"
            );
            let _ = writeln!(std::io::stderr(), "axe-core left out: {advice}");
            return;
        };
        let loaded = self.client.execute(&axe, Vec::new()).await;
        loaded.expect("axe-core is a script");
        let found = self.client.execute_async(RUN_AXE, Vec::new()).await;
        let found = found.expect("axe-core runs");
        assert_eq!(found, json!([]), "at {}", self.url().await);
    }

    async fn wait_for(&self, element: &str, text: &str) {
        let path = format!("//{element}[normalize-space()='{text}']");
        let look = || {
            let wait = self.client.wait().at_most(PATIENCE);
            wait.for_element(Locator::XPath(&path))
        };
        let mut found = look().await;
        // A navigation aborts the search.
        if found.is_err() {
            found = look().await;
        }
        if let Err(error) = found {
            panic!(
                "no {text:?} at {}: {error}\n{}",
                self.url().await,
                self.text().await
            );
        }
    }

    pub(crate) async fn is_fit(&self) {
        let seen = self.client.execute(LOOK, Vec::new()).await;
        let seen = seen.expect("the page can be inspected");
        let fit = json!({ "width": self.width, "wrong": [] });
        assert_eq!(seen, fit, "the page {}", self.url().await);
        self.is_accessible().await;
    }

    /// The messages in the browser's console since the last call.
    async fn console(&self) -> Vec<String> {
        let Driver { port, .. } = self.driver;
        let url = format!("http://127.0.0.1:{port}/session/{}/se/log", self.session);
        let ask = reqwest::Client::new()
            .post(url)
            .json(&json!({ "type": "browser" }));
        let answer = ask.send().await.expect("chromedriver answers");
        let answer: Value = answer.json().await.expect("chromedriver answers with JSON");
        let entries = answer["value"].as_array().expect("a list");
        entries
            .iter()
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: impl IntoIterator<Item = char>) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys {
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        let pressed = self.client.perform_actions(actions).await;
        pressed.expect("keys can be pressed");
    }

    /// Pastes the clipboard.
    pub(crate) async fn paste(&self) {
        self.press_with_control('v').await;
    }

    /// Selects the text of the focused field, so that typing replaces it.
    pub(crate) async fn select_all(&self) {
        self.press_with_control('a').await;
    }

    async fn press_with_control(&self, value: char) {
        let control = '\u{e009}';
        let actions = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: control })
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value })
            .then(KeyAction::Up { value: control });
        let pressed = self.client.perform_actions(actions).await;
        pressed.expect("keys can be pressed");
    }

    /// Goes to a field by Tab and types.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        self.tab_to(field).await;
        let keys = text
            .chars()
            .map(|key| if key == '\n' { ENTER } else { key });
        self.press(keys).await;
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        let returned = self.client.execute(script, arguments).await;
        returned.expect("the page can be inspected")
    }

    /// Waits until a condition holds. A page that is being replaced has no conditions.
    pub(crate) async fn until(&self, condition: &str) {
        let began = super::Stopwatch::start();
        let script = format!("return Boolean({condition})");
        while self.client.execute(&script, Vec::new()).await.ok() != Some(json!(true)) {
            assert!(began.elapsed() < PATIENCE, "not so: {condition}");
        }
    }

    /// The text of the element with this id.
    pub(crate) async fn text_of(&self, id: &str) -> String {
        let script = "return document.getElementById(arguments[0])?.innerText ?? ''";
        let text = self.run(script, vec![json!(id)]).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows this text somewhere.
    pub(crate) async fn see(&self, text: &str) {
        let path = format!("//main//*[contains(normalize-space(), '{text}')]");
        let look = || {
            let wait = self.client.wait().at_most(PATIENCE);
            wait.for_element(Locator::XPath(&path))
        };
        let mut found = look().await;
        // A navigation aborts the search.
        if found.is_err() {
            found = look().await;
        }
        if let Err(error) = found {
            panic!(
                "no {text:?} at {}: {error}\n{}",
                self.url().await,
                self.text().await
            );
        }
    }

    /// Presses Tab until an element with this name has the focus. Every tab stop must be visible and have a name.
    pub(crate) async fn tab_to(&self, name: &str) {
        let mut stops = Vec::new();
        for _ in 0..MOST_STOPS {
            self.press([TAB]).await;
            let focus = self.client.execute("return window.focused()", Vec::new());
            let focus = focus.await.expect("the page can be inspected");
            let stop = focus["name"].as_str().unwrap_or_default().to_owned();
            assert_eq!(focus["visible"], true, "focus on {stop:?} is seen");
            let found = stop == name;
            stops.push(stop);
            if found {
                return;
            }
        }
        panic!("Tab never came to {name:?}, but to {stops:?}");
    }

    /// Goes to a button by Tab and presses it.
    pub(crate) async fn choose(&self, button: &str) {
        self.tab_to(button).await;
        self.press([ENTER]).await;
    }

    /// Goes to a button by Tab, presses it, and waits until another page has taken this one's place.
    pub(crate) async fn go(&self, button: &str) {
        self.tab_to(button).await;
        let mark = self.client.execute("window.isOld = true", Vec::new()).await;
        mark.expect("the page can be marked");
        self.press([ENTER]).await;
        let began = super::Stopwatch::start();
        // During a navigation there is no page.
        let script = "return document.readyState === 'complete' && !window.isOld";
        while self.client.execute(script, Vec::new()).await.ok() != Some(json!(true)) {
            assert!(began.elapsed() < PATIENCE, "{button:?} leads nowhere");
        }
    }

    /// Whether the focused check box is ticked.
    pub(crate) async fn is_ticked(&self) -> bool {
        self.run("return document.activeElement.checked", Vec::new())
            .await
            == true
    }

    /// The text of the page.
    pub(crate) async fn text(&self) -> String {
        let script = "return document.querySelector('main')?.innerText ?? ''";
        let text = self.run(script, Vec::new()).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Takes a screenshot: in cargo's target folder, or in `docs/images/` with `DRAW_SCREENSHOTS`.
    pub(crate) async fn draw(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        let folder = if std::env::var_os("DRAW_SCREENSHOTS").is_some() {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images")
        } else {
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots")
        };
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(folder.join(name), picture).expect("the picture can be written");
    }
}
