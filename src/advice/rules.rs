//! The table of all rules.

use super::rule::AdviceRule;
use super::{
    access_tokens, codes, contracts, parameters, pkce, polling, rate_limits, redirects, refresh,
    scopes, secrets, state,
};

/// Every rule.
pub(crate) fn rules() -> impl Iterator<Item = &'static AdviceRule> {
    [
        pkce::RULES,
        state::RULES,
        codes::RULES,
        refresh::RULES,
        access_tokens::RULES,
        secrets::RULES,
        scopes::RULES,
        polling::RULES,
        rate_limits::RULES,
        redirects::RULES,
        parameters::RULES,
        contracts::RULES,
        contracts::OTHER_RULES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sources_are_links() {
        let mut ids: Vec<&str> = rules().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for rule in rules() {
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
        }
    }
}
