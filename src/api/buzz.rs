//! `buzz.getUserAccount` and `buzz.getBuzzAccount`: the buzz accounts of the user.

use serde_json::{Map, Value, json};

use super::caller::Caller;
use crate::http::context::RequestContext;
use crate::model::account::{Account, Currency};

/// All accounts, with their lifetime income.
pub(super) fn user_account(context: &RequestContext, caller: &Caller) -> Value {
    let accounts = accounts(context, caller);
    let rows = Currency::ALL.into_iter().map(|currency| {
        let account = account_in(&accounts, currency);
        json!({
            "id": caller.user.id,
            "balance": account.balance,
            "lifetimeBalance": account.lifetime_balance,
            "accountType": currency,
        })
    });
    rows.collect()
}

/// The balances by currency.
pub(super) fn buzz_account(context: &RequestContext, caller: &Caller) -> Value {
    let accounts = accounts(context, caller);
    let balance = |currency: Currency| {
        let balance = account_in(&accounts, currency).balance;
        (currency.name().to_owned(), balance.into())
    };
    let balances: Map<String, Value> = Currency::PAYING.into_iter().map(balance).collect();
    balances.into()
}

fn accounts(context: &RequestContext, caller: &Caller) -> Vec<Account> {
    let sandbox = &context.sandbox;
    sandbox.data().accounts(caller.user.id)
}

fn account_in(accounts: &[Account], currency: Currency) -> Account {
    let found = accounts.iter().find(|one| one.currency == currency);
    found.copied().unwrap_or(Account {
        currency,
        balance: 0,
        lifetime_balance: 0,
    })
}
