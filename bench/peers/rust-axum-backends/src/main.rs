//! restmark's workloads on PostgreSQL and Redis, under axum.

mod cache;
mod database;
mod entity;
mod fault;
mod orm;
mod store;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use restmark_workloads::{
    Dataset, Options, Record, WELCOME, many_ids, no_parameters, one_id, search,
};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cache::Cache;
use database::Database;
use fault::Fault;
use orm::Orm;
use store::Store;

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

struct Cached {
    cache: Cache,
    dataset: Dataset,
    keys: Vec<String>,
}

async fn welcome(RawQuery(query): RawQuery) -> Result<&'static str, Fault> {
    no_parameters(&query.unwrap_or_default())?;
    Ok(WELCOME)
}

async fn one_record<S: Store>(
    RawQuery(query): RawQuery,
    State(store): State<S>,
) -> Result<Response, Fault> {
    json(&store.one(one_id(&query.unwrap_or_default())?).await?)
}

async fn many_records<S: Store>(
    RawQuery(query): RawQuery,
    State(store): State<S>,
) -> Result<Response, Fault> {
    json(&store.many(&many_ids(&query.unwrap_or_default())?).await?)
}

async fn search_records<S: Store>(
    RawQuery(query): RawQuery,
    State(store): State<S>,
) -> Result<Response, Fault> {
    let (category, limit) = search(&query.unwrap_or_default())?;
    json(&store.search(&category, limit).await?)
}

async fn update_record<S: Store>(
    RawQuery(query): RawQuery,
    State(store): State<S>,
) -> Result<Response, Fault> {
    json(&store.update(one_id(&query.unwrap_or_default())?).await?)
}

async fn cached(shared: &Cached, query: Option<String>) -> Result<Vec<Record>, Fault> {
    let count = shared.dataset.count(&query.unwrap_or_default())?;
    shared.cache.records(&shared.keys[..count]).await
}

async fn cache_records(
    RawQuery(query): RawQuery,
    State(shared): State<Arc<Cached>>,
) -> Result<String, Fault> {
    // Nobody reads the texts; without this the compiler would be free not to make them.
    Ok(black_box(cached(&shared, query).await?).len().to_string())
}

async fn cache_json(
    RawQuery(query): RawQuery,
    State(shared): State<Arc<Cached>>,
) -> Result<Response, Fault> {
    json(&cached(&shared, query).await?)
}

fn json<T: Serialize>(value: &T) -> Result<Response, Fault> {
    let body = serde_json::to_vec(value).map_err(Fault::internal)?;
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(body),
    )
        .into_response())
}

/// The four routes of the driver, or of the ORM.
fn routes_of<S: Store>(store: S) -> Router {
    Router::new()
        .route("/record", get(one_record::<S>))
        .route("/records", get(many_records::<S>))
        .route("/search", get(search_records::<S>))
        .route("/update", post(update_record::<S>))
        .with_state(store)
}

fn router(database: Database, cached: Arc<Cached>) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/cache/records", get(cache_records))
        .route("/cache/json", get(cache_json))
        .with_state(cached)
        .nest("/orm", routes_of(Orm::on(&database)))
        .nest("/db", routes_of(database))
}

/// What the environment says. URLs may hold a password, so they are on no command line.
fn environment(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

async fn stop_requested(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::load(&options.dataset)?;
    let keys = (0..dataset.encoded().len())
        .map(|number| format!("record:{number}"))
        .collect();
    let connections: u32 = environment("RESTMARK_DATABASE_CONNECTIONS")?.parse()?;
    let workers = u32::try_from(options.workers.get())?;
    let database = Database::open(
        &environment("RESTMARK_DATABASE_URL")?,
        connections * workers,
    )
    .await?;
    let cache = Cache::open(&environment("RESTMARK_CACHE_URL")?).await?;
    let cached = Arc::new(Cached {
        cache,
        dataset,
        keys,
    });
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
            eprintln!("rust-axum-backends: TCP_NODELAY: {error}");
        }
    });
    let server = axum::serve(listener, router(database, cached))
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
            eprintln!("rust-axum-backends: {error}");
            ExitCode::FAILURE
        }
    }
}
