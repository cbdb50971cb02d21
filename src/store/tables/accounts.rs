//! The `accounts` table: the balances of users, one row per user and kind of buzz.

use crate::model::account::{Account, Currency, Payment};
use crate::model::user::Buzz;
use crate::protocol::ids::UserId;
use crate::store::columns::{amount, currency_named, integer};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// Every account of a sandbox, by user.
#[derive(Debug, Default, Clone)]
pub(crate) struct AccountTable(HashMap<UserId, [Account; 3]>);

impl AccountTable {
    /// Opens the accounts of a user who has none yet. Existing accounts do not change: some of their buzz may be spent.
    pub(crate) fn open(&mut self, user: UserId, buzz: Buzz) {
        self.0.entry(user).or_insert_with(|| {
            Currency::ALL.map(|currency| Account {
                currency,
                balance: on(buzz, currency),
                lifetime_balance: on(buzz, currency),
            })
        });
    }

    /// Sets a user's balances. An increase counts as income.
    pub(crate) fn set(&mut self, user: UserId, buzz: Buzz) {
        self.open(user, Buzz::default());
        for account in self.0.get_mut(&user).into_iter().flatten() {
            let balance = on(buzz, account.currency);
            let income = balance.saturating_sub(account.balance);
            account.lifetime_balance = account.lifetime_balance.saturating_add(income);
            account.balance = balance;
        }
    }

    /// A user's accounts.
    pub(crate) fn list(&self, user: UserId) -> Vec<Account> {
        self.0
            .get(&user)
            .map(|all| all.to_vec())
            .unwrap_or_default()
    }

    /// A user's balances.
    pub(crate) fn buzz(&self, user: UserId) -> Buzz {
        let mut buzz = Buzz::default();
        for account in self.0.get(&user).into_iter().flatten() {
            *place(&mut buzz, account.currency) = account.balance;
        }
        buzz
    }

    /// Takes a payment from an account, which has enough.
    pub(crate) fn take(&mut self, user: UserId, payment: Payment) {
        let accounts = self.0.get_mut(&user).into_iter().flatten();
        for account in accounts.filter(|account| account.currency == payment.currency) {
            account.balance = account.balance.saturating_sub(payment.amount);
        }
    }

    /// Returns buzz to an account. It is not income: the lifetime balance does not change.
    pub(crate) fn give_back(&mut self, user: UserId, currency: Currency, amount: u64) {
        let accounts = self.0.get_mut(&user).into_iter().flatten();
        for account in accounts.filter(|account| account.currency == currency) {
            account.balance = account.balance.saturating_add(amount);
        }
    }

    /// Adds the statement that stores a user's accounts.
    pub(crate) fn save(&self, user: UserId, batch: &mut WriteBatch<'_>) {
        if let Some(accounts) = self.0.get(&user) {
            batch.push(|key| put(key, user, accounts));
        }
    }

    pub(crate) fn close(&mut self, user: UserId) {
        self.0.remove(&user);
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<(UserId, String, i64, i64)> = sqlx::query_as(
            "select user_id, currency, balance, lifetime_balance from accounts where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut accounts = Self::default();
        for (user, currency, balance, lifetime_balance) in rows {
            let currency = currency_named(&currency)?;
            accounts.open(user, Buzz::default());
            let of_user = accounts.0.get_mut(&user).into_iter().flatten();
            for account in of_user.filter(|account| account.currency == currency) {
                account.balance = amount(balance)?;
                account.lifetime_balance = amount(lifetime_balance)?;
            }
        }
        Ok(accounts)
    }
}

fn place(buzz: &mut Buzz, currency: Currency) -> &mut u64 {
    match currency {
        Currency::Yellow => &mut buzz.yellow,
        Currency::Blue => &mut buzz.blue,
        Currency::Green => &mut buzz.green,
    }
}

fn on(mut buzz: Buzz, currency: Currency) -> u64 {
    *place(&mut buzz, currency)
}

/// Replaces every account of a user.
fn put(key: &str, user: UserId, accounts: &[Account; 3]) -> Statement {
    let statement = Statement::new(
        "insert or replace into accounts (sandbox, user_id, currency, balance, lifetime_balance)
         values (?1, ?2, ?3, ?4, ?5), (?1, ?2, ?6, ?7, ?8), (?1, ?2, ?9, ?10, ?11)",
    );
    let start = statement.bind(key).bind(user);
    accounts.iter().fold(start, |statement, account| {
        statement
            .bind(account.currency.name())
            .bind(integer(account.balance))
            .bind(integer(account.lifetime_balance))
    })
}

pub(crate) fn delete(key: &str, user: UserId) -> Statement {
    Statement::new("delete from accounts where sandbox = ? and user_id = ?")
        .bind(key)
        .bind(user)
}
