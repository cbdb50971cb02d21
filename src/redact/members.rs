//! Names and values without a separator between them: pairs in brackets, members `name` and `value`, parts of multipart
//! forms.

use std::ops::Range;

use serde_json::{Map, Value};

use super::pairs::{Divider, is_named_secret, name_before, quoted_name_before};
use super::values::{is_quote, trim_end, trim_start, value_after, value_after_lines};

/// The name and the value of one member of a list of members: `{ name: "code", value: "x" }`, `name="code" value="x"`.
const NAME_MEMBERS: [&str; 4] = ["name", "key", "field", "header"];
const VALUE_MEMBERS: [&str; 2] = ["value", "content"];

/// Pairs of these words are lists of protocol words, not names with values.
const PROTOCOL_WORDS: [&str; 16] = [
    "access_token",
    "authorization_code",
    "client_credentials",
    "client_id",
    "client_secret",
    "client_secret_basic",
    "client_secret_post",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "password",
    "refresh_token",
    "secret",
    "state",
    "token",
];

/// The longest name of a form part, in bytes.
const MAX_PART_NAME_BYTES: usize = 128;

/// The most headers of a form part.
const MAX_PART_HEADERS: usize = 8;

fn is_one(members: &[&str], name: &str) -> bool {
    let mut members = members.iter();
    members.any(|member| member.eq_ignore_ascii_case(name))
}

/// Whether the member of an object is the value of a name in another member: `{ "name": "code", "value": "x" }`.
pub(super) fn is_value_member(name: &str) -> bool {
    is_one(&VALUE_MEMBERS, name)
}

/// The secret name in a member of an object, if it has one.
pub(super) fn secret_name(object: &Map<String, Value>) -> Option<String> {
    let names = object
        .iter()
        .filter(|(name, _)| is_one(&NAME_MEMBERS, name));
    let mut names = names.filter_map(|(_, named)| named.as_str());
    names.find(|name| is_named_secret(name)).map(str::to_owned)
}

impl<'a> Divider<'a> {
    /// The value of a pair in brackets: `["name", "value"]` in a list, `("name", "value")` anywhere.
    pub(super) fn listed(&self) -> Option<Range<usize>> {
        let name = quoted_name_before(self.before)?;
        let opening = trim_end(self.before_quoted(name)?);
        let around = opening.strip_suffix(['[', '('])?;
        let is_within = trim_end(around).ends_with(['[', '(', '{', ',']);
        if !(is_within || opening.ends_with('(')) || !is_named_secret(name) {
            return None;
        }
        let value = value_after_lines(self.text, self.end);
        let is_word = |word: &str| PROTOCOL_WORDS.contains(&word);
        if !is_within && is_word(name) && is_word(&self.text[value.clone()]) {
            return None;
        }
        let is_quoted = self.text[..value.start].ends_with(is_quote);
        let behind = &self.text[value.end..];
        let behind = behind.trim_start_matches('\\').trim_start_matches(is_quote);
        let closing = trim_start(trim_start(behind).trim_start_matches(','));
        let is_pair = closing.is_empty() || closing.starts_with([']', ')']);
        (is_pair || !is_quoted).then_some(value)
    }

    /// The text before the quoted name, its quote and a prefix such as `b`.
    fn before_quoted(&self, name: &str) -> Option<&'a str> {
        let quoted = self.before.trim_end().strip_suffix(is_quote)?;
        let before = quoted.trim_end_matches('\\').strip_suffix(name)?;
        let before = before.trim_end_matches('\\').strip_suffix(is_quote)?;
        let before = before.trim_end_matches('\\');
        Some(before.strip_suffix(['b', 'B', 'u', 'U']).unwrap_or(before))
    }

    /// The value in `name: "code", value: "x"`.
    pub(super) fn member_value(&self, member: &str) -> Option<Range<usize>> {
        if !is_one(&VALUE_MEMBERS, member) {
            return None;
        }
        let divides = |sign: char| sign.is_whitespace() || is_quote(sign) || ",;\\".contains(sign);
        let before = self.all_before().trim_end_matches(divides);
        let start = before.strip_suffix(member)?;
        let start = trim_end(start.trim_end_matches(divides)).trim_end_matches(divides);
        let name = name_before(start);
        let start = start.strip_suffix(name)?.trim_end_matches(divides);
        let member = name_before(start.strip_suffix(['=', ':'])?);
        let is_secret = is_one(&NAME_MEMBERS, member) && is_named_secret(name);
        is_secret.then(|| value_after_lines(self.text, self.end))
    }

    /// The value of a part of a multipart form, after its header `Content-Disposition: form-data; name="code"`.
    pub(super) fn form_value(&self, parameter: &str) -> Option<Range<usize>> {
        if !parameter.eq_ignore_ascii_case("name") {
            return None;
        }
        let name = value_after(self.text, self.end);
        if name.len() > MAX_PART_NAME_BYTES || !is_named_secret(&self.text[name.clone()]) {
            return None;
        }
        let mut start = name.end;
        let lines = self.text[name.end..].split_inclusive('\n');
        for (number, line) in lines.take(MAX_PART_HEADERS).enumerate() {
            start += line.len();
            // The first is the rest of the name's own line.
            if number > 0 && line.trim().is_empty() {
                let value = &self.text[start..];
                let end = value.find("\r\n--").or_else(|| value.find("\n--"));
                return Some(start..start + end.unwrap_or(value.len()));
            }
        }
        None
    }
}
