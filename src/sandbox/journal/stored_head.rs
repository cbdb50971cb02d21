//! The stored head of a request.

use std::borrow::Cow;

use super::capture::{Capture, STORED_HEADERS};
use super::truncate;

/// The head of a request, and the `Location` of the response: one text with a line `name: value` for each part, so that a
/// full journal frees one piece of memory for it and not ten. HTTP permits no line breaks in the values. As in HTTP/2, the
/// names of parts that are no headers begin with a colon.
pub(super) struct StoredHead(Box<str>);

impl StoredHead {
    pub(super) const METHOD: &str = ":method";
    pub(super) const PATH: &str = ":path";
    pub(super) const QUERY: &str = ":query";
    pub(super) const LOCATION: &str = ":location";

    pub(super) fn new(capture: &Capture<'_>) -> Self {
        let lossy = |value| truncated(String::from_utf8_lossy(value));
        let parts = [
            (Self::METHOD, Some(truncate::text(capture.method))),
            (Self::PATH, Some(truncate::text(capture.path))),
            (Self::QUERY, capture.query.map(truncate::query)),
            (Self::LOCATION, capture.location.map(lossy)),
        ];
        let headers = STORED_HEADERS.into_iter().zip(capture.headers);
        let headers = headers.map(|(name, value)| (name, value.map(lossy)));
        let lines: Vec<_> = parts
            .into_iter()
            .chain(headers)
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let length = lines
            .iter()
            .map(|(name, value)| name.len() + value.len() + 3);
        let mut text = String::with_capacity(length.sum());
        for (name, value) in &lines {
            text.extend([name, ": ", value, "\n"]);
        }
        Self(text.into())
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.split_terminator('\n');
        lines.filter_map(|line| line.split_once(": "))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.lines();
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines().filter(|(name, _)| !name.starts_with(':'))
    }

    /// The whole text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// As [`truncate::text`], without a copy of short text.
fn truncated(text: Cow<'_, str>) -> Cow<'_, str> {
    match truncate::text(&text) {
        Cow::Owned(cut) => Cow::Owned(cut),
        Cow::Borrowed(_) => text,
    }
}
