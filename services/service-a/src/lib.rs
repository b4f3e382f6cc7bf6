//! service-a: `GET /route?p=<name>`.

use axum::{
    Json, Router,
    extract::{Query, rejection::QueryRejection},
    routing::get,
};
use serde::{Deserialize, Serialize};
use service_kit::{ApiError, name};

#[derive(Deserialize)]
struct Parameters {
    p: Option<String>,
}

#[derive(Serialize)]
struct Fields {
    key_one: String,
    key_two: String,
}

pub fn routes() -> Router {
    Router::new().route("/route", get(route))
}

async fn route(query: Result<Query<Parameters>, QueryRejection>) -> Result<Json<Fields>, ApiError> {
    let query = query.map_err(|rejection| ApiError::unreadable_query("p", &rejection))?;
    let name = name("p", query.0.p)?;
    Ok(Json(Fields {
        key_one: format!("({name})Field 1"),
        key_two: format!("({name})Field 2"),
    }))
}
