//! The table of all rules.

use super::rule::Rule;
use super::{
    access, codes, contracts, parameters, pkce, polling, redirects, refresh, retries, scopes,
    secrets,
};

/// Every rule, family by family.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    let families: [&'static [Rule]; 11] = [
        pkce::RULES,
        codes::RULES,
        refresh::RULES,
        access::RULES,
        secrets::RULES,
        scopes::RULES,
        polling::RULES,
        retries::RULES,
        redirects::RULES,
        parameters::RULES,
        contracts::RULES,
    ];
    families.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rules_have_one_name_and_each_names_its_source() {
        let mut ids: Vec<&str> = rules().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for rule in rules() {
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
        }
    }
}
