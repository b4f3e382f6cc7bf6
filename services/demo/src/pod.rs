//! What every pod does around the routes of its role: name itself, count requests, fail or delay them on purpose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Json, Router,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use service_kit::{ApiError, ConfigError};

use crate::{
    counts::{Counts, Seen, Tally},
    environment::Environment,
    fault::Fault,
};

pub(crate) const VERSION: HeaderName = HeaderName::from_static("x-version");
pub(crate) const POD: HeaderName = HeaderName::from_static("x-pod");

#[derive(Clone)]
pub(crate) struct Pod(Arc<Inner>);

struct Inner {
    version: String,
    name: String,
    headers: [(HeaderName, HeaderValue); 2],
    counts: Mutex<Counts>,
    fault: Mutex<Fault>,
}

#[derive(Deserialize)]
pub(crate) struct Whose {
    id: Option<String>,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
}

impl Pod {
    /// The hostname is the default name: in Kubernetes, it is the pod's name.
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let version = environment.text("VERSION", "v1");
        let (variable, name) = match environment.given("POD_NAME") {
            Some(name) => ("POD_NAME", name),
            None => ("HOSTNAME", environment.text("HOSTNAME", "unknown")),
        };
        let headers = [
            (VERSION, header_value("VERSION", &version)?),
            (POD, header_value(variable, &name)?),
        ];
        Ok(Self(Arc::new(Inner {
            version,
            name,
            headers,
            counts: Mutex::default(),
            fault: Mutex::new(Fault::read(environment)?),
        })))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// 2 for v2.
    pub(crate) fn version_number(&self) -> &str {
        let version = self.0.version.as_str();
        let number = version.strip_prefix('v').unwrap_or_default();
        if number.starts_with(|first: char| first.is_ascii_digit()) {
            number
        } else {
            version
        }
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self) -> MutexGuard<'_, Fault> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn around(self, routes: Router) -> Router {
        routes
            .route("/hang", get(std::future::pending::<()>))
            .layer(middleware::from_fn_with_state(self.clone(), behave))
            .route("/ready", get(ready))
            .route("/count", get(count).with_state(self.clone()))
            .layer(middleware::from_fn_with_state(self, introduce))
    }
}

fn header_value(variable: &str, value: &str) -> Result<HeaderValue, ConfigError> {
    HeaderValue::from_str(value).map_err(|_| ConfigError::new(variable, value, "letters, digits and punctuation"))
}

/// A requester has passed on the distributor's headers, which stay.
async fn introduce(State(pod): State<Pod>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in &pod.0.headers {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response
}

async fn behave(State(pod): State<Pod>, request: Request, next: Next) -> Result<Response, ApiError> {
    let seen = Seen::of(request.headers());
    if let Some(seen) = &seen {
        pod.counts().received(seen);
    }
    let fault = Fault::asked(request.uri())?.or(*pod.fault());
    tokio::time::sleep(fault.delay()).await;
    if let Some(status) = fault.strikes(request.headers()) {
        if let Some(seen) = &seen {
            pod.counts().failed(seen);
        }
        return Err(ApiError::new(status, "failed on purpose"));
    }
    Ok(next.run(request).await)
}

async fn ready() -> impl IntoResponse {
    Json(Ready { status: "Ready" })
}

pub(crate) async fn count(
    State(pod): State<Pod>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Tally>, ApiError> {
    let Query(Whose { id }) = whose.map_err(|rejection| ApiError::unreadable_query("id", &rejection))?;
    Ok(Json(pod.counts().of(id.as_deref())))
}
