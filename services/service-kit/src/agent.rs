//! Sends spans in batches, apart from the requests: to a Datadog agent, to an OpenTelemetry collector, or to both. One that is slow or away costs
//! spans, nothing else.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::mpsc;

use crate::{cause::root_cause, otlp, record::Record};

const EVERY: Duration = Duration::from_secs(1);
const BATCH: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(2);

/// Who takes spans, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An agent's `host:port`.
    Datadog(String),
    /// A collector's URL, to which `/v1/traces` is added.
    OpenTelemetry(String),
}

impl Destination {
    fn url(&self) -> String {
        match self {
            Self::Datadog(address) => format!("http://{address}/v0.4/traces"),
            Self::OpenTelemetry(endpoint) => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
        }
    }
}

pub(crate) async fn send(destinations: Vec<Destination>, client: reqwest::Client, mut spans: mpsc::Receiver<Record>) {
    let mut reachable = vec![true; destinations.len()];
    let mut open = true;
    while open {
        let mut batch = Vec::with_capacity(BATCH);
        let collected = tokio::time::timeout(EVERY, async {
            while batch.len() < BATCH {
                match spans.recv().await {
                    Some(span) => batch.push(span),
                    None => return false,
                }
            }
            true
        });
        open = collected.await.unwrap_or(true);
        if batch.is_empty() {
            continue;
        }
        for (destination, reachable) in destinations.iter().zip(&mut reachable) {
            let outcome = post(destination, &client, &batch).await;
            tell(&destination.url(), outcome, reachable);
        }
    }
}

/// When it changes, not every second.
fn tell(url: &str, outcome: Result<(), String>, reachable: &mut bool) {
    match outcome {
        Ok(()) if !*reachable => {
            *reachable = true;
            tracing::info!(url, "the trace agent takes traces again");
        }
        Err(error) if *reachable => {
            *reachable = false;
            tracing::warn!(
                url,
                error,
                "the trace agent takes no traces; they are dropped until it does"
            );
        }
        _ => {}
    }
}

async fn post(destination: &Destination, client: &reqwest::Client, batch: &[Record]) -> Result<(), String> {
    let request = match destination {
        Destination::Datadog(_) => {
            let mut traces: BTreeMap<u64, Vec<&Record>> = BTreeMap::new();
            for span in batch {
                traces.entry(span.trace_id).or_default().push(span);
            }
            let traces: Vec<_> = traces.into_values().collect();
            let body = rmp_serde::to_vec_named(&traces).map_err(|error| error.to_string())?;
            client
                .put(destination.url())
                .header("Content-Type", "application/msgpack")
                .header("Datadog-Meta-Lang", "rust")
                .header("Datadog-Meta-Tracer-Version", env!("CARGO_PKG_VERSION"))
                .header("X-Datadog-Trace-Count", traces.len())
                .body(body)
        }
        Destination::OpenTelemetry(_) => {
            let Some(body) = otlp::request(batch) else {
                return Ok(());
            };
            client
                .post(destination.url())
                .header("Content-Type", "application/json")
                .body(body.to_string())
        }
    };
    let answer = request
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|error| root_cause(&error))?;
    answer.error_for_status().map(drop).map_err(|error| error.to_string())
}
