//! The text that stands for a secret.

use crate::protocol::secret::PREFIX;

/// What is shown in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The beginning and the end of a secret, by which a developer tells two apart: `civitai_9c41…e07b`. At least half of the
/// secret stays hidden.
pub(crate) fn shortened_secret(secret: &str) -> String {
    const SHOWN_CHARS: usize = 4;
    let (prefix, random) = match secret.strip_prefix(PREFIX) {
        Some(random) => (PREFIX, random),
        None => ("", secret),
    };
    let is_plain = random.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain || random.len() < 4 * SHOWN_CHARS {
        return REDACTED.to_owned();
    }
    let (start, end) = (
        &random[..SHOWN_CHARS],
        &random[random.len() - SHOWN_CHARS..],
    );
    format!("{prefix}{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_secrets_show_a_part() {
        let token = format!("civitai_9c41{}e07b", "0".repeat(56));
        assert_eq!(shortened_secret(&token), "civitai_9c41…e07b");
        assert_eq!(shortened_secret(&token[8..]), "9c41…e07b");
        for short in ["", "ABCD-2345", "civitai_9c41e07b", "0123456789abcdé…xx"] {
            assert_eq!(shortened_secret(short), REDACTED, "{short}");
        }
    }
}
