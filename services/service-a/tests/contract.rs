//! service-a as its callers see it, over real sockets.

#[path = "../../testing/mod.rs"]
mod testing;

use std::time::Duration;

use testing::{Running, request, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-a");

#[test]
fn health_is_twenty_bytes_of_json() {
    let reply = Running::start(PROGRAM, &[]).get("/health");
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"status":"Healthy"}"#));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("content-length"), Some("20"));
}

#[test]
fn route_answers_with_the_name() {
    let service = Running::start(PROGRAM, &[]);
    let reply = service.get("/route?p=A+Field");
    assert_eq!(
        reply.body,
        r#"{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}"#
    );
    assert_eq!((reply.status, reply.header("content-length")), (200, Some("59")));
    assert_eq!(
        service.get("/route").body,
        r#"{"key_one":"(Unknown)Field 1","key_two":"(Unknown)Field 2"}"#
    );
    assert_eq!(
        service.get("/route?p=%22%0A%5C").body,
        r#"{"key_one":"(\"\n\\)Field 1","key_two":"(\"\n\\)Field 2"}"#
    );
}

#[test]
fn what_it_does_not_take_is_a_json_error() {
    let service = Running::start(PROGRAM, &[]);
    let long = format!("/route?p={}", "x".repeat(257));
    for (method, target, status) in [
        ("GET", "/", 404),
        ("GET", "/route/", 404),
        ("POST", "/route", 405),
        ("GET", "/route?p=a&p=b", 400),
        ("GET", long.as_str(), 400),
    ] {
        let reply = request(service.address, method, target, &[]);
        assert_eq!(reply.status, status, "{method} {target}");
        assert!(!reply.error().is_empty());
        // The framework's own words would tell what the service is made with.
        assert!(!reply.error().contains("duplicate field") && !reply.error().contains("deserialize"));
    }
    assert_eq!(service.get(&long[..long.len() - 1]).status, 200);
}

#[test]
fn it_tells_its_name_and_version() {
    let version = run(PROGRAM, &["--version"], &[]);
    assert_eq!(version.stdout, b"service-a 0.1.0\n");
    let help = run(PROGRAM, &["--help"], &[]);
    assert!(String::from_utf8(help.stdout).unwrap().contains("BIND_ADDRESS"));
    assert_eq!(run(PROGRAM, &["--serve"], &[]).status.code(), Some(2));
}

#[test]
fn a_bad_environment_is_one_clear_line() {
    for (variable, value) in [
        ("BIND_ADDRESS", "nowhere"),
        ("BIND_ADDRESS", "192.0.2.1:3000"),
        ("BIND_ADDRESS", "[::1"),
        ("DD_TRACING_ENABLED", "yes please"),
        ("RUST_LOG", "service_a=loud"),
    ] {
        let ended = run(PROGRAM, &[], &[(variable, value)]);
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{variable}={value}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(variable) && told.contains(value), "{told}");
    }
}

#[test]
fn sigterm_ends_it_cleanly_also_with_an_idle_connection() {
    let mut service = Running::start(PROGRAM, &[]);
    let idle = std::net::TcpStream::connect(service.address).unwrap();
    service.terminate();
    assert_eq!(service.wait(Duration::from_secs(2)).code(), Some(0));
    drop(idle);
}

#[test]
fn sigterm_in_the_moment_of_listening_ends_it_cleanly() {
    for _ in 0..20 {
        let mut service = Running::start(PROGRAM, &[]);
        service.terminate();
        assert_eq!(service.wait(Duration::from_secs(2)).code(), Some(0));
    }
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(PROGRAM, &[], &[("BIND_ADDRESS", &address)]);
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), told.lines().count()), (Some(1), 1));
    assert!(told.contains(&address) && told.contains("in use"), "{told}");
}
