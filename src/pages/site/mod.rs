//! Pages for users of Civitai: sign-in, consent, device, account.

pub(crate) mod account;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod layout;
pub(crate) mod login;
