//! The `accounts` table: the balances of users, one row per user and kind of buzz.

use super::sql::{TableSql, table_sql};
use super::table::{Row, Table};
use crate::model::account::{Account, Currency, Payment};
use crate::model::user::Buzz;
use crate::protocol::ids::UserId;
use crate::store::columns::{amount, currency, integer};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

impl Row for Account {
    type Key = (UserId, Currency);
    type Index = ();

    const SQL: TableSql = table_sql!(
        "accounts",
        key: "user_id, currency" = "?, ?",
        columns: "balance, lifetime_balance" = "?, ?",
        bytes: "0"
    );

    /// They are counted with their user.
    fn size_in_bytes(&self) -> usize {
        0
    }

    fn bind_key(&self, (user, currency): &Self::Key, statement: Statement) -> Statement {
        statement.bind(*user).bind(currency.name())
    }

    fn bind_columns(&self, _: &Self::Key, statement: Statement) -> Statement {
        statement
            .bind(integer(self.balance))
            .bind(integer(self.lifetime_balance))
    }

    fn read(row: &SqliteRow) -> Result<(Self::Key, Self), StoreError> {
        let account = Self {
            currency: currency(row)?,
            balance: amount(row, "balance")?,
            lifetime_balance: amount(row, "lifetime_balance")?,
        };
        Ok(((row.try_get("user_id")?, account.currency), account))
    }
}

impl Table<Account> {
    /// Opens the accounts that a user does not have yet. Existing accounts do not change: some of their buzz may be spent.
    pub(crate) fn open(&mut self, user: UserId, mut buzz: Buzz, batch: &mut WriteBatch<'_>) {
        for currency in Currency::ALL {
            if !self.contains_key(&(user, currency)) {
                let balance = *place(&mut buzz, currency);
                let account = Account {
                    currency,
                    balance,
                    lifetime_balance: balance,
                };
                self.put((user, currency), account, batch);
            }
        }
    }

    /// Sets a user's balances. An increase counts as income.
    pub(crate) fn set(&mut self, user: UserId, mut buzz: Buzz, batch: &mut WriteBatch<'_>) {
        self.open(user, Buzz::default(), batch);
        for currency in Currency::ALL {
            self.change(&(user, currency), batch, |account| {
                let balance = *place(&mut buzz, currency);
                let income = balance.saturating_sub(account.balance);
                account.lifetime_balance = account.lifetime_balance.saturating_add(income);
                account.balance = balance;
            });
        }
    }

    /// A user's accounts.
    pub(crate) fn list(&self, user: UserId) -> Vec<Account> {
        let all = Currency::ALL.into_iter();
        all.filter_map(|currency| self.get(&(user, currency)).copied())
            .collect()
    }

    /// A user's balances.
    pub(crate) fn buzz(&self, user: UserId) -> Buzz {
        let mut buzz = Buzz::default();
        for account in self.list(user) {
            *place(&mut buzz, account.currency) = account.balance;
        }
        buzz
    }

    /// Takes a payment from an account, which has enough.
    pub(crate) fn take(&mut self, user: UserId, payment: Payment, batch: &mut WriteBatch<'_>) {
        self.change(&(user, payment.currency), batch, |account| {
            account.balance = account.balance.saturating_sub(payment.amount);
        });
    }

    /// Returns a payment to an account. It is not income: the lifetime balance does not change.
    pub(crate) fn give_back(&mut self, user: UserId, payment: Payment, batch: &mut WriteBatch<'_>) {
        self.change(&(user, payment.currency), batch, |account| {
            account.balance = account.balance.saturating_add(payment.amount);
        });
    }

    /// Removes a user's accounts.
    pub(crate) fn close(&mut self, user: UserId, batch: &mut WriteBatch<'_>) {
        for currency in Currency::ALL {
            self.remove(&(user, currency), batch);
        }
    }
}

fn place(buzz: &mut Buzz, currency: Currency) -> &mut u64 {
    match currency {
        Currency::Yellow => &mut buzz.yellow,
        Currency::Blue => &mut buzz.blue,
        Currency::Green => &mut buzz.green,
    }
}
