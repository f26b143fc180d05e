//! A statement with its values. Both databases know `$1`.

use sea_orm::{ConnectionTrait, DbErr, ExecResult, QueryResult, Statement, Value};

/// Text and values, put together piece by piece.
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn value(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        self.text.push_str(&format!("${}", self.values.len()));
    }

    /// Values with commas between.
    pub(super) fn list(&mut self, values: impl IntoIterator<Item = Value>) {
        for (n, value) in values.into_iter().enumerate() {
            self.text(if n == 0 { "" } else { ", " });
            self.value(value);
        }
    }

    /// One more condition.
    pub(super) fn and(&mut self, column_and_operator: &str, value: impl Into<Value>) {
        self.text(&format!(" and {column_and_operator} "));
        self.value(value);
    }

    fn statement<C: ConnectionTrait>(self, db: &C) -> Statement {
        Statement::from_sql_and_values(db.get_database_backend(), self.text, self.values)
    }

    pub(super) async fn run<C: ConnectionTrait>(self, tx: &C) -> Result<ExecResult, DbErr> {
        let statement = self.statement(tx);
        tx.execute_raw(statement).await
    }

    pub(super) async fn all<C: ConnectionTrait>(self, db: &C) -> Result<Vec<QueryResult>, DbErr> {
        let statement = self.statement(db);
        db.query_all_raw(statement).await
    }
}
