//! restmark's workloads on bare hyper, as an expert ships them; README.md tells what each step brought.

mod answers;
mod records;
mod routes;
mod validate;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use restmark_workloads::Options;
use routes::Server;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

type Fault = Box<dyn Error + Send + Sync>;

/// A thread with an event loop of its own: what a connection needs is never passed to another thread.
struct Worker {
    connections: UnboundedSender<std::net::TcpStream>,
    thread: JoinHandle<Result<(), Fault>>,
}

impl Worker {
    fn start(server: &'static Server) -> Result<Self, Fault> {
        let (connections, accepted) = unbounded_channel();
        let runtime = event_loop()?;
        let work = move || runtime.block_on(serve(server, accepted));
        let thread = std::thread::Builder::new().spawn(work)?;
        Ok(Self {
            connections,
            thread,
        })
    }
}

fn event_loop() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Serves the connections until there will be no more, and then lets them end.
async fn serve(
    server: &'static Server,
    mut accepted: UnboundedReceiver<std::net::TcpStream>,
) -> Result<(), Fault> {
    let drained = GracefulShutdown::new();
    while let Some(stream) = accepted.recv().await {
        let answer =
            service_fn(
                move |request| async move { Ok::<_, Infallible>(server.answer(request).await) },
            );
        let stream = TokioIo::new(TcpStream::from_std(stream)?);
        // Without `pipeline_flush`: with it hyper copies each body behind its head, which costs more than it saves where bodies are large.
        let connection = http1::Builder::new().serve_connection(stream, answer);
        let connection = drained.watch(connection);
        // A connection's error means that the client broke it or the protocol; it is closed then.
        tokio::spawn(async move { drop(connection.await) });
    }
    tokio::time::timeout(DRAIN_TIMEOUT, drained.shutdown())
        .await
        .map_err(|_| "clients did not take their answers in time".into())
}

/// Accepts connections and gives them to the workers in turn, until a signal asks to stop.
async fn accept(options: &Options, workers: &[Worker]) -> Result<(), Fault> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = options.bind()?;
    for worker in workers.iter().cycle() {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("rust-hyper: accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await; // such as when there are no more descriptors
                    continue;
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        // Without it the end of a large body could wait for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        worker.connections.send(stream.into_std()?)?;
    }
    Ok(())
}

fn run() -> Result<(), Fault> {
    let options = Options::from_command_line();
    // Kept until the process ends, so that records may be views of it everywhere.
    let server: &'static Server = Box::leak(Box::new(Server::load(&options.dataset)?));
    let workers = (0..options.workers.get())
        .map(|_| Worker::start(server))
        .collect::<Result<Vec<_>, _>>()?;
    event_loop()?.block_on(accept(&options, &workers))?;
    for worker in workers {
        drop(worker.connections);
        worker
            .thread
            .join()
            .map_err(|_| "a worker ended too early")??;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-hyper: {error}");
            ExitCode::FAILURE
        }
    }
}
