//! The routes below /orm, by SeaORM on sqlx's pool.

use restmark_workloads::Record;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, SqlxPostgresConnector, TransactionTrait,
};

use crate::database::Database;
use crate::entity::{owner, record};
use crate::fault::Fault;
use crate::store::{Owned, Store, arranged, counted_up};

#[derive(Clone)]
pub struct Orm {
    connection: DatabaseConnection,
}

impl Orm {
    /// An ORM on the driver's own pool.
    pub fn on(database: &Database) -> Self {
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(database.pool.clone());
        Self { connection }
    }
}

impl From<record::Model> for Record {
    fn from(model: record::Model) -> Self {
        Self {
            id: model.id,
            name: model.name,
            description: model.description,
            r#type: model.r#type,
            count: model.count,
            created_at: model.created_at,
        }
    }
}

fn owned((model, owner): (record::Model, Option<owner::Model>)) -> Result<Owned, Fault> {
    let owner = owner.ok_or_else(|| Fault::internal("a record without an owner"))?;
    Ok(Owned {
        id: model.id,
        name: model.name,
        description: model.description,
        r#type: model.r#type,
        count: model.count,
        created_at: model.created_at,
        owner: owner.name,
    })
}

impl Store for Orm {
    async fn one(&self, id: i64) -> Result<Record, Fault> {
        let found = record::Entity::find_by_id(id).one(&self.connection).await?;
        found.map(Record::from).ok_or(Fault::NoRow)
    }

    async fn many(&self, ids: &[i64]) -> Result<Vec<Record>, Fault> {
        let found = record::Entity::find()
            .filter(record::Column::Id.is_in(ids.iter().copied()))
            .all(&self.connection)
            .await?;
        arranged(ids, found.into_iter().map(Record::from).collect())
    }

    async fn search(&self, category: &str, limit: i64) -> Result<Vec<Owned>, Fault> {
        let found = record::Entity::find()
            .filter(record::Column::Category.eq(category))
            .order_by_desc(record::Column::CreatedAt)
            .order_by_desc(record::Column::Id)
            .limit(limit.unsigned_abs())
            .find_also_related(owner::Entity)
            .all(&self.connection)
            .await?;
        found.into_iter().map(owned).collect()
    }

    async fn update(&self, id: i64) -> Result<Record, Fault> {
        let transaction = self.connection.begin().await?;
        let found = record::Entity::find_by_id(id)
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let Some(found) = found else {
            transaction.rollback().await?;
            return Err(Fault::NoRow);
        };
        let count = counted_up(found.count);
        let mut changed: record::ActiveModel = found.into();
        changed.count = ActiveValue::Set(count);
        let written = changed.update(&transaction).await?;
        transaction.commit().await?;
        Ok(written.into())
    }
}
