//! A headless Chromium with nobody at the mouse: what a person does with the keyboard, and what they then see.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::wd::Locator;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::Folder;

pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const SPACE: char = ' ';

/// Long enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// No page has so many places to stop at.
const MOST_STOPS: usize = 40;

/// One look at the page. What is found wanting is listed in `wrong`.
const LOOK: &str = include_str!("look.js");

pub(crate) struct Browser {
    client: Client,
    session: String,
    driver: Driver,
    /// Chromium's profile; gone with the browser.
    _profile: Folder,
    width: u32,
}

/// A running chromedriver.
struct Driver {
    child: Child,
    port: u16,
}

/// Where a program is that `PATH` leads to.
fn installed(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file())?;
    found.to_str().map(str::to_owned)
}

impl Driver {
    fn start(program: &str) -> Self {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let out = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // It goes on talking, and must be listened to.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver tells its port");
        Self { child, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Browser {
    /// Chromium ends with its session; by hand, because a test that fails must end it too.
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
            // Not by a macro: what macros print is kept back when a test passes.
            let _ = writeln!(std::io::stderr(), "browser tests left out: {advice}");
            return None;
        };
        let profile = Folder::new();
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

    /// Waits for the page of this heading, and looks whether it is fit for people.
    pub(crate) async fn arrive(&self, heading: &str) {
        self.wait_for("h1", heading).await;
        self.is_fit().await;
        assert_eq!(self.console().await, [""; 0], "console of {heading:?}");
    }

    /// Waits for a page that says what is wrong. Chromium notes its status 400 in the console, and may.
    pub(crate) async fn arrive_at_problem(&self, problem: &str) {
        self.wait_for("*[@role='alert']", problem).await;
        self.is_fit().await;
        let console = self.console().await;
        let noted = matches!(&console[..], [note] if note.contains("a status of 400"));
        assert!(noted, "console of {problem:?}: {console:?}");
    }

    async fn wait_for(&self, element: &str, text: &str) {
        let path = format!("//{element}[normalize-space()='{text}']");
        let found = self.client.wait().at_most(PATIENCE);
        let found = found.for_element(Locator::XPath(&path)).await;
        if let Err(why) = found {
            panic!("no {text:?} at {}: {why}", self.url().await);
        }
    }

    async fn is_fit(&self) {
        let seen = self.client.execute(LOOK, Vec::new()).await;
        let seen = seen.expect("the page can be looked at");
        let fit = json!({ "width": self.width, "wrong": [] });
        assert_eq!(seen, fit, "the page {}", self.url().await);
    }

    /// What the browser's console has been told since it was last asked.
    async fn console(&self) -> Vec<String> {
        let Driver { port, .. } = self.driver;
        let url = format!("http://127.0.0.1:{port}/session/{}/se/log", self.session);
        let ask = reqwest::Client::new()
            .post(url)
            .json(&json!({ "type": "browser" }));
        let answer = ask.send().await.expect("chromedriver answers");
        let answer: Value = answer.json().await.expect("chromedriver speaks JSON");
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

    /// Goes on by Tab until the focus is on what is called so; every stop must be seen and have a name.
    pub(crate) async fn tab_to(&self, name: &str) {
        let mut stops = Vec::new();
        for _ in 0..MOST_STOPS {
            self.press([TAB]).await;
            let focus = self.client.execute("return window.focused()", Vec::new());
            let focus = focus.await.expect("the page can be looked at");
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

    /// Whether the focused check box is ticked.
    pub(crate) async fn is_ticked(&self) -> bool {
        let script = "return document.activeElement.checked";
        let ticked = self.client.execute(script, Vec::new()).await;
        ticked.expect("the page can be looked at") == true
    }

    /// Everything that there is to read.
    pub(crate) async fn text(&self) -> String {
        let script = "return document.querySelector('main').innerText";
        let text = self.client.execute(script, Vec::new()).await;
        let text = text.expect("the page can be looked at");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Draws what is seen to `tests/screenshots/`.
    pub(crate) async fn draw(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/screenshots");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(folder.join(name), picture).expect("the picture can be written");
    }
}
