//! Redis, by redis-rs: one connection, on which the commands of all requests follow each other, and which is opened anew when it is lost.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use restmark_workloads::{Record, decode};

use crate::fault::Fault;

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Cache {
    connection: ConnectionManager,
}

impl Cache {
    /// Opens the connection. Where the cache is away this is told, and it is opened when a request needs it.
    pub async fn open(url: &str) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let client = redis::Client::open(url)?;
        let mut connection = ConnectionManager::new_lazy_with_config(client, config)?;
        let answer: Result<String, _> = redis::cmd("PING").query_async(&mut connection).await;
        if let Err(error) = answer {
            eprintln!("rust-axum-backends: the cache is away: {error}");
        }
        Ok(Self { connection })
    }

    /// The records of the keys, decoded from what one MGET answers.
    pub async fn records(&self, keys: &[String]) -> Result<Vec<Record>, Fault> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection.clone();
        let values: Vec<Option<Vec<u8>>> = redis::cmd("MGET")
            .arg(keys)
            .query_async(&mut connection)
            .await?;
        let encoded: Vec<Vec<u8>> = values
            .into_iter()
            .zip(keys)
            .map(|(value, key)| value.ok_or_else(|| Fault::internal(format!("{key} is missing"))))
            .collect::<Result<_, _>>()?;
        decode(&encoded).map_err(Fault::internal)
    }
}
