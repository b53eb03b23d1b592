use std::net::SocketAddr;
use std::path::PathBuf;

/// The command line of a peer.
#[derive(clap::Parser)]
pub struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Threads that serve requests
    #[arg(long, default_value = "1")]
    pub workers: std::num::NonZeroUsize,
    /// File with the records
    #[arg(long)]
    pub dataset: PathBuf,
}

impl Options {
    /// Parses the command line; ends the process with a message when it is wrong.
    pub fn from_command_line() -> Self {
        clap::Parser::parse()
    }
}
