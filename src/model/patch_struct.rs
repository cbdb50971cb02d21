//! Input structs with optional keys, for creating and changing users and clients: a key is missing, has a value, or is
//! `null`.

/// Declares a struct of optional keys, each with a builder method.
///
/// `set` is a value, `null` a value that the second method removes, `list` a list.
macro_rules! patch_struct {
    ($(#[$doc:meta])* $name:ident, $schema:literal {
        $($(#[$about:meta])* $mode:ident $key:ident: $kind:ty $(, $none:ident)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(
            feature = "openapi",
            derive(schemars::JsonSchema),
            schemars(transform = $name::forbid_nulls, rename = $schema)
        )]
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

            #[cfg(feature = "openapi")]
            fn forbid_nulls(schema: &mut schemars::Schema) {
                $(patch_struct!(@forbid_null schema $mode $key);)*
            }
        }
    };
    (@forbid_null $schema:ident set $key:ident) => {
        crate::model::patch_struct::forbid_null($schema, stringify!($key))
    };
    (@forbid_null $schema:ident list $key:ident) => {
        crate::model::patch_struct::forbid_null($schema, stringify!($key))
    };
    (@forbid_null $schema:ident $mode:ident $key:ident) => {};
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

/// Sets a field if its key is given.
pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Removes `null` from the schema of a key that may be missing, but not `null`. To a derive, both are an `Option`.
#[cfg(feature = "openapi")]
pub(crate) fn forbid_null(schema: &mut schemars::Schema, key: &str) {
    let property = schema.pointer_mut(&format!("/properties/{key}"));
    let Some(property) = property.and_then(serde_json::Value::as_object_mut) else {
        return;
    };
    if let Some(serde_json::Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [kind] = &types[..] {
            let kind = kind.clone();
            property.insert("type".to_owned(), kind);
        }
    }
    if let Some(serde_json::Value::Array(choices)) = property.shift_remove("anyOf") {
        let null = serde_json::json!({ "type": "null" });
        for choice in choices.into_iter().filter(|choice| *choice != null) {
            property.extend(choice.as_object().cloned().unwrap_or_default());
        }
    }
}
