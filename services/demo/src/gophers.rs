//! The gophers: a requester that calls a distributor, which returns its version and pod.

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::IntoResponse,
    routing::get,
};
use reqwest::Url;
use service_kit::{Answer, ApiError, ConfigError, Kit, TraceContext, Upstream};

use crate::{
    environment::Environment,
    pod::{POD, Pod, VERSION},
};

/// Longer than the timeouts of routes, so that those take effect first.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Forwarded besides the trace context and all `x-` headers: a mesh traces and routes by them.
const FORWARDED: [&str; 4] = ["b3", "baggage", "cookie", "end-user"];
/// Not forwarded: what a proxy says about a single hop.
const PER_HOP: [&str; 2] = ["x-envoy-", "x-forwarded-"];

#[derive(Clone)]
struct Distributor {
    pod: Pod,
    shows_trace: bool,
}

#[derive(Clone)]
struct Requester {
    upstream: Upstream,
    url: Url,
}

pub(crate) fn distributor(pod: Pod, environment: &Environment) -> Result<Router, ConfigError> {
    let shows_trace = environment.flag("SHOW_TRACE_ID")?;
    let state = Distributor { pod, shows_trace };
    Ok(Router::new().route("/", get(distribute)).with_state(state))
}

pub(crate) fn requester(kit: Kit, environment: &Environment) -> Result<Router, ConfigError> {
    let url = environment.url("DISTRIBUTOR_URL", "http://gopher-distributor")?;
    let upstream = Upstream::new(kit, "gopher-distributor", TIMEOUT);
    let state = Requester { upstream, url };
    Ok(Router::new().route("/", get(request)).with_state(state))
}

async fn distribute(State(distributor): State<Distributor>, Extension(context): Extension<TraceContext>) -> String {
    let Distributor { pod, shows_trace } = distributor;
    let line = format!("Gopher Version {} from pod {}", pod.version_number(), pod.name());
    if shows_trace {
        format!("{line} ({:016x})\n", context.trace_id & u128::from(u64::MAX))
    } else {
        format!("{line}\n")
    }
}

async fn request(
    State(requester): State<Requester>,
    Extension(context): Extension<TraceContext>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let Requester { upstream, url } = requester;
    upstream.get(&context, url, forwarded(&headers), read).await
}

/// With the distributor's version and pod: the requester's own are of no interest to its callers.
fn read(answer: &Answer) -> Result<(HeaderMap, String), String> {
    let said = std::str::from_utf8(&answer.body).map_err(|error| error.to_string())?;
    let headers: HeaderMap = [VERSION, POD]
        .into_iter()
        .filter_map(|name| answer.headers.get(&name).cloned().map(|value| (name, value)))
        .collect();
    Ok((headers, format!("Request >> {said}")))
}

/// The mesh does not know that an incoming and an outgoing request belong together, so the service has to forward these.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let chosen = headers.iter().filter(|(name, _)| is_forwarded(name));
    chosen.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_forwarded(name: &HeaderName) -> bool {
    let name = name.as_str();
    FORWARDED.contains(&name) || (name.starts_with("x-") && !PER_HOP.iter().any(|hop| name.starts_with(hop)))
}
