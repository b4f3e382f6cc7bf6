//! Requester and distributor, together and each alone.

mod part;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use part::{
    Part,
    testing::{Fake, header, nobody},
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn requester(distributor: &str) -> Part {
    Part::start("requester", &[("DISTRIBUTOR_URL", distributor)])
}

#[test]
fn the_line_of_the_walk_through() {
    let pod = "gopher-distributor-v1-694fd4f4db-gnn4g";
    for version in ["1", "v1"] {
        let distributor = Part::start("distributor", &[("VERSION", version), ("POD_NAME", pod)]);
        let requester = requester(&distributor.url());
        let reply = requester.get("/");
        let line = format!("Request >> Gopher Version 1 from pod {pod}\n");
        assert_eq!((reply.status, reply.body.as_str()), (200, line.as_str()));
        assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(
            (reply.header("x-version"), reply.header("x-pod")),
            (Some(version), Some(pod))
        );
        assert_eq!(distributor.get("/").body, format!("Gopher Version 1 from pod {pod}\n"));
    }
}

#[test]
fn a_version_without_a_number_is_said_as_it_is() {
    for (version, said) in [
        ("v2.1", "2.1"),
        ("v2", "2"),
        ("vanilla", "vanilla"),
        ("blue", "blue"),
        ("v", "v"),
    ] {
        let distributor = Part::start("distributor", &[("VERSION", version)]);
        assert_eq!(
            distributor.get("/").body,
            format!("Gopher Version {said} from pod pod-1\n")
        );
    }
}

#[test]
fn the_second_version_may_say_its_trace() {
    let distributor = Part::start("distributor", &[("VERSION", "v2"), ("SHOW_TRACE_ID", "true")]);
    let requester = requester(&distributor.url());
    let line = "Request >> Gopher Version 2 from pod pod-1 (a3ce929d0e0e4736)\n";
    assert_eq!(requester.with("/", &[("traceparent", PARENT)]).body, line);
    let (first, second) = (requester.get("/").body, requester.get("/").body);
    assert!(first != second && first.len() == line.len(), "{first}{second}");
}

/// Their names and values, as the distributor got them.
fn received(sent: &[(&str, &str)]) -> String {
    let head = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&head);
    let fake = Fake::start(move |received, stream| {
        *kept.lock().unwrap() = received.head;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nme")
            .is_ok()
    });
    assert_eq!(requester(&fake.url()).with("/", sent).body, "Request >> me");
    head.lock().unwrap().clone()
}

#[test]
fn what_a_mesh_routes_and_traces_by_is_passed_on() {
    let sent = [
        ("x-request-id", "42"),
        ("x-canary", "true"),
        ("end-user", "jason"),
        ("x-b3-traceid", "a3ce929d0e0e4736"),
        ("b3", "0"),
        ("baggage", "a=1"),
        ("cookie", "session=1"),
        ("x-count-id", "test"),
    ];
    let head = received(&sent);
    for (name, value) in sent {
        assert_eq!(header(&head, name), Some(value), "{name}");
    }
}

#[test]
fn the_trace_goes_on_in_a_span_of_its_own() {
    let head = received(&[("traceparent", PARENT), ("tracestate", "dd=s:1")]);
    assert_eq!(header(&head, "tracestate"), Some("dd=s:1"));
    let passed = header(&head, "traceparent").unwrap();
    assert_eq!((&passed[..36], passed != PARENT), (&PARENT[..36], true), "{passed}");
    assert_eq!(head.matches("traceparent:").count(), 1);
}

#[test]
fn what_is_of_one_hop_or_one_client_stays() {
    let sent = [
        ("x-envoy-attempt-count", "2"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-client-cert", "By=spiffe"),
        ("authorization", "Bearer secret"),
        ("accept", "text/html"),
    ];
    let head = received(&sent);
    for (name, value) in sent {
        assert_ne!(header(&head, name), Some(value), "{name}");
    }
    assert!(header(&head, "host").unwrap().starts_with("127.0.0.1:"));
}

#[test]
fn a_distributor_that_is_away_or_fails_is_a_502() {
    let reply = requester(&format!("http://{}", nobody())).get("/");
    assert_eq!(
        (reply.status, reply.error().as_str()),
        (502, "gopher-distributor does not answer")
    );
    assert_eq!(
        (reply.header("x-version"), reply.header("x-pod")),
        (Some("v1"), Some("pod-1"))
    );
    let failing = Part::start("distributor", &[("FAIL", "503")]);
    let reply = requester(&failing.url()).get("/");
    assert_eq!(
        (reply.status, reply.error().as_str()),
        (502, "gopher-distributor gave an unexpected status")
    );
}
