//! The product service. Its list never changes, so that two responses differ only in the pod that they came from.

use axum::{Json, Router, extract::Path, http::StatusCode, routing::get};
use serde::Serialize;
use service_kit::ApiError;

#[derive(Clone, Copy, Serialize)]
struct Product {
    id: u32,
    name: &'static str,
    price: f64,
}

const PRODUCTS: [Product; 3] = [
    product(1, "Compass", 24.5),
    product(2, "Lantern", 39.0),
    product(3, "Rope", 12.75),
];

const fn product(id: u32, name: &'static str, price: f64) -> Product {
    Product { id, name, price }
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/api/products", get(list))
        .route("/api/products/{id}", get(one))
}

async fn list() -> Json<[Product; 3]> {
    Json(PRODUCTS)
}

async fn one(Path(id): Path<String>) -> Result<Json<Product>, ApiError> {
    let found = PRODUCTS.iter().find(|product| product.id.to_string() == id);
    found
        .map(|product| Json(*product))
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no such product"))
}
