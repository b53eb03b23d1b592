//! What can go wrong with a request, and the answer to it.

use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use restmark_workloads::BadQuery;
use sea_orm::{DbErr, RuntimeErr};

pub enum Fault {
    Query(BadQuery),
    NoRow,
    /// A back end could not be reached, or broke off.
    Away(String),
    Internal(String),
}

impl Fault {
    pub fn internal(error: impl fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<BadQuery> for Fault {
    fn from(error: BadQuery) -> Self {
        Self::Query(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        of_database(&error)
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => of_database(cause),
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => Self::Away(error.to_string()),
            _ => Self::internal(error),
        }
    }
}

impl From<redis::RedisError> for Fault {
    fn from(error: redis::RedisError) -> Self {
        if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() {
            Self::Away(error.to_string())
        } else {
            Self::internal(error)
        }
    }
}

fn of_database(error: &sqlx::Error) -> Fault {
    let is_away = match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Connection exceptions, operator intervention, too many connections.
        sqlx::Error::Database(told) => told.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code == "53300"
        }),
        _ => false,
    };
    if is_away {
        Fault::Away(error.to_string())
    } else {
        Fault::internal(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Query(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
            Self::NoRow => (StatusCode::NOT_FOUND, "there is no such record").into_response(),
            Self::Away(cause) => {
                eprintln!("rust-axum-backends: {cause}");
                let retry = [(header::RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, retry, "a back end is away").into_response()
            }
            Self::Internal(cause) => {
                eprintln!("rust-axum-backends: {cause}");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
            }
        }
    }
}
