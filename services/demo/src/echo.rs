//! A program that says by which protocol it was asked: HTTP/1.1, HTTP/2, gRPC and `WebSocket`, all on one port.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{
        Request,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Serialize;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// A message of two bytes: field 1 (status) is 1 (SERVING). <https://grpc.github.io/grpc/core/md_doc_health-checking.html>
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

#[derive(Serialize)]
struct Asked {
    protocol: String,
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/", get(asked))
        .route("/websocket", get(upgrade))
        .route("/grpc.health.v1.Health/Check", post(check))
}

async fn asked(request: Request) -> Json<Asked> {
    Json(Asked {
        protocol: format!("{:?}", request.version()),
    })
}

async fn upgrade(websocket: WebSocketUpgrade) -> Response {
    websocket.on_upgrade(echo)
}

/// Until the client goes.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Every service is serving, as the pod is.
async fn check() -> Response {
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    // In frames, without a length: clients take a length's last byte for the end, before the trailers.
    let frames = [Frame::data(Bytes::from_static(SERVING)), Frame::trailers(trailers)];
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    ([(CONTENT_TYPE, GRPC)], Body::new(body)).into_response()
}
