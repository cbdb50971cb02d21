//! Tests of the pages: sign-in, consent, account, device, and those below `/_mock`.

mod account;
mod account_budgets;
mod api_reference;
mod consent;
mod consent_gallery;
mod console;
mod device;
mod events;
mod every_page;
mod findings;
mod first_sign_in;
mod keyboard;
mod live_console;
mod live_list;
mod llms;
mod login;
mod playground;
mod playground_steps;
mod rendering;
mod replay;
mod request_list;
mod requests;
mod site_pages;
mod state;
mod unlock;
