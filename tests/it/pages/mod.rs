//! Tests of the pages: sign-in, consent, account, device, and those below `/_mock`.

mod account;
mod account_budgets;
mod consent;
mod consent_gallery;
mod dashboard;
mod device;
mod every_page;
mod keyboard;
mod llms;
mod login;
mod playground;
mod rendering;
mod site_pages;
mod unlock;
