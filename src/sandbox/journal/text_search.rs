//! Search of a text in stored exchanges. Nothing is parsed: the text is looked for as it may have been sent.

use url::form_urlencoded;

/// A text to look for, in each form in which requests and responses may contain it.
#[derive(Debug, Clone)]
pub(crate) struct TextNeedle {
    forms: Vec<String>,
}

impl TextNeedle {
    /// Upper and lower case are the same.
    pub(crate) fn new(text: &str) -> Self {
        let plain = text.to_lowercase();
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let with_spaces = encoded.replace('+', "%20");
        let json = serde_json::to_string(text).unwrap_or_default();
        // Only the quotes around it: one in the text is escaped, also at its end.
        let json = json.strip_prefix('"').unwrap_or(&json);
        let json = json.strip_suffix('"').unwrap_or(json);
        let mut forms = vec![
            plain,
            encoded.to_lowercase(),
            with_spaces.to_lowercase(),
            json.to_lowercase(),
        ];
        forms.sort_unstable();
        forms.dedup();
        Self { forms }
    }

    /// Whether a text contains it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        // Short texts and common letters: `to_lowercase` of ASCII is fast.
        let text = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            text.to_lowercase()
        };
        self.forms.iter().any(|form| text.contains(form.as_str()))
    }

    /// The same for bytes that are usually UTF-8.
    pub(super) fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && self.is_in(&String::from_utf8_lossy(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_form() {
        let needle = TextNeedle::new("http://Localhost:3000/a b");
        for text in [
            "x=http://localhost:3000/a b",
            "redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fa+b&x=1",
            "redirect_uri=http%3a%2f%2flocalhost%3a3000%2fa%20b",
        ] {
            assert!(needle.is_in(text), "{text}");
        }
        assert!(!needle.is_in("http://localhost:3000/"));
        assert!(TextNeedle::new("say \"a\"").is_in(r#"{"x":"say \"a\""}"#));
        let quote = TextNeedle::new("\"");
        assert!(quote.is_in(r#"{"x":1}"#) && !quote.is_in(r"C:\path"));
        assert!(TextNeedle::new("é").is_in("%C3%A9") && TextNeedle::new("É").is_in("é"));
    }
}
