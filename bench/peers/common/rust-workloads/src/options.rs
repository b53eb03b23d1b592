use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpSocket};

const BACKLOG: u32 = 1024; // as tokio and actix have it

/// The command line of a peer.
#[derive(clap::Parser)]
pub struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Let others listen at the same address, too (SO_REUSEPORT)
    #[arg(long)]
    pub reuse_port: bool,
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

    /// Listens, within tokio's runtime. Others may do so at the same address only if both have the option.
    pub fn bind(&self) -> io::Result<TcpListener> {
        let socket = if self.listen.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(self.reuse_port)?;
        socket.bind(self.listen)?;
        socket.listen(BACKLOG)
    }
}
