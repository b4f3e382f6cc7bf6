//! One program for all roles of the demonstrations, so that they need one image. Every pod counts the requests that it
//! receives, and fails or delays them on purpose when it is told to.

mod ask;
mod control;
mod counts;
mod echo;
mod environment;
mod fault;
mod gophers;
mod load;
mod pod;
mod products;

pub use ask::ask;

use axum::Router;
use service_kit::{ConfigError, Kit, config::Lookup};

use crate::{environment::Environment, pod::Pod};

pub const HELP: &str = "the role that ROLE selects

GET /health, GET /ready, GET /count?id=ID, GET /hang, and by role:
  requester    GET /: calls the distributor at DISTRIBUTOR_URL (http://gopher-distributor)
  distributor  GET /: its version and pod, with SHOW_TRACE_ID=true also the trace ID
  product      GET /api/products, GET /api/products/ID
  echo         GET /: the protocol of the request; GET /websocket: what is sent to it; the health service of gRPC
  load         RATE requests per second to TARGET_URL, with HEADERS (name: value, ...); GET /load

Responses carry VERSION (v1) and POD_NAME (HOSTNAME) as x-version and x-pod.
Requests fail or wait on purpose by FAIL (a status), FAIL_RATIO and DELAY_MS, or by their
query: ?fail=503&ratio=0.5&attempts=1&delay_ms=100. To break one pod, run in it:
  demo PUT '/fault?fail=503'    demo DELETE /fault    demo GET /count    demo DELETE /count
They ask the running program at CONTROL_ADDRESS (127.0.0.1:8081).";

const ROLES: &str = "requester, distributor, product, echo or load";

/// # Errors
/// The first variable whose value cannot be right.
pub fn routes(kit: Kit, lookup: Lookup) -> Result<Router, ConfigError> {
    let environment = Environment(lookup);
    let pod = Pod::read(&environment)?;
    let role = environment.text("ROLE", "");
    let (routes, controls) = match role.as_str() {
        "requester" => (gophers::requester(kit, &environment)?, Router::new()),
        "distributor" => (gophers::distributor(pod.clone(), &environment)?, Router::new()),
        "product" => (products::routes(), Router::new()),
        "echo" => (echo::routes(), Router::new()),
        "load" => {
            let load = load::start(kit, &environment)?;
            (load.clone(), load)
        }
        _ => return Err(ConfigError::new("ROLE", &role, ROLES)),
    };
    control::listen(&environment, &pod, controls)?;
    Ok(pod.around(routes))
}
