//! restmark's workloads under actix-web.

use actix_web::body::MessageBody;
use actix_web::http::header::ContentType;
use actix_web::rt::time::sleep;
use actix_web::web::{Bytes, Data, Path, PayloadConfig, ServiceConfig, get, post, resource};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Result, error};
use restmark_workloads::{
    BadBody, COLLECTIONS, Dataset, MAX_BODY, Options, RecordArguments, WELCOME, loop_arguments,
    no_parameters, position, run_loop, validate, validate_count, wait_argument,
};

const DRAIN_TIMEOUT_S: u64 = 5;

struct State {
    dataset: Dataset,
    full_json: Bytes,
}

async fn welcome(request: HttpRequest) -> Result<HttpResponse> {
    no_parameters(request.query_string()).map_err(error::ErrorBadRequest)?;
    Ok(text(WELCOME.to_owned()))
}

async fn parse_msgpack(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let parsed = state
        .dataset
        .parse(&asked(&request, &state)?)
        .map_err(error::ErrorInternalServerError)?;
    Ok(text(parsed.to_string()))
}

async fn encode_json(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let number = state.dataset.encoded_number(&asked(&request, &state)?)?;
    Ok(text(number.to_string()))
}

async fn transfer_data(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let count = wanted(&request, &state)?;
    if state.dataset.is_all(count) {
        return Ok(json(state.full_json.clone()));
    }
    Ok(json(state.dataset.encode(count)?))
}

async fn million_loop(request: HttpRequest) -> Result<HttpResponse> {
    let arguments = loop_arguments(request.query_string()).map_err(error::ErrorBadRequest)?;
    Ok(text(run_loop(arguments.n, arguments.seed).to_string()))
}

/// A body is decoded and checked by what both idiomatic peers share, because actix's Json names no field.
async fn validate_body(request: HttpRequest, body: Bytes) -> Result<HttpResponse> {
    let count = validate_count(request.query_string()).map_err(error::ErrorBadRequest)?;
    match validate(&body, count) {
        Ok(answer) => Ok(json(answer)),
        Err(fault @ BadBody::Syntax(_)) => Err(error::ErrorBadRequest(fault)),
        Err(fault @ BadBody::Unfit(_)) => Err(error::ErrorUnprocessableEntity(fault)),
    }
}

async fn wait(request: HttpRequest) -> Result<HttpResponse> {
    let time = wait_argument(request.query_string()).map_err(error::ErrorBadRequest)?;
    sleep(time).await;
    Ok(text(time.as_millis().to_string()))
}

async fn record(
    request: HttpRequest,
    id: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse> {
    no_parameters(request.query_string()).map_err(error::ErrorBadRequest)?;
    let position = position(&id).map_err(error::ErrorBadRequest)?;
    match state.dataset.encode_one(position) {
        Some(body) => Ok(json(body?)),
        None => Err(error::ErrorNotFound("there is no such record")),
    }
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(get().to(welcome)))
        .service(resource("/parse-msgpack").route(get().to(parse_msgpack)))
        .service(resource("/encode-json").route(get().to(encode_json)))
        .service(resource("/transfer-data").route(get().to(transfer_data)))
        .service(resource("/million-loop").route(get().to(million_loop)))
        .service(
            resource("/validate")
                .app_data(PayloadConfig::new(MAX_BODY))
                .route(post().to(validate_body)),
        )
        .service(resource("/wait").route(get().to(wait)))
        .service(resource("/record/{id}").route(get().to(record)));
    for name in COLLECTIONS {
        let one = move |id: Path<String>| async move { text(format!("{name} {id}")) };
        let items = move |id: Path<String>| async move { text(format!("{name} {id} items")) };
        let item = move |segments: Path<(String, String)>| async move {
            let (id, item) = segments.into_inner();
            text(format!("{name} {id} items {item}"))
        };
        config
            .service(resource(format!("/{name}/{{id}}")).route(get().to(one)))
            .service(resource(format!("/{name}/{{id}}/items")).route(get().to(items)))
            .service(resource(format!("/{name}/{{id}}/items/{{item}}")).route(get().to(item)));
    }
}

fn asked(request: &HttpRequest, state: &State) -> Result<RecordArguments> {
    state
        .dataset
        .arguments(request.query_string())
        .map_err(error::ErrorBadRequest)
}

fn wanted(request: &HttpRequest, state: &State) -> Result<usize> {
    state
        .dataset
        .count(request.query_string())
        .map_err(error::ErrorBadRequest)
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(body)
}

fn json(body: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body)
}

#[actix_web::main]
async fn main() -> std::process::ExitCode {
    match serve(&Options::from_command_line()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-actix: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn serve(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let dataset = Dataset::load(&options.dataset)?;
    let full_json = dataset.full_json()?.into();
    let state = Data::new(State { dataset, full_json });
    HttpServer::new(move || App::new().app_data(state.clone()).configure(routes))
        .workers(options.workers.get())
        // So that a client that leaves ends its request.
        .h1_allow_half_closed(false)
        .shutdown_timeout(DRAIN_TIMEOUT_S)
        .listen(options.bind()?.into_std()?)?
        .run()
        .await?;
    Ok(())
}
