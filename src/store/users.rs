//! The `users` table, and the view `people`: users with what is on their accounts now.

use sqlx::SqliteExecutor;

use super::{Store, StoreError, accounts, from_json, to_json};
use crate::model::user::{Buzz, User, UserRef};
use crate::protocol::ids::UserId;

/// Puts a user in place of the one with the same id.
pub(super) async fn put(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    user: &User,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into users (sandbox, id, username, deleted, document) values (?, ?, ?, ?, ?)
         on conflict (sandbox, id) do update set
             username = excluded.username, deleted = excluded.deleted, document = excluded.document",
    )
    .bind(sandbox)
    .bind(user.id)
    .bind(&user.username)
    .bind(user.deleted)
    .bind(to_json(user))
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Puts a user in place of the one with the same id, with so much on their accounts where that is given.
    pub(crate) async fn put_user(
        &self,
        sandbox: &str,
        user: &User,
        buzz: Option<Buzz>,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        put(&mut *tx, sandbox, user).await?;
        if let Some(buzz) = buzz {
            accounts::set(&mut *tx, sandbox, user.id, buzz).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A user by id or by username, deleted or not.
    pub(crate) async fn find_user(
        &self,
        sandbox: &str,
        named: &UserRef,
    ) -> Result<Option<User>, StoreError> {
        let query = match named {
            // Digits may be a name too; an id goes first.
            UserRef::Id(id) => sqlx::query_scalar(
                "select document from people where sandbox = ?1 and (id = ?2 or username = ?3)
                 order by id = ?2 desc limit 1",
            )
            .bind(sandbox)
            .bind(*id)
            .bind(id.to_string()),
            UserRef::Name(name) => {
                sqlx::query_scalar("select document from people where sandbox = ? and username = ?")
                    .bind(sandbox)
                    .bind(name.clone())
            }
        };
        let found: Option<String> = query.fetch_optional(&self.pool).await?;
        found
            .map(|document| from_json("user", &document))
            .transpose()
    }

    /// Every user, by id.
    pub(crate) async fn list_users(&self, sandbox: &str) -> Result<Vec<User>, StoreError> {
        let documents: Vec<String> =
            sqlx::query_scalar("select document from people where sandbox = ? order by id")
                .bind(sandbox)
                .fetch_all(&self.pool)
                .await?;
        documents
            .iter()
            .map(|document| from_json("user", document))
            .collect()
    }

    /// Puts a user in who is not there yet; without an id of their own, under the next free one. Nothing where
    /// the id or the username is taken: of many who take it at once, one gets it.
    pub(crate) async fn insert_user(
        &self,
        sandbox: &str,
        mut user: User,
        with_own_id: bool,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        if !with_own_id {
            let id =
                sqlx::query_scalar("select coalesce(max(id), 0) + 1 from users where sandbox = ?")
                    .bind(sandbox)
                    .fetch_one(&mut *tx)
                    .await?;
            user.id = UserId(id);
        }
        let done = sqlx::query(
            "insert into users (sandbox, id, username, deleted, document) values (?, ?, ?, ?, ?)
             on conflict do nothing",
        )
        .bind(sandbox)
        .bind(user.id)
        .bind(&user.username)
        .bind(user.deleted)
        .bind(to_json(&user))
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        accounts::open(&mut *tx, sandbox, user.id, user.buzz).await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Removes a user with all that is theirs. Whether there was one.
    pub(crate) async fn delete_user(&self, sandbox: &str, id: UserId) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        for statement in [
            "delete from sessions where sandbox = ? and user_id = ?",
            "delete from consents where sandbox = ? and user_id = ?",
            "delete from codes where sandbox = ? and user_id = ?",
            "delete from tokens where sandbox = ? and user_id = ?",
            "delete from accounts where sandbox = ? and user_id = ?",
            "delete from spends where sandbox = ? and user_id = ?",
            "delete from workflows where sandbox = ? and user_id = ?",
        ] {
            sqlx::query(statement)
                .bind(sandbox)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        let done = sqlx::query("delete from users where sandbox = ? and id = ?")
            .bind(sandbox)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}
