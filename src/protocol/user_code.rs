//! User codes of devices. People may type `abcd1234` or `ABCD 1234` for `ABCD-1234`.

/// The characters of user codes: none that looks like another.
pub(crate) const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The code as it is stored: upper case, and in two groups if it has the right length.
pub(crate) fn normalise(typed: &str) -> String {
    let upper = typed.to_uppercase();
    let cleaned: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    if cleaned.len() == 8 {
        format!("{}-{}", &cleaned[..4], &cleaned[4..])
    } else {
        upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_normalised() {
        for typed in [
            "abcd2345",
            "ABCD 2345",
            " abcd-2345 ",
            "a b c d 2 3 4 5",
            "ABCD–2345",
        ] {
            assert_eq!(normalise(typed), "ABCD-2345", "{typed:?}");
        }
        assert_eq!(normalise("abc"), "ABC");
    }

    proptest::proptest! {
        #[test]
        fn normalising_twice_changes_nothing(typed in ".{0,20}", code in "[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}") {
            let normalised = normalise(&typed);
            proptest::prop_assert_eq!(normalise(&normalised), normalised);
            proptest::prop_assert_eq!(normalise(&code.to_lowercase()), code);
        }
    }
}
