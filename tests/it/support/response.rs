//! A complete response as text: status, headers, body, with random and local values replaced by placeholders.

use std::fmt;

use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use super::Page;

/// Headers that no snapshot shows.
const SILENT: [&str; 3] = ["content-length", "date", "connection"];

/// Headers of every control response; `control/access_guard.rs` tests them.
const OF_CONTROL: [&str; 2] = ["cache-control", "x-content-type-options"];

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The requested URL, to resolve a relative `Location`.
    pub(crate) asked: Url,
}

impl TestResponse {
    /// A header's value; several are joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let texts: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    /// The `Location` as a URL.
    pub(crate) fn location(&self) -> Url {
        let there = self.header("location").expect("the answer redirects");
        self.asked.join(&there).expect("a Location is a URL")
    }

    /// A query parameter of the `Location`.
    pub(crate) fn location_param(&self, name: &str) -> Option<String> {
        let url = self.location();
        let mut pairs = url.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The authorization code in the `Location`.
    pub(crate) fn code(&self) -> String {
        let found = self
            .headers
            .contains_key("location")
            .then(|| self.location_param("code"));
        found
            .flatten()
            .unwrap_or_else(|| panic!("no code in {self}"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// A text in the JSON body.
    pub(crate) fn text(&self, name: &str) -> String {
        let found = self.json()[name].as_str().map(str::to_owned);
        found.unwrap_or_else(|| panic!("no text {name:?} in {self}"))
    }

    pub(crate) fn page(&self) -> Page {
        Page::parse(&self.body)
    }

    /// The cookie that it sets, as a request carries it.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").expect("the answer sets a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// All cookies that it sets, as a request carries them.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.get_all("set-cookie").iter();
        let pairs: Vec<String> = set
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .map(str::to_owned)
            .collect();
        pairs.join("; ")
    }

    /// Status, and the error, title or body in one line, for tables of many cases.
    pub(crate) fn summary(&self) -> String {
        let status = self.status;
        let port = self.asked.port().unwrap_or_default();
        if let Some(there) = self.header("location") {
            return redacted(&format!("{status} to {there}"), port);
        }
        let summary = match serde_json::from_str::<Value>(&self.body) {
            Ok(json) if json["error"].is_string() => {
                let what = json["error"].as_str().unwrap_or_default();
                match json["error_description"]
                    .as_str()
                    .or(json["message"].as_str())
                {
                    Some(error) => format!("{what}: {error}"),
                    None => what.to_owned(),
                }
            }
            _ if self.is_page() => format!("page {:?}", self.page().title()),
            _ => self.body.clone(),
        };
        redacted(&format!("{status} {summary}"), port)
    }

    fn is_page(&self) -> bool {
        let kind = self.header("content-type");
        kind.is_some_and(|kind| kind.starts_with("text/html"))
    }
}

impl TestResponse {
    /// The text without the headers of the mock, as Civitai would answer.
    pub(crate) fn without_mock_headers(&self) -> String {
        let text = self.to_string();
        let lines = text.split_inclusive('\n');
        lines.filter(|line| !line.starts_with("x-mock-")).collect()
    }
}

impl fmt::Display for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}\n", self.status);
        let mut names: Vec<&str> = self
            .headers
            .keys()
            .map(reqwest::header::HeaderName::as_str)
            .collect();
        names.sort_unstable();
        for name in names {
            let of_control = self.asked.path().contains("/_mock/") && OF_CONTROL.contains(&name);
            if !SILENT.contains(&name) && !of_control {
                text += &format!("{name}: {}\n", self.header(name).unwrap_or_default());
            }
        }
        if self.is_page() {
            text += &format!("\npage {:?}\n", self.page().title());
        } else if !self.body.is_empty() {
            text += &format!("\n{}\n", self.body);
        }
        f.write_str(&redacted(&text, self.asked.port().unwrap_or_default()))
    }
}

/// The text with this server's address, and every random value, replaced by a placeholder.
pub(crate) fn redacted(text: &str, port: u16) -> String {
    let mut text = text.to_owned();
    for colon in [":", "%3A", "%253A"] {
        text = text.replace(&format!("127.0.0.1{colon}{port}"), "mock");
    }
    let text = without_durations(&text);
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        out += placeholder(&word);
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

/// The text with a placeholder for durations, which depend on the speed of the machine.
fn without_durations(text: &str) -> String {
    let seconds = (1..10).map(|seconds| format!("{seconds} s ago"));
    let durations = std::iter::once("less than 1 s ago".to_owned()).chain(seconds);
    durations.fold(text.to_owned(), |text, duration| {
        text.replace(&duration, "a moment ago")
    })
}

/// The word itself, or a placeholder if it is random.
fn placeholder(word: &str) -> &str {
    let is_hex = |text: &str| text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let is_ulid = |text: &str| text.len() >= 26 && text.as_bytes()[..26].is_ascii();
    match word.split_once('_') {
        Some(("wf", id)) if is_ulid(id) => return "<workflow>",
        Some(("blob", id)) if is_ulid(id) => return "<blob>",
        _ => {}
    }
    match word.strip_prefix("civitai_") {
        Some(digits) if digits.len() == 36 && is_hex(digits) => "<token>",
        None if word.len() == 64 && is_hex(word) => "<secret>",
        _ => word,
    }
}
