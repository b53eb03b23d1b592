//! The workloads of the Rust peers: everything but HTTP.

mod dataset;
mod digest;
mod options;
mod query;
mod run_loop;

pub use dataset::{Dataset, DatasetError};
pub use options::Options;
pub use query::{BadQuery, LoopArguments, RecordArguments, loop_arguments, no_parameters};
pub use run_loop::run_loop;

pub const WELCOME: &str = "Welcome!\n";
