//! restmark's workloads under actix-web.

use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, get, resource};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Result, error};
use restmark_workloads::{
    Dataset, Options, RecordArguments, WELCOME, loop_arguments, no_parameters, run_loop,
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
    let body = if state.dataset.is_all(count) {
        state.full_json.clone()
    } else {
        state.dataset.encode(count)?.into()
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body))
}

async fn million_loop(request: HttpRequest) -> Result<HttpResponse> {
    let arguments = loop_arguments(request.query_string()).map_err(error::ErrorBadRequest)?;
    Ok(text(run_loop(arguments.n, arguments.seed).to_string()))
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
    HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .service(resource("/").route(get().to(welcome)))
            .service(resource("/parse-msgpack").route(get().to(parse_msgpack)))
            .service(resource("/encode-json").route(get().to(encode_json)))
            .service(resource("/transfer-data").route(get().to(transfer_data)))
            .service(resource("/million-loop").route(get().to(million_loop)))
    })
    .workers(options.workers.get())
    .shutdown_timeout(DRAIN_TIMEOUT_S)
    .bind(options.listen)?
    .run()
    .await?;
    Ok(())
}
