//! Pages that users of Civitai see: sign-in, consent, device, account.

pub(crate) mod account;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod login;
