//! The workloads of the Rust peers: everything but HTTP.

mod collections;
mod dataset;
mod digest;
mod options;
mod query;
mod run_loop;
mod store_query;
mod store_url;
mod validate;

pub use collections::COLLECTIONS;
pub use dataset::{Dataset, DatasetError, Record, decode};
pub use digest::Digest;
pub use options::Options;
pub use query::{
    BadQuery, LoopArguments, RecordArguments, loop_arguments, no_parameters, position,
    validate_count, wait_argument,
};
pub use run_loop::run_loop;
pub use store_query::{many_ids, one_id, search};
pub use store_url::with_user_in_query;
pub use validate::{BadBody, Incoming, MAX_BODY, Object, validate};

pub const WELCOME: &str = "Welcome!\n";
