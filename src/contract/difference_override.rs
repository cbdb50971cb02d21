//! A single difference that follows a contract of its own: `scope-shape=live`.

use std::str::FromStr;

use serde::Deserialize;

use super::contracts::Contract;
use super::differences::Difference;

/// One `name=contract` pair as `--difference` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DifferenceOverride {
    /// The difference that is set apart.
    pub difference: Difference,
    /// The contract that it follows.
    pub contract: Contract,
}

impl FromStr for DifferenceOverride {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, contract) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} is not NAME=CONTRACT, for example scope-shape=live")
        })?;
        Ok(Self {
            difference: name.trim().parse()?,
            contract: contract.trim().parse()?,
        })
    }
}

impl<'de> Deserialize<'de> for DifferenceOverride {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::DIFFERENCES;

    #[test]
    fn a_printed_difference_can_be_parsed() {
        for difference in DIFFERENCES.iter().map(|entry| entry.difference) {
            for contract in Contract::ALL {
                let apart = DifferenceOverride {
                    difference,
                    contract,
                };
                for text in [
                    format!("{difference}={contract}"),
                    format!(" {difference} = {contract} "),
                ] {
                    assert_eq!(text.parse(), Ok(apart), "{text}");
                }
                let json = serde_json::to_string(&(difference, contract)).unwrap();
                assert_eq!(
                    serde_json::from_str::<(Difference, Contract)>(&json).unwrap(),
                    (difference, contract)
                );
            }
        }
    }
}
