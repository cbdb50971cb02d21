//! The `accounts` table: what users have to spend, one row per user and kind of buzz.

use sqlx::SqliteExecutor;

use super::{Store, StoreError, damaged};
use crate::model::account::{Account, Currency, Payment};
use crate::model::user::Buzz;
use crate::protocol::ids::UserId;

/// Opens the accounts of a user who has none yet.
pub(super) async fn open(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    user: UserId,
    buzz: Buzz,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into accounts (sandbox, user_id, currency, balance, lifetime_balance)
         values (?1, ?2, 'yellow', ?3, ?3), (?1, ?2, 'blue', ?4, ?4), (?1, ?2, 'green', ?5, ?5)
         on conflict (sandbox, user_id, currency) do nothing",
    )
    .bind(sandbox)
    .bind(user)
    .bind(integer(buzz.yellow))
    .bind(integer(buzz.blue))
    .bind(integer(buzz.green))
    .execute(db)
    .await?;
    Ok(())
}

/// Sets what is on a user's accounts. What is more than before has come in.
pub(super) async fn set(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    user: UserId,
    buzz: Buzz,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into accounts (sandbox, user_id, currency, balance, lifetime_balance)
         values (?1, ?2, 'yellow', ?3, ?3), (?1, ?2, 'blue', ?4, ?4), (?1, ?2, 'green', ?5, ?5)
         on conflict (sandbox, user_id, currency) do update set
             lifetime_balance = lifetime_balance + max(0, excluded.balance - balance),
             balance = excluded.balance",
    )
    .bind(sandbox)
    .bind(user)
    .bind(integer(buzz.yellow))
    .bind(integer(buzz.blue))
    .bind(integer(buzz.green))
    .execute(db)
    .await?;
    Ok(())
}

/// A user's accounts.
pub(super) async fn of_user(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    user: UserId,
) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "select currency, balance, lifetime_balance from accounts where sandbox = ? and user_id = ?",
    )
    .bind(sandbox)
    .bind(user)
    .fetch_all(db)
    .await?;
    let read = |(currency, balance, lifetime_balance): (String, i64, i64)| {
        Ok(Account {
            currency: currency_named(&currency)?,
            balance: amount(balance)?,
            lifetime_balance: amount(lifetime_balance)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Takes a payment from an account that has so much.
pub(super) async fn take(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    user: UserId,
    payment: Payment,
) -> Result<(), StoreError> {
    sqlx::query(
        "update accounts set balance = balance - ? where sandbox = ? and user_id = ? and currency = ?",
    )
    .bind(integer(payment.amount))
    .bind(sandbox)
    .bind(user)
    .bind(payment.currency.name())
    .execute(db)
    .await?;
    Ok(())
}

/// SQLite's integers are signed; no amount that can be said in JSON comes near their end.
pub(super) fn integer(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

pub(super) fn amount(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(|_| damaged("amount of buzz", &column))
}

pub(super) fn currency_named(name: &str) -> Result<Currency, StoreError> {
    Currency::named(name).ok_or_else(|| damaged("kind of buzz", &name))
}

impl Store {
    /// A user's accounts.
    pub(crate) async fn accounts(
        &self,
        sandbox: &str,
        user: UserId,
    ) -> Result<Vec<Account>, StoreError> {
        of_user(&self.pool, sandbox, user).await
    }
}
