//! One port for HTTP/1.1, HTTP/2 with prior knowledge, gRPC and `WebSocket`.

mod part;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Request, StatusCode},
};
use part::Part;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

/// By HTTP/2 from the first byte on, as a load balancer and a gateway ask.
async fn ask(address: SocketAddr, request: Request<()>, message: Option<Bytes>) -> Answer {
    let connected = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(connected).await.unwrap();
    tokio::spawn(connection);
    let (response, mut sent) = client
        .ready()
        .await
        .unwrap()
        .send_request(request, message.is_none())
        .unwrap();
    if let Some(message) = message {
        sent.send_data(message, true).unwrap();
    }
    let (parts, mut stream) = response.await.unwrap().into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        body.extend_from_slice(&chunk.unwrap());
    }
    let trailers = stream.trailers().await.unwrap().unwrap_or_default();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
        trailers,
    }
}

#[test]
fn http_1_is_answered_beside_the_others() {
    assert_eq!(Part::start("echo", &[]).get("/").body, r#"{"protocol":"HTTP/1.1"}"#);
}

#[tokio::test]
async fn http_2_needs_no_upgrade() {
    let echo = Part::start("echo", &[]);
    let request = Request::get(format!("http://{}/", echo.address)).body(()).unwrap();
    let answer = ask(echo.address, request, None).await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (StatusCode::OK, br#"{"protocol":"HTTP/2.0"}"#.as_slice())
    );
}

#[tokio::test]
async fn grpc_says_that_it_is_serving_and_ends_with_its_status() {
    let echo = Part::start("echo", &[]);
    let request = Request::post(format!("http://{}/grpc.health.v1.Health/Check", echo.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let answer = ask(echo.address, request, Some(Bytes::from_static(&[0, 0, 0, 0, 0]))).await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (StatusCode::OK, [0, 0, 0, 0, 2, 8, 1].as_slice())
    );
    assert_eq!(answer.trailers["grpc-status"], "0");
    assert!(!answer.headers.contains_key("content-length"), "{:?}", answer.headers);
}

#[test]
fn a_websocket_gets_back_what_it_sends() {
    let echo = Part::start("echo", &[]);
    let mut socket = TcpStream::connect(echo.address).unwrap();
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    write!(
        socket,
        "GET /websocket HTTP/1.1\r\nHost: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // A whole text of two bytes, masked with zeros.
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut back = [0; 4];
    socket.read_exact(&mut back).unwrap();
    assert_eq!(back, [0x81, 2, b'h', b'i']);
}
