//! A handler that panics costs one request, not the process.

#[path = "../../testing/mod.rs"]
mod testing;

use axum::{Router, routing::get};
use service_kit::{Telemetry, app};

async fn broken() -> &'static str {
    panic!("a bug")
}

#[test]
fn a_panic_is_a_500_and_the_next_request_is_served() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let routes = Router::new().route("/broken", get(broken));
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app(&Telemetry::off("test", "0"), routes))
                .await
                .unwrap();
        });
    });
    let reply = testing::request(address, "GET", "/broken", &[]);
    assert_eq!((reply.status, reply.error().as_str()), (500, "internal error"));
    assert_eq!(
        testing::request(address, "GET", "/health", &[]).body,
        r#"{"status":"Healthy"}"#
    );
}
