//! Traces: W3C context passed on, one Datadog trace over both services, and an agent that is away or hangs.

#[path = "../../testing/mod.rs"]
mod testing;

use std::{
    io::Write,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use service_kit::Destination;
use testing::{Fake, Running, header, nobody, request};

const SERVICE_B: &str = env!("CARGO_BIN_EXE_service-b");
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const FIELDS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n{\"key_one\":\"one\",\"key_two\":\"two\"}";

/// A trace agent that keeps what it is sent.
struct Agent {
    fake: Fake,
    heads: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Agent {
    fn start() -> Self {
        let (heads, spans) = (Arc::default(), Arc::<Mutex<Vec<Value>>>::default());
        let (kept_heads, kept_spans): (Arc<Mutex<Vec<String>>>, _) = (Arc::clone(&heads), Arc::clone(&spans));
        let fake = Fake::start(move |received, stream| {
            let traces: Vec<Vec<Value>> = rmp_serde::from_slice(&received.body).expect("msgpack traces");
            kept_heads.lock().unwrap().push(received.head);
            kept_spans.lock().unwrap().extend(traces.into_iter().flatten());
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .is_ok()
        });
        Self { fake, heads, spans }
    }

    fn environment<'a>(&self, address: &'a mut String) -> [(&'a str, &'a str); 2] {
        *address = self.fake.address.to_string();
        [("DD_TRACING_ENABLED", "true"), ("AGENT_ADDRESS", address)]
    }

    fn wait_for(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let spans = self.spans.lock().unwrap().clone();
            if spans.len() >= count {
                return spans;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{} of {count} spans: {spans:?}",
                spans.len()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// service-a in this process, sending its own spans to the same agent.
fn service_a(to: Vec<Destination>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (telemetry, _sender) =
                service_kit::Telemetry::sent_to(to, "service-a", "0.1.0", reqwest::Client::new());
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, service_kit::app(&telemetry, service_a::routes()))
                .await
                .unwrap();
        });
    });
    url
}

/// An OpenTelemetry collector that keeps what it is sent.
fn collector(kept: Arc<Mutex<Vec<Value>>>) -> Fake {
    Fake::start(move |received, stream| {
        assert!(received.head.starts_with("POST /v1/traces "), "{}", received.head);
        assert_eq!(header(&received.head, "content-type"), Some("application/json"));
        let body: Value = serde_json::from_slice(&received.body).expect("JSON");
        kept.lock()
            .unwrap()
            .extend(body["resourceSpans"].as_array().unwrap().iter().cloned());
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            .is_ok()
    })
}

/// All spans that a collector has, each with the service that sent it.
fn spans_of(kept: &Mutex<Vec<Value>>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for resource in kept.lock().unwrap().iter() {
        let service = &resource["resource"]["attributes"][0];
        assert_eq!(service["key"], "service.name");
        let name = service["value"]["stringValue"].as_str().unwrap();
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            found.push((name.to_owned(), span.clone()));
        }
    }
    found
}

#[test]
fn a_collector_gets_the_same_trace_in_its_own_format() {
    let kept = Arc::<Mutex<Vec<Value>>>::default();
    let collector = collector(Arc::clone(&kept));
    let endpoint = format!("http://{}", collector.address);
    let service_a = service_a(vec![Destination::OpenTelemetry(endpoint.clone())]);
    let service = Running::start(
        SERVICE_B,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("SERVICE_A_URL", &service_a),
        ],
    );
    let unwanted = PARENT.replace("-01", "-00").replace("4bf9", "5bf9");
    assert_eq!(
        request(service.address, "GET", "/", &[("traceparent", &unwanted)]).status,
        200
    );
    assert_eq!(
        request(service.address, "GET", "/", &[("traceparent", PARENT)]).status,
        200
    );

    let begun = Instant::now();
    while spans_of(&kept).len() < 3 && begun.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(20));
    }
    let spans = spans_of(&kept);
    assert_eq!(spans.len(), 3, "those of the wanted trace: {spans:?}");
    let find = |name: &str, kind: u8| {
        &spans
            .iter()
            .find(|(of, span)| of == name && span["kind"] == kind)
            .unwrap()
            .1
    };
    let (root, client, leaf) = (find("service-b", 2), find("service-b", 3), find("service-a", 2));
    assert_eq!(root["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(client["parentSpanId"], root["spanId"]);
    assert_eq!(leaf["parentSpanId"], client["spanId"]);
    assert!(
        spans
            .iter()
            .all(|(_, span)| span["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
    );
    assert_eq!((&root["name"], &leaf["name"]), (&"GET /".into(), &"GET /route".into()));
    let status = root["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|attribute| attribute["key"] == "http.response.status_code")
        .unwrap();
    assert_eq!(status["value"]["intValue"], "200");
    let nanoseconds = |name: &str| root[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanoseconds("startTimeUnixNano") < nanoseconds("endTimeUnixNano"));
}

#[test]
fn one_trace_spans_both_services() {
    let agent = Agent::start();
    let service_a = service_a(vec![Destination::Datadog(agent.fake.address.to_string())]);
    let mut address = String::new();
    let [enabled, to] = agent.environment(&mut address);
    let service = Running::start(SERVICE_B, &[enabled, to, ("SERVICE_A_URL", &service_a)]);
    assert_eq!(service.get("/?name=A+Field").status, 200);

    let spans = agent.wait_for(3);
    assert_eq!(spans.len(), 3);
    let find = |name: &str, kind: &str| {
        spans
            .iter()
            .find(|span| span["service"] == name && span["meta"]["span.kind"] == kind)
            .unwrap()
    };
    let (root, client, leaf) = (
        find("service-b", "server"),
        find("service-b", "client"),
        find("service-a", "server"),
    );
    assert_eq!(root["parent_id"], 0);
    assert_eq!(client["parent_id"], root["span_id"]);
    assert_eq!(leaf["parent_id"], client["span_id"]);
    assert!(spans.iter().all(|span| span["trace_id"] == root["trace_id"]));
    assert!(
        spans
            .iter()
            .all(|span| span["meta"]["_dd.p.tid"] == root["meta"]["_dd.p.tid"])
    );
    assert_eq!(
        (&root["resource"], &leaf["resource"]),
        (&"GET /".into(), &"GET /route".into())
    );
    assert_eq!(root["meta"]["http.status_code"], "200");
    assert_eq!(
        (&root["type"], &client["type"], &root["error"]),
        (&"web".into(), &"http".into(), &0.into())
    );

    let logged = service.logged("/");
    let low = u128::from_str_radix(logged["trace_id"].as_str().unwrap(), 16).unwrap() & u128::from(u64::MAX);
    assert_eq!(
        u128::from(root["trace_id"].as_u64().unwrap()),
        low,
        "the log names the trace"
    );
    for head in agent.heads.lock().unwrap().iter() {
        assert!(head.starts_with("PUT /v0.4/traces "), "{head}");
        assert_eq!(header(head, "content-type"), Some("application/msgpack"));
        assert_eq!(header(head, "x-datadog-trace-count"), Some("1"));
    }
}

#[test]
fn the_callers_trace_is_continued() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let fake = Fake::start(move |received, stream| {
        kept.lock().unwrap().push(received.head);
        stream.write_all(FIELDS.as_bytes()).is_ok()
    });
    let agent = Agent::start();
    let mut address = String::new();
    let [enabled, to] = agent.environment(&mut address);
    let service = Running::start(SERVICE_B, &[enabled, to, ("SERVICE_A_URL", &fake.url())]);
    let headers = [("traceparent", PARENT), ("tracestate", "dd=s:1,other=x")];
    assert_eq!(request(service.address, "GET", "/", &headers).status, 200);

    let spans = agent.wait_for(2);
    let server = spans.iter().find(|span| span["meta"]["span.kind"] == "server").unwrap();
    assert_eq!(server["trace_id"], 0xa3ce_929d_0e0e_4736_u64);
    assert_eq!(server["meta"]["_dd.p.tid"], "4bf92f3577b34da6");
    assert_eq!(server["parent_id"], 0x00f0_67aa_0ba9_02b7_u64);
    let client = spans.iter().find(|span| span["meta"]["span.kind"] == "client").unwrap();
    let passed = heads.lock().unwrap()[0].clone();
    let expected = format!(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-{:016x}-01",
        client["span_id"].as_u64().unwrap()
    );
    assert_eq!(header(&passed, "traceparent"), Some(expected.as_str()));
    assert_eq!(header(&passed, "tracestate"), Some("dd=s:1,other=x"));
}

#[test]
fn context_passes_on_with_tracing_off() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let fake = Fake::start(move |received, stream| {
        kept.lock().unwrap().push(received.head);
        stream.write_all(FIELDS.as_bytes()).is_ok()
    });
    let service = Running::start(SERVICE_B, &[("SERVICE_A_URL", &fake.url())]);
    request(service.address, "GET", "/", &[("traceparent", PARENT)]);
    assert!(
        header(&heads.lock().unwrap()[0], "traceparent")
            .unwrap()
            .starts_with(&PARENT[..36])
    );
}

#[test]
fn a_failure_of_service_a_shows_in_the_trace() {
    let agent = Agent::start();
    let mut address = String::new();
    let [enabled, to] = agent.environment(&mut address);
    let service_a = format!("http://{}", nobody());
    let service = Running::start(SERVICE_B, &[enabled, to, ("SERVICE_A_URL", &service_a)]);
    assert_eq!(service.get("/").status, 502);
    let spans = agent.wait_for(2);
    assert!(spans.iter().all(|span| span["error"] == 1), "{spans:?}");
    let client = spans.iter().find(|span| span["meta"]["span.kind"] == "client").unwrap();
    assert!(
        client["meta"]["error.message"].as_str().unwrap().contains("refused"),
        "{client}"
    );
}

#[test]
fn probes_leave_no_trace() {
    let agent = Agent::start();
    let mut address = String::new();
    let [enabled, to] = agent.environment(&mut address);
    let service = Running::start(SERVICE_B, &[enabled, to, ("SERVICE_A_URL", &Fake::says(FIELDS).url())]);
    service.get("/health");
    service.get("/");
    assert!(agent.wait_for(2).iter().all(|span| span["resource"] != "GET /health"));
}

#[test]
fn sigterm_sends_the_last_spans() {
    let agent = Agent::start();
    let mut address = String::new();
    let [enabled, to] = agent.environment(&mut address);
    let mut service = Running::start(SERVICE_B, &[enabled, to, ("SERVICE_A_URL", &Fake::says(FIELDS).url())]);
    service.get("/");
    service.terminate();
    assert_eq!(service.wait(Duration::from_secs(3)).code(), Some(0));
    assert_eq!(agent.spans.lock().unwrap().len(), 2);
}

fn took(service: &Running) -> Duration {
    let begun = Instant::now();
    assert_eq!(service.get("/").status, 200);
    begun.elapsed()
}

#[test]
fn an_agent_that_is_away_or_hangs_costs_nothing() {
    let hanging = Fake::start(|_, _| {
        thread::sleep(Duration::from_secs(30));
        false
    });
    for agent in [
        nobody().to_string(),
        hanging.address.to_string(),
        "192.0.2.1".to_owned(),
    ] {
        let service_a = Fake::says(FIELDS).url();
        let environment = [
            ("DD_TRACING_ENABLED", "true"),
            ("AGENT_ADDRESS", &agent),
            ("SERVICE_A_URL", &service_a),
        ];
        let mut service = Running::start(SERVICE_B, &environment);
        let untraced = Running::start(SERVICE_B, &environment[2..]);
        // In turn: whatever else this machine does takes its time from both.
        let (mut without, mut with) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..100 {
            without += took(&untraced);
            with += took(&service);
        }
        assert!(
            with < 2 * without + Duration::from_secs(1),
            "{agent}: {with:?}, without an agent {without:?}"
        );
        service.terminate();
        assert_eq!(service.wait(Duration::from_secs(5)).code(), Some(0), "{agent}");
    }
}
