//! restmark's workloads under axum, which is hyper with a router.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use restmark_workloads::{
    BadBody, COLLECTIONS, Dataset, MAX_BODY, Options, WELCOME, loop_arguments, no_parameters,
    position, run_loop, validate, validate_count, wait_argument,
};
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
    if shared.dataset.is_all(count) {
        return Ok(json(shared.full_json.clone()));
    }
    Ok(json(shared.dataset.encode(count).map_err(internal)?))
}

async fn million_loop(RawQuery(query): RawQuery) -> Result<String, Fault> {
    let arguments = loop_arguments(&query.unwrap_or_default()).map_err(bad_request)?;
    Ok(run_loop(arguments.n, arguments.seed).to_string())
}

/// A body is decoded and checked by what both idiomatic peers share, because axum's Json names no field that is out of range.
async fn validate_body(RawQuery(query): RawQuery, body: Bytes) -> Result<Response, Fault> {
    let count = validate_count(&query.unwrap_or_default()).map_err(bad_request)?;
    let answer = validate(&body, count).map_err(|error| match error {
        BadBody::Syntax(text) => (StatusCode::BAD_REQUEST, text),
        BadBody::Unfit(text) => (StatusCode::UNPROCESSABLE_ENTITY, text),
    })?;
    Ok(json(answer))
}

/// hyper drops the handler, and its timer, when the client leaves.
async fn wait(RawQuery(query): RawQuery) -> Result<String, Fault> {
    let time = wait_argument(&query.unwrap_or_default()).map_err(bad_request)?;
    tokio::time::sleep(time).await;
    Ok(time.as_millis().to_string())
}

async fn record(
    RawQuery(query): RawQuery,
    Path(id): Path<String>,
    State(shared): State<Arc<Shared>>,
) -> Result<Response, Fault> {
    no_parameters(&query.unwrap_or_default()).map_err(bad_request)?;
    let position = position(&id).map_err(bad_request)?;
    let Some(body) = shared.dataset.encode_one(position) else {
        return Err((StatusCode::NOT_FOUND, "there is no such record".to_owned()));
    };
    Ok(json(body.map_err(internal)?))
}

fn json(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn router(shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/", get(welcome))
        .route("/parse-msgpack", get(parse_msgpack))
        .route("/encode-json", get(encode_json))
        .route("/transfer-data", get(transfer_data))
        .route("/million-loop", get(million_loop))
        .route(
            "/validate",
            post(validate_body).layer(DefaultBodyLimit::max(MAX_BODY)),
        )
        .route("/wait", get(wait))
        .route("/record/{id}", get(record));
    COLLECTIONS
        .iter()
        .fold(router, with_collection)
        .with_state(shared)
}

/// Adds the three routes of a collection.
fn with_collection(router: Router<Arc<Shared>>, name: &&'static str) -> Router<Arc<Shared>> {
    let name = *name;
    let one = async move |Path(id): Path<String>| format!("{name} {id}");
    let items = async move |Path(id): Path<String>| format!("{name} {id} items");
    let item =
        async move |Path((id, item)): Path<(String, String)>| format!("{name} {id} items {item}");
    router
        .route(&format!("/{name}/{{id}}"), get(one))
        .route(&format!("/{name}/{{id}}/items"), get(items))
        .route(&format!("/{name}/{{id}}/items/{{item}}"), get(item))
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
    let listener = options.bind()?.tap_io(|stream| {
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
