//! Scope numbers: Civitai's bits with their names and labels, the presets, and the two ways to read a number.
//! `scope_rules.rs` decides which of them applies.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// A set of permissions as Civitai carries it: a bitmask, written as a decimal number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scope(u32);

/// One bit of a [`Scope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ScopeBit {
    /// The bit's value, a power of two.
    pub value: u32,
    /// Civitai's name of it, for example `ModelsRead`.
    pub name: Cow<'static, str>,
    /// What the consent page shows. A bit that is never asked for there has no label.
    pub label: Option<Cow<'static, str>>,
}

const fn bit(index: u32, name: &'static str, label: &'static str) -> ScopeBit {
    ScopeBit {
        value: 1 << index,
        name: Cow::Borrowed(name),
        label: Some(Cow::Borrowed(label)),
    }
}

impl ScopeBit {
    /// The scope of this bit alone.
    pub fn scope(&self) -> Scope {
        Scope(self.value)
    }
}

/// Every bit of Civitai's, lowest first: the order in which the consent page lists them.
pub static SCOPES: [ScopeBit; 29] = [
    bit(0, "UserRead", "Read profile, settings & email"),
    bit(1, "UserWrite", "Update profile & settings"),
    bit(2, "ModelsRead", "Browse & download models"),
    bit(3, "ModelsWrite", "Upload & edit models"),
    bit(4, "ModelsDelete", "Delete models"),
    bit(5, "MediaRead", "View images, videos & posts"),
    bit(6, "MediaWrite", "Upload media & create posts"),
    bit(7, "MediaDelete", "Delete media & posts"),
    bit(8, "ArticlesRead", "Read articles"),
    bit(9, "ArticlesWrite", "Create & edit articles"),
    bit(10, "ArticlesDelete", "Delete articles"),
    bit(11, "BountiesRead", "View bounties"),
    bit(12, "BountiesWrite", "Create & manage bounties"),
    bit(13, "BountiesDelete", "Delete bounties"),
    bit(14, "AIServicesRead", "View generation & training history"),
    bit(15, "AIServicesWrite", "Generate, train & scan"),
    bit(16, "BuzzRead", "View buzz balance & history"),
    bit(17, "CollectionsRead", "View collections"),
    bit(18, "CollectionsWrite", "Manage collections"),
    bit(19, "SocialWrite", "Follow, react, comment & review"),
    bit(20, "SocialTip", "Tip other users"),
    bit(21, "NotificationsRead", "Read notifications"),
    bit(22, "NotificationsWrite", "Manage notification preferences"),
    bit(23, "VaultRead", "View vault"),
    bit(24, "VaultWrite", "Manage vault"),
    bit(25, "AppBlocksSubmit", "Submit Apps for review"),
    bit(26, "AppBlocksDevTunnel", "Open on-site dev tunnels"),
    bit(
        27,
        "LinkConnect",
        "Connect the Civitai Link app to your account",
    ),
    ScopeBit {
        value: Scope::APP_STORE_CATALOG_WRITE.0,
        name: Cow::Borrowed("AppStoreCatalogWrite"),
        label: None,
    },
];

/// Civitai's named sets of scopes.
pub const PRESETS: [(&str, Scope); 4] = [
    ("Read Only", Scope::READ_ONLY),
    ("Creator", Scope::CREATOR),
    ("AI Services", Scope::AI_SERVICES),
    ("Full Access", Scope::FULL),
];

impl Scope {
    /// The baseline that every token carries.
    pub const USER_READ: Self = Self(1);
    /// View generation and training history.
    pub const AI_SERVICES_READ: Self = Self(1 << 14);
    /// Generate, train and scan: the one scope that the per-app buzz limit caps.
    pub const AI_SERVICES_WRITE: Self = Self(1 << 15);
    /// View what there is to spend.
    pub const BUZZ_READ: Self = Self(1 << 16);
    /// The preset for looking around.
    pub const READ_ONLY: Self = Self(10_701_093);
    /// The preset for publishing.
    pub const CREATOR: Self = Self(11_492_205);
    /// The preset for generating and training.
    pub const AI_SERVICES: Self = Self(114_689);
    /// Every bit but those that an app must opt in to.
    pub const FULL: Self = Self(33_554_431);
    /// Connects the Civitai Link app (difference `link-connect`).
    pub const LINK_CONNECT: Self = Self(1 << 27);
    /// Writes the catalog of the app store, by `client_credentials` alone (difference `app-store-catalog-write`).
    pub const APP_STORE_CATALOG_WRITE: Self = Self(1 << 28);
    /// Every bit of Civitai's.
    pub const ALL: Self = Self(536_870_911);
    /// Every bit that a number may have, with or without a meaning.
    pub(crate) const ALL_BITS: Self = Self(u32::MAX);

    /// The scope with exactly these bits. `None` if Civitai has no such bits.
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits <= Self::ALL.0).then_some(Self(bits))
    }

    /// The scope with exactly these bits, with or without a meaning.
    pub(crate) fn from_any_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bitmask.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether every bit of `other` is in this scope.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits of both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This scope as a token carries it: with [`Scope::USER_READ`].
    #[must_use]
    pub fn with_user_read(self) -> Self {
        self.union(Self::USER_READ)
    }

    /// The bits of this scope that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits of Civitai's that are set, lowest first.
    pub fn set_bits(self) -> impl Iterator<Item = &'static ScopeBit> {
        SCOPES.iter().filter(move |bit| self.covers(bit.scope()))
    }

    /// What the documentation asks for: decimal digits and nothing else, 0 to 33554431 and the declared bits.
    pub(crate) fn parse_decimal(text: &str, declared: Self) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scope = text.parse().ok().map(Self)?;
        Self::FULL.union(declared).covers(scope).then_some(scope)
    }

    /// What the deployed server reads: the leading digits. Whether the bits exist is [`Scope::if_it_exists`].
    pub(crate) fn parse_leading_digits(text: &str) -> Option<Self> {
        let number = leading_integer(text)?;
        u32::try_from(number).ok().map(Self)
    }
}

/// The integer at the start of a text, as JavaScript's `parseInt(text, 10)` finds it: after white space and
/// a sign, up to the first character that is not a digit. Numbers too large for an `i64` stay too large.
pub(crate) fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let magnitude = digits[..end].parse::<i64>().unwrap_or(i64::MAX);
    Some(if negative { -magnitude } else { magnitude })
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_server_reads_leading_digits() {
        let read = |text| Scope::parse_leading_digits(text).map(Scope::bits);
        assert_eq!(read("1abc"), Some(1));
        assert_eq!(read("0x10"), Some(0));
        assert_eq!(read(" \t+7 9"), Some(7));
        assert_eq!(read("1.9"), Some(1));
        assert_eq!(read("-0"), Some(0));
        assert_eq!(read("4294967295"), Some(u32::MAX));
        for refused in [
            "",
            "abc",
            "-1",
            "4294967296",
            "99999999999999999999",
            "é1",
            "- 1",
        ] {
            assert_eq!(read(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn the_documentation_asks_for_decimal_digits() {
        let parse = |text| Scope::parse_decimal(text, Scope::default());
        assert_eq!(parse("33554431"), Some(Scope::FULL));
        let declared = Scope(1 << 30);
        assert_eq!(Scope::parse_decimal("1073741824", declared), Some(declared));
        for refused in [
            "",
            " 1",
            "+1",
            "1.9",
            "1e3",
            "0x10",
            "-1",
            "33554432",
            "99999999999999999999",
        ] {
            assert_eq!(parse(refused), None, "{refused:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_printed_scope_can_be_parsed(bits in 0..=Scope::ALL.0) {
            let scope = Scope::from_bits(bits).unwrap();
            proptest::prop_assert_eq!(scope.to_string().parse(), Ok(scope));
            proptest::prop_assert_eq!(Scope::parse_leading_digits(&scope.to_string()), Some(scope));
        }
    }
}
