//! A constant rate of requests to a URL, whether or not earlier ones have been answered, and a log line per second.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::get,
};
use reqwest::Url;
use serde::Serialize;
use service_kit::{ConfigError, Kit};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use crate::{environment::Environment, pod::VERSION};

const SECOND: Duration = Duration::from_secs(1);
/// A target that hangs must not cost unlimited memory: requests beyond these count as failed.
const AT_ONCE: usize = 200;

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Tally {
    ok: u64,
    failed: u64,
    versions: BTreeMap<String, u64>,
    /// By their status, or why there was none.
    failures: BTreeMap<String, u64>,
}

#[derive(Clone)]
struct Load {
    kit: Kit,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    tallies: Arc<Mutex<Tallies>>,
}

#[derive(Default)]
struct Tallies {
    all: Tally,
    second: Tally,
}

/// Needs a tokio runtime, and ends with it.
pub(crate) fn start(kit: Kit, environment: &Environment) -> Result<Router, ConfigError> {
    let load = Load {
        kit,
        url: environment.url("TARGET_URL", "http://product-service:8080/api/products")?,
        headers: headers(&environment.text("HEADERS", ""))?,
        timeout: Duration::from_millis(environment.number("TIMEOUT_MS", 1..=60_000)?.unwrap_or(5_000)),
        tallies: Arc::default(),
    };
    let rate = environment.number("RATE", 1..=1000)?.unwrap_or(10);
    tokio::spawn(load.clone().send(rate));
    tokio::spawn(load.clone().tell());
    Ok(Router::new().route("/load", get(totals)).with_state(load))
}

async fn totals(State(load): State<Load>) -> Json<Tally> {
    Json(load.tallies().all.clone())
}

/// `name: value`, separated by commas.
fn headers(given: &str) -> Result<HeaderMap, ConfigError> {
    let one = |entry: &str| -> Option<(HeaderName, HeaderValue)> {
        let (name, value) = entry.split_once(':')?;
        Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    let entries = given.split(',').filter(|entry| !entry.trim().is_empty());
    entries.map(one).collect::<Option<HeaderMap>>().ok_or_else(|| {
        ConfigError::new(
            "HEADERS",
            given,
            "name: value, separated by commas, such as x-canary: true",
        )
    })
}

impl Load {
    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(self, rate: u32) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut ticks = interval(SECOND / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                self.note(Err("too many at once".to_owned()));
                continue;
            };
            let load = self.clone();
            tokio::spawn(async move {
                let answer = load.once().await;
                load.note(answer);
                drop(place);
            });
        }
    }

    /// The version that responded, or the failure.
    async fn once(&self) -> Result<Option<String>, String> {
        let request = self.kit.client.get(self.url.clone()).headers(self.headers.clone());
        let none = |error: reqwest::Error| if error.is_timeout() { "timeout" } else { "no answer" }.to_owned();
        let response = request.timeout(self.timeout).send().await.map_err(none)?;
        let status = response.status();
        let version = response.headers().get(VERSION).and_then(|value| value.to_str().ok());
        let version = version.map(str::to_owned);
        // Read to the end, so that the connection can be reused.
        response.bytes().await.map_err(none)?;
        if status.is_success() {
            Ok(version)
        } else {
            Err(status.as_str().to_owned())
        }
    }

    fn note(&self, answer: Result<Option<String>, String>) {
        let mut tallies = self.tallies();
        tallies.all.note(answer.clone());
        tallies.second.note(answer);
    }

    async fn tell(self) {
        let mut ticks = interval(SECOND);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let second = std::mem::take(&mut self.tallies().second);
            tracing::info!(ok = second.ok, failed = second.failed, "{second}");
        }
    }
}

impl Tally {
    fn note(&mut self, answer: Result<Option<String>, String>) {
        match answer {
            Ok(version) => {
                self.ok += 1;
                *self
                    .versions
                    .entry(version.unwrap_or_else(|| "unknown".to_owned()))
                    .or_default() += 1;
            }
            Err(why) => {
                self.failed += 1;
                *self.failures.entry(why).or_default() += 1;
            }
        }
    }
}

/// For whoever watches the log: `10 ok (v1 9, v2 1), 2 failed (503 2)`.
impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = |counts: &BTreeMap<String, u64>| {
            let parts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            if parts.is_empty() {
                String::new()
            } else {
                format!(" ({})", parts.join(", "))
            }
        };
        let (versions, failures) = (parts(&self.versions), parts(&self.failures));
        write!(formatter, "{} ok{versions}, {} failed{failures}", self.ok, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_answered_and_why_others_did_not() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "0 ok, 0 failed");
        for answer in [
            Ok(Some("v1".to_owned())),
            Ok(Some("v1".to_owned())),
            Ok(Some("v2".to_owned())),
            Ok(None),
            Err("503".to_owned()),
        ] {
            tally.note(answer);
        }
        assert_eq!(tally.to_string(), "4 ok (unknown 1, v1 2, v2 1), 1 failed (503 1)");
    }

    #[test]
    fn headers_are_names_and_values() {
        assert!(headers("").unwrap().is_empty());
        let read = headers("x-canary: true, end-user: jason,").unwrap();
        assert_eq!(
            (read.len(), read["x-canary"].as_bytes(), read["end-user"].as_bytes()),
            (2, &b"true"[..], &b"jason"[..])
        );
        for wrong in ["x-canary", "x canary: true", "a: \u{1}"] {
            assert!(
                headers(wrong).unwrap_err().to_string().starts_with("HEADERS="),
                "{wrong}"
            );
        }
    }
}
