//! Input structs with optional keys, for creating and changing users and clients: a key is missing, has a value, or is
//! `null`.

/// Declares a struct of optional keys, each with a builder method.
///
/// `set` is a value, `null` a value that the second method removes, `list` a list.
macro_rules! patch_struct {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$about:meta])* $mode:ident $key:ident: $kind:ty $(, $none:ident)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$about])*
                #[serde(
                    deserialize_with = "crate::protocol::json::given",
                    skip_serializing_if = "Option::is_none"
                )]
                pub(crate) $key: Option<patch_struct!(@kind $mode $kind)>,
            )*
        }

        impl $name {
            /// No key is given yet.
            pub fn new() -> Self {
                Self::default()
            }

            $(patch_struct!(@method $mode $(#[$about])* $key: $kind $(, $none)?);)*
        }
    };
    (@kind set $kind:ty) => { $kind };
    (@kind null $kind:ty) => { Option<$kind> };
    (@kind list $kind:ty) => { Vec<$kind> };
    (@kind null_list $kind:ty) => { Option<Vec<$kind>> };
    (@method set $(#[$about:meta])* $key:ident: $kind:ty) => {
        $(#[$about])*
        #[must_use]
        pub fn $key(mut self, $key: impl Into<$kind>) -> Self {
            self.$key = Some($key.into());
            self
        }
    };
    (@method null $(#[$about:meta])* $key:ident: $kind:ty, $none:ident) => {
        $(#[$about])*
        #[must_use]
        pub fn $key(mut self, $key: impl Into<$kind>) -> Self {
            self.$key = Some(Some($key.into()));
            self
        }

        #[doc = concat!("Removes `", stringify!($key), "`.")]
        #[must_use]
        pub fn $none(mut self) -> Self {
            self.$key = Some(None);
            self
        }
    };
    (@method list $(#[$about:meta])* $key:ident: $kind:ty) => {
        $(#[$about])*
        #[must_use]
        pub fn $key<T: Into<$kind>>(mut self, $key: impl IntoIterator<Item = T>) -> Self {
            self.$key = Some($key.into_iter().map(Into::into).collect());
            self
        }
    };
    (@method null_list $(#[$about:meta])* $key:ident: $kind:ty) => {
        $(#[$about])*
        #[must_use]
        pub fn $key<T: Into<$kind>>(mut self, $key: impl IntoIterator<Item = T>) -> Self {
            self.$key = Some(Some($key.into_iter().map(Into::into).collect()));
            self
        }
    };
}

pub(crate) use patch_struct;
