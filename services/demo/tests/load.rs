//! The load generator, on servers that answer, fail and hang.

mod part;

use std::{
    io::Write,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use part::{
    Part,
    testing::{Fake, header, nobody},
};
use serde_json::Value;

fn load(target: &str, more: &[(&str, &str)]) -> Part {
    let mut environment = vec![("TARGET_URL", target)];
    environment.extend(more);
    Part::start("load", &environment)
}

/// The first line that says something.
fn line(part: &Part) -> String {
    let begun = Instant::now();
    loop {
        let log = part.log.lock().unwrap().clone();
        let mut messages = log.iter().filter_map(|entry| entry["message"].as_str());
        if let Some(found) = messages.find(|message| message.contains(" ok") && *message != "0 ok, 0 failed") {
            return found.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{log:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_line_a_second_says_which_versions_answered() {
    let product = Part::start("product", &[("VERSION", "v3")]);
    let part = load(&format!("{}/api/products", product.url()), &[("RATE", "50")]);
    let told = line(&part);
    let ok: u64 = told.split(' ').next().unwrap().parse().unwrap();
    assert!((1..=100).contains(&ok), "{told}");
    assert_eq!(told, format!("{ok} ok (v3 {ok}), 0 failed"));
    let totals: Value = part.told("GET", "/load");
    assert_eq!(totals["versions"]["v3"], totals["ok"]);
    assert!(totals["ok"].as_u64() >= Some(ok));
    assert_eq!(part.status("/load"), 200);
}

#[test]
fn it_counts_why_requests_failed() {
    let failing = Fake::says("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").url();
    let hanging = Fake::start(|_, _| {
        thread::sleep(Duration::from_secs(10));
        false
    });
    for (url, why) in [
        (failing, "503"),
        (format!("http://{}", nobody()), "no answer"),
        (hanging.url(), "timeout"),
    ] {
        let part = load(&url, &[("RATE", "20"), ("TIMEOUT_MS", "100")]);
        let told = line(&part);
        assert!(
            told.starts_with("0 ok, ") && told.contains(&format!(" failed ({why} ")),
            "{told}"
        );
        assert!(part.told("GET", "/load")["failures"][why].as_u64() > Some(0));
    }
}

#[test]
fn it_does_not_wait_for_a_target_that_hangs() {
    let hanging = Fake::start(|_, _| {
        thread::sleep(Duration::from_secs(20));
        false
    });
    let part = load(&hanging.url(), &[("RATE", "1000"), ("TIMEOUT_MS", "10000")]);
    assert!(line(&part).contains("too many at once"));
    assert_eq!(part.status("/ready"), 200);
}

#[test]
fn headers_go_with_every_request() {
    let head = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&head);
    let fake = Fake::start(move |received, stream| {
        *kept.lock().unwrap() = received.head;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .is_ok()
    });
    let part = load(&fake.url(), &[("HEADERS", "x-canary: true, end-user: jason")]);
    assert!(line(&part).contains("ok (unknown "));
    let head = head.lock().unwrap().clone();
    assert_eq!(
        (header(&head, "x-canary"), header(&head, "end-user")),
        (Some("true"), Some("jason"))
    );
}

#[test]
fn sigterm_ends_it_cleanly() {
    let fake = Fake::says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut part = load(&fake.url(), &[]);
    line(&part);
    part.terminate();
    assert_eq!(part.wait(Duration::from_secs(2)).code(), Some(0));
}
