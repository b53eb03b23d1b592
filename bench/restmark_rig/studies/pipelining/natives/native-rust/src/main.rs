//! GET /, /wait and /million-loop by actix-web, HTTP/1.1 and HTTP/2 over TLS by rustls.

use std::env;
use std::error::Error;
use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::{App, HttpResponse, HttpServer, error, get, web};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

const MAX_WAIT_MS: u64 = 10_000;
const MAX_STEPS: i64 = 100_000_000;
const DRAIN_TIMEOUT_S: u64 = 2;

#[derive(Deserialize)]
struct Waiting {
    ms: u64,
}

#[derive(Deserialize)]
struct Looping {
    n: i64,
    seed: i64,
}

#[get("/")]
async fn welcome() -> HttpResponse {
    text("Welcome!\n".to_owned())
}

#[get("/wait")]
async fn wait(asked: web::Query<Waiting>) -> actix_web::Result<HttpResponse> {
    if asked.ms > MAX_WAIT_MS {
        return Err(error::ErrorBadRequest("ms: a number of milliseconds"));
    }
    sleep(Duration::from_millis(asked.ms)).await;
    Ok(text(asked.ms.to_string()))
}

#[get("/million-loop")]
async fn million_loop(asked: web::Query<Looping>) -> actix_web::Result<HttpResponse> {
    if !(0..=MAX_STEPS).contains(&asked.n) {
        return Err(error::ErrorBadRequest("n: a number of steps"));
    }
    let mut acc = asked.seed;
    for i in 0..asked.n {
        acc = acc.wrapping_add(i);
        if acc & 1 != 0 {
            acc = 1_000_000 - acc;
        }
    }
    Ok(text(acc.to_string()))
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(body)
}

/// Certificate and key stand in the files that RESTMARK_CERTIFICATE and RESTMARK_KEY name.
fn tls() -> Result<ServerConfig, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(env::var("RESTMARK_CERTIFICATE")?)?
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(env::var("RESTMARK_KEY")?)?;
    let provider = rustls::crypto::ring::default_provider();
    Ok(ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, workers] = arguments.as_slice() else {
        return Err("usage: native-rust ADDRESS WORKERS".into());
    };
    HttpServer::new(|| App::new().service(welcome).service(wait).service(million_loop))
        .workers(workers.parse()?)
        .shutdown_timeout(DRAIN_TIMEOUT_S)
        .bind_rustls_0_23(address.as_str(), tls()?)?
        .run()
        .await?;
    Ok(())
}
