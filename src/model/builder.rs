//! Builder methods: each sets one field of a struct and returns the struct.

/// Declares builder methods. `name(argument: Type) { field = value }`
macro_rules! builder {
    ($kind:ident { $(
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty),*) { $($field:ident).+ = $value:expr }
    )* }) => {
        impl $kind {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self $(, $argument: $type)*) -> Self {
                    self.$($field).+ = $value;
                    self
                }
            )*
        }
    };
}

pub(crate) use builder;
