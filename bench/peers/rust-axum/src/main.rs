//! restmark's workloads under axum, which is hyper with a router.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use restmark_workloads::{Dataset, Options, WELCOME, loop_arguments, no_parameters, run_loop};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

struct Shared {
    dataset: Dataset,
    full_json: Bytes,
}

type Fault = (StatusCode, String);

fn bad_request(error: impl Error) -> Fault {
    (StatusCode::BAD_REQUEST, error.to_string())
}

fn internal(error: impl Error) -> Fault {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn welcome(RawQuery(query): RawQuery) -> Result<&'static str, Fault> {
    no_parameters(&query.unwrap_or_default()).map_err(bad_request)?;
    Ok(WELCOME)
}

async fn parse_msgpack(
    RawQuery(query): RawQuery,
    State(shared): State<Arc<Shared>>,
) -> Result<String, Fault> {
    let asked = shared
        .dataset
        .arguments(&query.unwrap_or_default())
        .map_err(bad_request)?;
    let parsed = shared.dataset.parse(&asked).map_err(internal)?;
    Ok(parsed.to_string())
}

async fn encode_json(
    RawQuery(query): RawQuery,
    State(shared): State<Arc<Shared>>,
) -> Result<String, Fault> {
    let asked = shared
        .dataset
        .arguments(&query.unwrap_or_default())
        .map_err(bad_request)?;
    let number = shared.dataset.encoded_number(&asked).map_err(internal)?;
    Ok(number.to_string())
}

async fn transfer_data(
    RawQuery(query): RawQuery,
    State(shared): State<Arc<Shared>>,
) -> Result<Response, Fault> {
    let count = shared
        .dataset
        .count(&query.unwrap_or_default())
        .map_err(bad_request)?;
    let body = if shared.dataset.is_all(count) {
        shared.full_json.clone()
    } else {
        shared.dataset.encode(count).map_err(internal)?.into()
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn million_loop(RawQuery(query): RawQuery) -> Result<String, Fault> {
    let arguments = loop_arguments(&query.unwrap_or_default()).map_err(bad_request)?;
    Ok(run_loop(arguments.n, arguments.seed).to_string())
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/parse-msgpack", get(parse_msgpack))
        .route("/encode-json", get(encode_json))
        .route("/transfer-data", get(transfer_data))
        .route("/million-loop", get(million_loop))
        .with_state(shared)
}

async fn stop_requested(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::load(&options.dataset)?;
    let full_json = dataset.full_json()?.into();
    let shared = Arc::new(Shared { dataset, full_json });
    let signals = || {
        Ok::<_, std::io::Error>((
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ))
    };
    let (drain, give_up) = (signals()?, signals()?);
    // Without TCP_NODELAY the end of a large body could wait for the client's delayed acknowledgement.
    let listener = TcpListener::bind(options.listen).await?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("rust-axum: TCP_NODELAY: {error}");
        }
    });
    let server = axum::serve(listener, router(shared))
        .with_graceful_shutdown(stop_requested(drain.0, drain.1))
        .into_future();
    let deadline = async {
        stop_requested(give_up.0, give_up.1).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = server => Ok(result?),
        () = deadline => Err("clients did not take their answers in time".into()),
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.get())
        .enable_all()
        .build()?;
    runtime.block_on(serve(&options))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-axum: {error}");
            ExitCode::FAILURE
        }
    }
}
