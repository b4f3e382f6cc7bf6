//! The control address, on the pod's loopback: neither the mesh nor another pod reaches it, so that one pod out of several can be broken.

use std::net::{SocketAddr, TcpListener};

use axum::{Json, Router, extract::State, http::Uri, routing::get};
use service_kit::{ApiError, ConfigError};

use crate::{
    counts::{Counts, Tally},
    environment::Environment,
    fault::Fault,
    pod::{self, Pod},
};

pub(crate) const DEFAULT: &str = "127.0.0.1:8081";
const ACCEPTED: &str = "a loopback address and a port on which nothing listens, such as 127.0.0.1:8081";

/// Needs a tokio runtime, and ends with it.
pub(crate) fn listen(environment: &Environment, pod: &Pod, more: Router) -> Result<(), ConfigError> {
    let given = environment.text("CONTROL_ADDRESS", DEFAULT);
    let listener = given
        .parse()
        .ok()
        .filter(|address: &SocketAddr| address.ip().is_loopback())
        .and_then(|address| bound(address).ok())
        .ok_or_else(|| ConfigError::new("CONTROL_ADDRESS", &given, ACCEPTED))?;
    let routes = routes(pod).merge(more);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(())
}

fn bound(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn routes(pod: &Pod) -> Router {
    Router::new()
        .route("/count", get(pod::count).delete(forget))
        .route("/fault", get(fault).put(set_fault).delete(clear_fault))
        .with_state(pod.clone())
}

async fn forget(State(pod): State<Pod>) -> Json<Tally> {
    *pod.counts() = Counts::default();
    Json(pod.counts().of(None))
}

async fn fault(State(pod): State<Pod>) -> Json<Fault> {
    Json(*pod.fault())
}

async fn set_fault(State(pod): State<Pod>, uri: Uri) -> Result<Json<Fault>, ApiError> {
    let asked = Fault::asked(&uri)?;
    *pod.fault() = asked;
    Ok(Json(asked))
}

async fn clear_fault(State(pod): State<Pod>) -> Json<Fault> {
    *pod.fault() = Fault::default();
    Json(Fault::default())
}
