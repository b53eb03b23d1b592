//! What the driver and the ORM have in common.

use std::collections::HashMap;
use std::future::Future;

use restmark_workloads::Record;
use serde::Serialize;

use crate::fault::Fault;

const COUNT_MODULUS: i64 = 1_000_000;

/// A record with the name of its owner.
#[derive(Serialize)]
pub struct Owned {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub r#type: String,
    pub count: i64,
    pub created_at: f64,
    pub owner: String,
}

/// What both do each in their own way. A key without a row is Fault::NoRow.
pub trait Store: Clone + Send + Sync + 'static {
    fn one(&self, id: i64) -> impl Future<Output = Result<Record, Fault>> + Send;
    /// The rows of the keys in their order; the same key may be there several times.
    fn many(&self, ids: &[i64]) -> impl Future<Output = Result<Vec<Record>, Fault>> + Send;
    fn search(
        &self,
        category: &str,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Owned>, Fault>> + Send;
    /// Counts the row up in a transaction, and returns it as it is then.
    fn update(&self, id: i64) -> impl Future<Output = Result<Record, Fault>> + Send;
}

pub fn counted_up(count: i64) -> i64 {
    count.wrapping_add(1) % COUNT_MODULUS
}

/// The rows of the keys in the order of ids.
pub fn arranged(ids: &[i64], found: Vec<Record>) -> Result<Vec<Record>, Fault> {
    let by_id: HashMap<i64, Record> = found.into_iter().map(|row| (row.id, row)).collect();
    ids.iter()
        .map(|id| by_id.get(id).cloned().ok_or(Fault::NoRow))
        .collect()
}
