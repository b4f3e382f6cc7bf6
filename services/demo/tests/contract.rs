//! What is the same for all parts: who answered, the counts, what a pod does wrong on purpose, and the environment.

mod part;

use std::time::{Duration, Instant};

use part::{
    PROGRAM, Part,
    testing::{Fake, Running, nobody, run},
};
use serde_json::json;

const ROLES: [&str; 4] = ["requester", "distributor", "product", "load"];

fn product(environment: &[(&str, &str)]) -> Part {
    Part::start("product", environment)
}

#[test]
fn every_part_is_healthy_ready_and_says_who_it_is() {
    let target = Fake::says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").url();
    for role in ROLES {
        let part = Part::start(role, &[("VERSION", "v7"), ("TARGET_URL", &target)]);
        assert_eq!(part.get("/health").body, r#"{"status":"Healthy"}"#);
        let ready = part.get("/ready");
        assert_eq!((ready.status, ready.body.as_str()), (200, r#"{"status":"Ready"}"#));
        assert_eq!(
            (ready.header("x-version"), ready.header("x-pod")),
            (Some("v7"), Some("pod-1"))
        );
        assert_eq!(part.get("/nothing").error(), "no such path");
        assert_eq!(
            part.told("GET", "/count"),
            json!({"received": 0, "failed": 0}),
            "{role}"
        );
    }
}

#[test]
fn a_pod_without_a_name_is_called_as_its_host() {
    let control = nobody().to_string();
    for (environment, name) in [(&[("HOSTNAME", "gopher-1")][..], "gopher-1"), (&[][..], "unknown")] {
        let mut environment = environment.to_vec();
        environment.extend([("ROLE", "product"), ("CONTROL_ADDRESS", control.as_str())]);
        let running = Running::start(PROGRAM, &environment);
        assert_eq!(running.get("/ready").header("x-pod"), Some(name));
    }
}

#[test]
fn requests_are_counted_by_id_and_probes_are_not() {
    let part = product(&[]);
    for _ in 0..3 {
        part.with("/api/products", &[("x-count-id", "mine"), ("x-request-id", "each")]);
    }
    part.with("/api/products?fail=503", &[("x-request-id", "each")]);
    part.with("/api/products", &[("x-meshgate-probe", "1"), ("x-count-id", "mine")]);
    assert_eq!(part.get("/count").body, r#"{"received":4,"failed":1}"#);
    assert_eq!(part.get("/count?id=mine").body, r#"{"received":3,"failed":0}"#);
    assert_eq!(part.told("GET", "/count?id=each"), json!({"received": 1, "failed": 1}));
    assert_eq!(part.get("/count?id=nobody").body, r#"{"received":0,"failed":0}"#);
    assert_eq!(part.status("/count?id=a&id=b"), 400);
    assert_eq!(part.told("DELETE", "/count"), json!({"received": 0, "failed": 0}));
    assert_eq!(part.get("/count?id=mine").body, r#"{"received":0,"failed":0}"#);
}

#[test]
fn one_request_fails_as_it_asks_and_the_next_does_not() {
    let part = product(&[]);
    let reply = part.get("/api/products?fail=503");
    assert_eq!((reply.status, reply.error().as_str()), (503, "failed on purpose"));
    assert_eq!(
        (reply.header("x-version"), reply.header("x-pod")),
        (Some("v1"), Some("pod-1"))
    );
    assert_eq!(part.status("/api/products"), 200);
    let attempt = |number| {
        part.with(
            "/api/products?fail=503&attempts=2",
            &[("x-envoy-attempt-count", number)],
        )
        .status
    };
    assert_eq!(["1", "2", "3"].map(attempt), [503, 503, 200]);
    assert!(
        part.get("/api/products?fail=200")
            .error()
            .starts_with("accepted: fail from 400 to 599")
    );
    // Neither probes nor counts: a pod that answers wrong is still ready.
    assert_eq!(
        [
            part.status("/ready?fail=503"),
            part.status("/health?fail=503"),
            part.status("/count?fail=503")
        ],
        [200; 3]
    );
}

#[test]
fn one_request_waits_as_long_as_it_asks() {
    let reply = product(&[]).get("/api/products?delay_ms=300");
    assert_eq!(reply.status, 200);
    assert!(reply.took >= Duration::from_millis(300), "{reply:?}");
}

#[test]
fn a_pod_is_bad_from_the_start_by_its_environment() {
    let part = product(&[("FAIL", "500"), ("DELAY_MS", "200")]);
    let reply = part.get("/api/products");
    assert_eq!(reply.status, 500);
    assert!(reply.took >= Duration::from_millis(200), "{reply:?}");
    assert_eq!(
        part.told("DELETE", "/fault"),
        json!({"fail": null, "ratio": null, "attempts": null, "delay_ms": null})
    );
    assert_eq!(part.status("/api/products"), 200);
    let part = product(&[("FAIL_RATIO", "0.5")]);
    let failed = (0..200).filter(|_| part.status("/api/products") == 503).count();
    assert!((60..140).contains(&failed), "{failed}");
}

#[test]
fn only_the_pod_itself_can_be_told_to_fail() {
    let part = product(&[]);
    assert_eq!(part.status("/fault"), 404);
    let told = part.told("PUT", "/fault?fail=503&ratio=1");
    assert_eq!(
        told,
        json!({"fail": 503, "ratio": 1.0, "attempts": null, "delay_ms": null})
    );
    assert_eq!(part.told("GET", "/fault"), told);
    assert_eq!((part.status("/api/products"), part.status("/ready")), (503, 200));
    part.told("PUT", "/fault?delay_ms=1");
    assert_eq!(part.status("/api/products"), 200);
    let refused = part.ask("PUT", "/fault?fail=99");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("status 400"));
}

#[test]
fn asking_says_in_one_line_what_is_wrong() {
    for (method, target, control, why) in [
        ("PATCH", "/fault", "127.0.0.1:1", "accepted: GET, PUT, DELETE"),
        ("GET", "/count", "127.0.0.1:1", "refused"),
        ("GET", "/count", "nowhere", "demo: GET /count: "),
    ] {
        let asked = run(PROGRAM, &[method, target], &[("CONTROL_ADDRESS", control)]);
        let told = String::from_utf8(asked.stderr).unwrap();
        assert_eq!((asked.status.code(), told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_hangs_is_counted() {
    let part = Part::start("distributor", &[]);
    let mut stream = std::net::TcpStream::connect(part.address).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"GET /hang HTTP/1.1\r\nHost: test\r\nx-count-id: h\r\n\r\n",
    )
    .unwrap();
    let begun = Instant::now();
    while part.told("GET", "/count?id=h") != json!({"received": 1, "failed": 0}) {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(
        std::io::Read::read(&mut stream, &mut [0]).is_err(),
        "nothing is answered"
    );
}

#[test]
fn a_bad_environment_is_one_clear_line() {
    for (variable, value) in [
        ("ROLE", ""),
        ("ROLE", "gopher"),
        ("VERSION", "v\u{1}"),
        ("FAIL", "200"),
        ("FAIL_RATIO", "2"),
        ("DELAY_MS", "-1"),
        ("CONTROL_ADDRESS", "0.0.0.0:8081"),
        ("CONTROL_ADDRESS", "8081"),
        ("BIND_ADDRESS", "8080"),
        ("DISTRIBUTOR_URL", "gopher-distributor"),
        ("SHOW_TRACE_ID", "maybe"),
        ("TARGET_URL", "https://product-service"),
        ("RATE", "0"),
        ("HEADERS", "x-canary"),
        ("TIMEOUT_MS", "soon"),
    ] {
        let role = match variable {
            "DISTRIBUTOR_URL" => "requester",
            "SHOW_TRACE_ID" => "distributor",
            "TARGET_URL" | "RATE" | "HEADERS" | "TIMEOUT_MS" => "load",
            _ => "product",
        };
        let control = nobody().to_string();
        let ended = run(
            PROGRAM,
            &[],
            &[
                ("ROLE", role),
                ("BIND_ADDRESS", "127.0.0.1:0"),
                ("CONTROL_ADDRESS", &control),
                (variable, value),
            ],
        );
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (ended.status.code(), told.lines().count()),
            (Some(1), 1),
            "{variable}={value}: {told}"
        );
        assert!(told.contains(&format!("{variable}={value:?}: expected ")), "{told}");
    }
}

#[test]
fn it_tells_its_name_and_what_it_can_do() {
    assert_eq!(run(PROGRAM, &["--version"], &[]).stdout, b"demo 0.1.0\n");
    let help = String::from_utf8(run(PROGRAM, &["--help"], &[]).stdout).unwrap();
    for word in ["ROLE", "VERSION", "FAIL_RATIO", "/fault", "(0.0.0.0:8080)"] {
        assert!(help.contains(word), "{help}");
    }
    assert_eq!(run(PROGRAM, &["requester"], &[]).status.code(), Some(2));
}
