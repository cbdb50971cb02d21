//! Closed lists of words, such as endpoints and methods. A word that is not in the list is an error that names the
//! closest one.

/// An enum of words, in the order of their names.
macro_rules! string_enum {
    ($(#[$doc:meta])* $kind:ident, $noun:literal, $spell:expr, {
        $($(#[$about:meta])* $word:ident $name:literal)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $kind {
            $(#[doc = concat!("`", $name, "`.")] $(#[$about])* $word,)*
        }

        impl $kind {
            /// All values, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// The name in faults, filters and answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$word => $name,)* }
            }

            fn read(text: &str) -> Result<Self, crate::suggest::ValueError> {
                let spelt: String = $spell(text);
                Self::named(&spelt).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|word| word.name()).collect();
                    crate::suggest::ValueError::not_in_list($noun, text, &spelt, &names)
                })
            }

            fn named(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == text)
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::read(text).map_err(|error| error.to_string())
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::read(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
