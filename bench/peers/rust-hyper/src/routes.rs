//! The routes and what they answer.

use std::error::Error;
use std::path::Path;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};
use matchit::{Match, Params, Router};
use restmark_workloads::{
    BadBody, BadQuery, COLLECTIONS, MAX_BODY, WELCOME, loop_arguments, no_parameters, position,
    run_loop, validate_count, wait_argument,
};

use crate::answers::{Answer, json, number, only, refusal, text};
use crate::records::Records;
use crate::{Fault, validate};

enum Route {
    Welcome,
    ParseMsgpack,
    EncodeJson,
    TransferData,
    MillionLoop,
    Validate,
    Wait,
    Record,
    One(&'static str),
    Items(&'static str),
    Item(&'static str),
}

pub struct Server {
    router: Router<Route>,
    records: Records,
    full_json: Bytes,
}

impl Server {
    pub fn load(dataset: &Path) -> Result<Self, Fault> {
        let records = Records::load(dataset)?;
        let full_json = records.encode(records.len())?.into();
        Ok(Self {
            router: router()?,
            records,
            full_json,
        })
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Ok(Match {
            value: route,
            params,
        }) = self.router.at(request.uri().path())
        else {
            return refusal(StatusCode::NOT_FOUND, "not found");
        };
        let query = request.uri().query().unwrap_or_default();
        match (route, request.method()) {
            (Route::Validate, &Method::POST) => match validate_count(query) {
                Ok(count) => validated(request.into_body(), count).await,
                Err(error) => refused(error),
            },
            (Route::Validate, _) => only("POST"),
            (Route::Wait, &Method::GET | &Method::HEAD) => match wait_argument(query) {
                Ok(time) => {
                    // hyper drops this future when the client leaves, and the timer with it.
                    tokio::time::sleep(time).await;
                    number(time.as_millis())
                }
                Err(error) => refused(error),
            },
            (_, &Method::GET | &Method::HEAD) => self
                .computed(route, query, &params)
                .unwrap_or_else(|error| {
                    if error.is::<BadQuery>() {
                        refused(error)
                    } else {
                        refusal(StatusCode::INTERNAL_SERVER_ERROR, error)
                    }
                }),
            _ => only("GET, HEAD"),
        }
    }

    /// What needs neither a body nor time.
    fn computed(&self, route: &Route, query: &str, params: &Params) -> Result<Answer, Fault> {
        let dataset = self.records.dataset;
        let segment = |name| params.get(name).unwrap_or_default();
        Ok(match route {
            Route::Welcome => {
                no_parameters(query)?;
                text(WELCOME)
            }
            Route::ParseMsgpack => number(self.records.parse(&dataset.arguments(query)?)?),
            Route::EncodeJson => number(self.records.encoded_number(&dataset.arguments(query)?)?),
            Route::TransferData => {
                let count = dataset.count(query)?;
                if dataset.is_all(count) {
                    json(self.full_json.clone())
                } else {
                    json(self.records.encode(count)?)
                }
            }
            Route::MillionLoop => {
                let arguments = loop_arguments(query)?;
                number(run_loop(arguments.n, arguments.seed))
            }
            Route::Record => {
                no_parameters(query)?;
                match self.records.encode_one(position(segment("id"))?) {
                    Some(body) => json(body?),
                    None => refusal(StatusCode::NOT_FOUND, "there is no such record"),
                }
            }
            Route::One(name) => text(format!("{name} {}", segment("id"))),
            Route::Items(name) => text(format!("{name} {} items", segment("id"))),
            Route::Item(name) => text(format!(
                "{name} {} items {}",
                segment("id"),
                segment("item")
            )),
            Route::Validate | Route::Wait => unreachable!("they are answered elsewhere"),
        })
    }
}

fn router() -> Result<Router<Route>, matchit::InsertError> {
    let mut router = Router::new();
    router.insert("/", Route::Welcome)?;
    router.insert("/parse-msgpack", Route::ParseMsgpack)?;
    router.insert("/encode-json", Route::EncodeJson)?;
    router.insert("/transfer-data", Route::TransferData)?;
    router.insert("/million-loop", Route::MillionLoop)?;
    router.insert("/validate", Route::Validate)?;
    router.insert("/wait", Route::Wait)?;
    router.insert("/record/{id}", Route::Record)?;
    for name in COLLECTIONS {
        router.insert(format!("/{name}/{{id}}"), Route::One(name))?;
        router.insert(format!("/{name}/{{id}}/items"), Route::Items(name))?;
        router.insert(format!("/{name}/{{id}}/items/{{item}}"), Route::Item(name))?;
    }
    Ok(router)
}

async fn validated(body: Incoming, count: Option<usize>) -> Answer {
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, error);
        }
        Err(error) => return refused(error),
    };
    match validate::validate(&body, count) {
        Ok(answer) => json(answer),
        Err(error @ BadBody::Syntax(_)) => refused(error),
        Err(error @ BadBody::Unfit(_)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, error),
    }
}

fn refused(error: impl Into<Box<dyn Error + Send + Sync>>) -> Answer {
    refusal(StatusCode::BAD_REQUEST, error.into())
}
