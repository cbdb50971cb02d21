//! Tests of the control API below `/_mock`.

mod access_guard;
mod clients_and_users;
mod clock;
mod fault_checks;
mod fault_effects;
mod fault_presets;
mod faults;
mod grants;
mod input_numbers;
mod journal;
mod long_lists;
mod openapi;
mod refusal_hints;
mod requests;
mod reset_isolation;
mod sandbox_creation;
mod sandbox_isolation;
mod sandboxes;
mod schemas;
mod sessions;
mod settings;
mod snapshots;
mod tokens;
mod unknown_input;
mod user_references;
mod verify;
