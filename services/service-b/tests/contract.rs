//! service-b as the gateway sees it, with service-a well, down, slow and wrong.

#[path = "../../testing/mod.rs"]
mod testing;

use std::{io::Write, thread, time::Duration};

use testing::{Fake, Running, nobody, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-b");
const WITHIN: Duration = Duration::from_secs(2);
const FIELDS: &str = r#"{"key_one":"one","key_two":"two"}"#;

/// The real service-a's routes on a real socket.
fn service_a() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, service_a::routes()).await.unwrap();
        });
    });
    url
}

fn service_b(service_a: &str) -> Running {
    Running::start(PROGRAM, &[("SERVICE_A_URL", service_a)])
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn the_two_requests_of_the_platform() {
    let service = service_b(&service_a());
    let health = service.get("/health");
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"Healthy"}"#));
    let reply = service.get("/?name=A+Field");
    assert_eq!(
        reply.body,
        r#"{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}"#
    );
    assert_eq!((reply.status, reply.header("content-length")), (200, Some("59")));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn names_arrive_as_they_were_sent() {
    let service = service_b(&service_a());
    let longest = "x".repeat(256);
    for (sent, meant) in [
        ("/", "Unknown"),
        ("/?other=1", "Unknown"),
        ("/?name=", ""),
        ("/?name=A%20Field", "A Field"),
        ("/?name=%E2%82%AC%F0%9F%A6%80", "€🦀"),
        ("/?name=a%26p%3Db%23c%3Fd%2Fe%25f%2Bg", "a&p=b#c?d/e%f+g"),
        ("/?name=%22%5C%0A%00", "\"\\\n\0"),
        ("/?name=..%2F..%2Fhealth", "../../health"),
        (&format!("/?name={longest}"), &longest),
    ] {
        let reply = service.get(sent);
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{sent}");
        assert_eq!(body["key_two"].as_str().unwrap(), format!("({meant})Field 2"));
    }
    for refused in [format!("/?name={longest}x"), "/?name=a&name=b".to_owned()] {
        let reply = service.get(&refused);
        assert_eq!(reply.status, 400);
        assert!(reply.error().contains("name"), "{reply:?}");
    }
    assert_eq!(service.get("/nothing").error(), "no such path");
}

#[test]
fn service_a_down_is_a_502() {
    for url in [format!("http://{}", nobody()), "http://no-such-name.invalid".to_owned()] {
        let service = service_b(&url);
        let reply = service.get("/?name=x");
        assert_eq!(reply.status, 502, "{reply:?}");
        assert_eq!(reply.error(), "service-a does not answer");
        assert!(reply.took < WITHIN, "{reply:?}");
        assert_eq!(service.get("/health").status, 200);
    }
}

#[test]
fn service_a_slow_is_a_504() {
    let silent = Fake::start(|_, _| {
        thread::sleep(Duration::from_secs(5));
        false
    });
    let dripping = Fake::start(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            .unwrap();
        (0..100).all(|_| {
            thread::sleep(Duration::from_millis(100));
            stream.write_all(b" ").is_ok()
        })
    });
    let mesh = Fake::says("HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n");
    for fake in [silent, dripping, mesh] {
        let reply = service_b(&fake.url()).get("/?name=x");
        assert_eq!(reply.status, 504, "{reply:?}");
        assert_eq!(reply.error(), "service-a did not answer in time");
        assert!(reply.took < WITHIN, "{reply:?}");
    }
}

#[test]
fn service_a_wrong_is_a_502() {
    for (case, answer) in [
        ("status 500", "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"),
        (
            "status 503",
            "HTTP/1.1 503 No\r\ncontent-length: 19\r\n\r\nno healthy upstream",
        ),
        (
            "status 404",
            "HTTP/1.1 404 No\r\ncontent-length: 33\r\n\r\n{\"key_one\":\"one\",\"key_two\":\"two\"}",
        ),
        (
            "redirect",
            "HTTP/1.1 302 Found\r\nlocation: /health\r\ncontent-length: 0\r\n\r\n",
        ),
        ("not JSON", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        ("no body", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            "key missing",
            "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"key_one\":\"one\"}",
        ),
        (
            "another type",
            "HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n{\"key_one\":1,\"key_two\":\"2\"}",
        ),
        ("not HTTP", "SSH-2.0-OpenSSH\r\n\r\n"),
    ] {
        let reply = service_b(&Fake::says(answer).url()).get("/?name=x");
        assert_eq!(reply.status, 502, "{case}: {reply:?}");
        assert!(reply.error().starts_with("service-a "), "{case}: {reply:?}");
        assert!(reply.took < WITHIN, "{case}: {reply:?}");
    }
}

#[test]
fn a_connection_that_breaks_is_a_502() {
    let before = Fake::start(|_, _| false);
    let within = Fake::start(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
            .unwrap();
        false
    });
    for fake in [before, within] {
        let reply = service_b(&fake.url()).get("/?name=x");
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (502, "service-a does not answer")
        );
    }
}

#[test]
fn an_endless_answer_is_cut_off() {
    let endless = Fake::start(|_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            .unwrap();
        let block = [b' '; 8192];
        while stream.write_all(&block).is_ok() {}
        false
    });
    let reply = service_b(&endless.url()).get("/?name=x");
    assert_eq!(
        (reply.status, reply.error().as_str()),
        (502, "service-a's answer is too long")
    );
    assert!(reply.took < WITHIN, "{reply:?}");
}

/// service-a that closes the connection without an answer, so many times.
fn closes(times: usize) -> Fake {
    let left = std::sync::atomic::AtomicUsize::new(times);
    Fake::start(move |_, stream| {
        let order = std::sync::atomic::Ordering::SeqCst;
        if left.fetch_update(order, order, |left| left.checked_sub(1)).is_ok() {
            return false;
        }
        stream.write_all(ok(FIELDS).as_bytes()).is_ok()
    })
}

#[test]
fn a_connection_that_was_just_closed_is_not_noticed() {
    let fake = closes(1);
    let reply = service_b(&fake.url()).get("/");
    assert_eq!((reply.status, reply.body.as_str()), (200, FIELDS));
}

#[test]
fn it_recovers_with_service_a() {
    let fake = closes(2);
    let service = service_b(&fake.url());
    assert_eq!(service.get("/").status, 502);
    assert_eq!(service.get("/").status, 200);
}

#[test]
fn connections_to_service_a_are_kept() {
    let fake = Fake::start(|_, stream| stream.write_all(ok(FIELDS).as_bytes()).is_ok());
    let service = service_b(&fake.url());
    for _ in 0..20 {
        assert_eq!(service.get("/?name=x").body, FIELDS);
    }
    assert_eq!(fake.connections(), 1);
}

#[test]
fn many_at_once_wait_for_nobody() {
    let fake = Fake::start(|_, stream| {
        thread::sleep(Duration::from_millis(500));
        stream.write_all(ok(FIELDS).as_bytes()).is_ok()
    });
    let service = service_b(&fake.url());
    thread::scope(|scope| {
        for request in (0..50)
            .map(|_| scope.spawn(|| service.get("/?name=x")))
            .collect::<Vec<_>>()
        {
            let reply = request.join().unwrap();
            assert_eq!((reply.status, reply.took < WITHIN), (200, true), "{reply:?}");
        }
    });
}

#[test]
fn sigterm_lets_a_request_finish() {
    let fake = Fake::start(|_, stream| {
        thread::sleep(Duration::from_millis(800));
        stream.write_all(ok(FIELDS).as_bytes()).is_ok()
    });
    let mut service = service_b(&fake.url());
    let address = service.address;
    let under_way = thread::spawn(move || testing::request(address, "GET", "/?name=x", &[]));
    thread::sleep(Duration::from_millis(300));
    service.terminate();
    thread::sleep(Duration::from_millis(200));
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "a stopping service takes no new connection"
    );
    assert_eq!(under_way.join().unwrap().body, FIELDS);
    assert_eq!(service.wait(WITHIN).code(), Some(0));
}

#[test]
fn a_bad_url_of_service_a_is_one_clear_line() {
    for url in ["service-a", "https://service-a", "http://"] {
        let ended = run(PROGRAM, &[], &[("SERVICE_A_URL", url), ("BIND_ADDRESS", "127.0.0.1:0")]);
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains(&format!("SERVICE_A_URL={url:?}")), "{told}");
    }
}
