//! A patch of settings, stored and read again, stays the same.

use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::contract::DIFFERENCES;

fn patches() -> impl Strategy<Value = SettingsPatch> {
    let contract = || proptest::sample::select(&Contract::ALL[..]);
    let difference = (0..DIFFERENCES.len()).prop_map(|at| DIFFERENCES[at].difference);
    let differences = proptest::collection::btree_map(difference, option::of(contract()), 0..4);
    let user = prop_oneof![
        any::<i64>().prop_map(UserRef::Id),
        "[a-z][a-z0-9]{0,8}".prop_map(UserRef::Name)
    ];
    let consent = prop_oneof![
        Just(ConsentMode::Ask),
        Just(ConsentMode::Approve),
        Just(ConsentMode::Deny)
    ];
    let numbers = || option::of(any::<u32>());
    let seconds = || option::of(any::<u32>().prop_map(Seconds));
    let lives = (
        seconds(),
        seconds(),
        option::of(seconds()),
        numbers(),
        seconds(),
    );
    let rest = (
        option::of(option::of(user)),
        option::of(consent),
        option::of(any::<bool>()),
    );
    (option::of(contract()), option::of(differences), lives, rest).prop_map(
        |(contract, differences, lives, (login, consent, rate_limits))| SettingsPatch {
            contract,
            differences,
            scopes: None,
            rate_limits,
            login,
            consent,
            access_token_seconds: lives.0,
            refresh_token_seconds: lives.1,
            code_seconds: lives.2,
            unknown_clients: rate_limits.map(|_| UnknownClients::Register),
            reason_headers: rate_limits,
            workflow_cost: lives.3,
            workflow_seconds: lives.4,
        },
    )
}

proptest! {
    #[test]
    fn stored_patch_is_read_unchanged(patch in patches()) {
        match patch.to_text() {
            None => prop_assert_eq!(patch, SettingsPatch::default()),
            Some(text) => prop_assert_eq!(SettingsPatch::from_text(&text).unwrap(), patch),
        }
    }

    #[test]
    fn shown_settings_are_read_unchanged(patch in patches()) {
        let settings = Settings::default().patched(patch);
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }
}
