//! `buzz.getUserAccount` and `buzz.getBuzzAccount`: what the user has to spend.

use serde_json::{Map, Value, json};

use super::caller::Caller;
use crate::model::account::{Account, Currency};
use crate::oauth::extract::Context;
use crate::store::StoreError;

/// Every account, with what has ever come in.
pub(super) async fn user_account(context: &Context, caller: &Caller) -> Result<Value, StoreError> {
    let accounts = accounts(context, caller).await?;
    let rows = Currency::ALL.into_iter().map(|currency| {
        let account = of(&accounts, currency);
        json!({
            "id": caller.user.id,
            "balance": account.balance,
            "lifetimeBalance": account.lifetime_balance,
            "accountType": currency,
        })
    });
    Ok(rows.collect())
}

/// The balances by name.
pub(super) async fn buzz_account(context: &Context, caller: &Caller) -> Result<Value, StoreError> {
    let accounts = accounts(context, caller).await?;
    let balance = |currency: Currency| {
        let balance = of(&accounts, currency).balance;
        (currency.name().to_owned(), balance.into())
    };
    let balances: Map<String, Value> = Currency::PAYING.into_iter().map(balance).collect();
    Ok(balances.into())
}

async fn accounts(context: &Context, caller: &Caller) -> Result<Vec<Account>, StoreError> {
    let sandbox = &context.sandbox;
    sandbox
        .store
        .accounts(sandbox.world(), caller.user.id)
        .await
}

fn of(accounts: &[Account], currency: Currency) -> Account {
    let found = accounts.iter().find(|one| one.currency == currency);
    found.copied().unwrap_or(Account {
        currency,
        balance: 0,
        lifetime_balance: 0,
    })
}
