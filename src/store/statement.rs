//! SQL statements with their values, and the batcher that joins similar ones.
//!
//! Passing a statement to SQLite's thread and back takes longer than running it, so that several run as one.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// At most this many statements are joined.
const MAX_REPEATS: usize = 16;

/// One SQL statement with its values. It must succeed whatever the file contains, so that it can be repeated.
#[derive(Debug)]
pub(crate) struct Statement {
    sql: &'static str,
    values: Vec<Value>,
    /// A hash of the single row that it writes or removes. A collision only preserves an order.
    row: Option<u64>,
}

/// A column's value.
#[derive(Debug, Hash)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(Arc<str>),
    Bytes(Box<[u8]>),
}

impl Statement {
    /// The SQL has a `?` for each value.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            values: Vec::with_capacity(sql.matches('?').count()),
            row: None,
        }
    }

    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Marks this statement as one that only writes or removes the row of this table that the values so far identify, so that
    /// it may change places with statements for other rows. `SQLx` numbers the values of all that is put together: its `?`
    /// have no numbers of their own.
    pub(crate) fn for_row(self, table: &str) -> Self {
        debug_assert!(!has_names(self.sql), "{:?} names its values", self.sql);
        let mut hasher = DefaultHasher::new();
        (table, &self.values).hash(&mut hasher);
        Self {
            row: Some(hasher.finish()),
            ..self
        }
    }
}

/// Whether it has values that are not a bare `?`.
fn has_names(sql: &str) -> bool {
    let mut after = sql.split('?').skip(1);
    let is_numbered = after.any(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    is_numbered || sql.contains(['$', ':', '@'])
}

macro_rules! value_from {
    ($($kind:ty: $given:ident => $value:expr;)*) => {$(
        impl From<$kind> for Value {
            fn from($given: $kind) -> Self {
                $value
            }
        }
    )*};
}

value_from! {
    i64: number => Self::Integer(number);
    u32: number => Self::Integer(number.into());
    bool: truth => Self::Integer(truth.into());
    Timestamp: moment => Self::Integer(moment.0);
    UserId: id => Self::Integer(id.0);
    &str: text => Self::Text(text.into());
    String: text => Self::Text(text.into());
    &String: text => Self::Text(text.as_str().into());
    &Arc<str>: text => Self::Text(Arc::clone(text));
    &ClientId: id => Self::Text(id.as_str().into());
    &[u8]: bytes => Self::Bytes(bytes.into());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One or more statements that SQLite runs at once.
pub(crate) struct Query {
    pub(crate) sql: SqlStr,
    pub(crate) values: SqliteArguments,
}

impl Query {
    /// A query without values.
    pub(crate) fn new(sql: String) -> Self {
        Self {
            sql: AssertSqlSafe(sql).into_sql_str(),
            values: SqliteArguments::default(),
        }
    }
}

/// Joins equal statements, and preserves the order of those that concern the same row.
#[derive(Debug, Default)]
pub(crate) struct StatementBatcher {
    /// A statement with the number of its repetitions.
    repeated: HashMap<(&'static str, usize), Arc<str>>,
}

impl StatementBatcher {
    /// The queries that run these statements.
    pub(crate) fn queries(&mut self, statements: &[Statement]) -> Vec<Query> {
        let mut queries = Vec::new();
        for equal in sorted(statements) {
            let mut rest = &equal[..];
            for length in powers_of_two(equal.len()) {
                let (piece, others) = rest.split_at(length);
                queries.push(self.query(piece));
                rest = others;
            }
        }
        queries
    }

    /// One query of equal statements.
    fn query(&mut self, equal: &[&Statement]) -> Query {
        let sql = if let [one] = equal {
            one.sql.into_sql_str()
        } else {
            let repeated = self.repeated.entry((equal[0].sql, equal.len()));
            let sql = repeated.or_insert_with(|| {
                let all: Vec<&str> = equal.iter().map(|one| one.sql).collect();
                all.join(";").into()
            });
            AssertSqlSafe(Arc::clone(sql)).into_sql_str()
        };
        let mut values = SqliteArguments::default();
        for value in equal.iter().flat_map(|one| &one.values) {
            let added = match value {
                Value::Null => values.add(None::<i64>),
                Value::Integer(number) => values.add(*number),
                Value::Text(text) => values.add(Arc::clone(text)),
                Value::Bytes(bytes) => values.add(&**bytes),
            };
            added.expect("numbers, text and bytes are columns as they are");
        }
        Query { sql, values }
    }
}

/// Groups equal statements. Only statements of single rows change places, and never with one of the same row.
fn sorted(statements: &[Statement]) -> Vec<Vec<&Statement>> {
    let mut sorted: Vec<Vec<&Statement>> = Vec::new();
    // Groups before this one are complete.
    let mut open_from = 0;
    let mut rows = HashSet::new();
    for statement in statements {
        let Some(row) = statement.row else {
            sorted.push(vec![statement]);
            open_from = sorted.len();
            rows.clear();
            continue;
        };
        if !rows.insert(row) {
            open_from = sorted.len();
            rows.clear();
            rows.insert(row);
        }
        let mut open = sorted[open_from..].iter_mut();
        match open.find(|equal| equal[0].sql == statement.sql) {
            Some(equal) => equal.push(statement),
            None => sorted.push(vec![statement]),
        }
    }
    sorted
}

/// Powers of two that add up to this. There are few different ones, so that prepared queries are found in the cache.
fn powers_of_two(mut length: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (1 << length.checked_ilog2()?).min(MAX_REPEATS);
        length -= next;
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sql: &'static str, row: Option<&str>) -> Statement {
        let statement = Statement::new(sql);
        match row {
            Some(row) => statement.for_row(row),
            None => statement,
        }
    }

    fn order(statements: &[Statement]) -> Vec<String> {
        StatementBatcher::default()
            .queries(statements)
            .into_iter()
            .map(|query| query.sql.as_str().to_owned())
            .collect()
    }

    #[test]
    fn equal_statements_run_as_one_query() {
        let statements = [
            one("put", Some("a")),
            one("cut", Some("b")),
            one("put", Some("c")),
            one("cut", Some("d")),
            one("put", Some("e")),
        ];
        assert_eq!(order(&statements), ["put;put", "put", "cut;cut"]);
    }

    #[test]
    fn statements_of_one_row_or_of_many_rows_keep_their_order() {
        let statements = [
            one("put", Some("a")),
            one("cut", Some("b")),
            one("put", Some("b")),
            one("all", None),
            one("put", Some("c")),
            one("all", None),
        ];
        assert_eq!(
            order(&statements),
            ["put", "cut", "put", "all", "put", "all"]
        );
    }

    #[test]
    fn many_statements_are_split_into_powers_of_two() {
        let lengths = |length| powers_of_two(length).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0_usize; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(39), [16, 16, 4, 2, 1]);
    }
}
