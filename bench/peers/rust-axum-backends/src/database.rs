//! The routes below /db, by sqlx: statements are prepared once on a connection, rows come in PostgreSQL's binary format.

use std::str::FromStr;
use std::time::Duration;

use restmark_workloads::{Record, with_user_in_query};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::fault::Fault;
use crate::store::{Owned, Store, arranged, counted_up};

const ONE: &str = "SELECT id, name, description, type, count, created_at FROM record WHERE id = $1";
const MANY: &str =
    "SELECT id, name, description, type, count, created_at FROM record WHERE id = ANY($1)";
const SEARCH: &str = "SELECT r.id, r.name, r.description, r.type, r.count, r.created_at, o.name FROM record r JOIN owner o ON o.id = r.owner_id WHERE r.category = $1 ORDER BY r.created_at DESC, r.id DESC LIMIT $2";
const LOCKED: &str =
    "SELECT id, name, description, type, count, created_at FROM record WHERE id = $1 FOR UPDATE";
const UPDATE: &str = "UPDATE record SET count = $2 WHERE id = $1";

/// How long a request waits for a connection: also how long until it is told that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

type Row = (i64, String, String, String, i64, f64);

#[derive(Clone)]
pub struct Database {
    pub pool: PgPool,
}

impl Database {
    /// Opens all connections. Where the database is away this is told, and they are opened when a request needs them.
    pub async fn open(url: &str, connections: u32) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(&with_user_in_query(url))?;
        let pool = PgPoolOptions::new()
            .min_connections(connections)
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // One more round trip for each request. A connection that broke is found out by the request that uses it.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let mut opened = Vec::new();
        for _ in 0..connections {
            match pool.acquire().await {
                Ok(connection) => opened.push(connection),
                Err(error) => {
                    eprintln!("rust-axum-backends: the database is away: {error}");
                    break;
                }
            }
        }
        drop(opened);
        Ok(Self { pool })
    }
}

fn record(row: Row) -> Record {
    let (id, name, description, r#type, count, created_at) = row;
    Record {
        id,
        name,
        description,
        r#type,
        count,
        created_at,
    }
}

impl Store for Database {
    async fn one(&self, id: i64) -> Result<Record, Fault> {
        let row: Option<Row> = sqlx::query_as(ONE)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(record).ok_or(Fault::NoRow)
    }

    async fn many(&self, ids: &[i64]) -> Result<Vec<Record>, Fault> {
        let rows: Vec<Row> = sqlx::query_as(MANY).bind(ids).fetch_all(&self.pool).await?;
        arranged(ids, rows.into_iter().map(record).collect())
    }

    async fn search(&self, category: &str, limit: i64) -> Result<Vec<Owned>, Fault> {
        let rows: Vec<(i64, String, String, String, i64, f64, String)> = sqlx::query_as(SEARCH)
            .bind(category)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        let owned = |(id, name, description, r#type, count, created_at, owner)| Owned {
            id,
            name,
            description,
            r#type,
            count,
            created_at,
            owner,
        };
        Ok(rows.into_iter().map(owned).collect())
    }

    async fn update(&self, id: i64) -> Result<Record, Fault> {
        let mut transaction = self.pool.begin().await?;
        let row: Option<Row> = sqlx::query_as(LOCKED)
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            transaction.rollback().await?;
            return Err(Fault::NoRow);
        };
        let mut found = record(row);
        found.count = counted_up(found.count);
        sqlx::query(UPDATE)
            .bind(id)
            .bind(found.count)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(found)
    }
}
