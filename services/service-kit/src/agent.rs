//! Sends spans to a Datadog agent in batches, apart from the requests. An agent that is slow or away costs spans, nothing else.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::mpsc;

use crate::{cause::root_cause, record::Record};

const EVERY: Duration = Duration::from_secs(1);
const BATCH: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn send(url: String, client: reqwest::Client, mut spans: mpsc::Receiver<Record>) {
    let mut reachable = true;
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
        // Told when it changes, not every second.
        match post(&url, &client, batch).await {
            Ok(()) if !reachable => {
                reachable = true;
                tracing::info!(url, "the trace agent takes traces again");
            }
            Err(error) if reachable => {
                reachable = false;
                tracing::warn!(
                    url,
                    error,
                    "the trace agent takes no traces; they are dropped until it does"
                );
            }
            _ => {}
        }
    }
}

async fn post(url: &str, client: &reqwest::Client, batch: Vec<Record>) -> Result<(), String> {
    let mut traces: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    for span in batch {
        traces.entry(span.trace_id).or_default().push(span);
    }
    let traces: Vec<_> = traces.into_values().collect();
    let body = rmp_serde::to_vec_named(&traces).map_err(|error| error.to_string())?;
    let request = client
        .put(url)
        .timeout(TIMEOUT)
        .header("Content-Type", "application/msgpack")
        .header("Datadog-Meta-Lang", "rust")
        .header("Datadog-Meta-Tracer-Version", env!("CARGO_PKG_VERSION"))
        .header("X-Datadog-Trace-Count", traces.len())
        .body(body);
    let answer = request.send().await.map_err(|error| root_cause(&error))?;
    answer.error_for_status().map(drop).map_err(|error| error.to_string())
}
