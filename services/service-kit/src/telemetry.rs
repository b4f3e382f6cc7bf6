//! Spans, measured here and handed to their sender; nothing here waits.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::http::StatusCode;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    agent::{self, Destination},
    context::TraceContext,
    record::Record,
};

/// Spans that may wait to be sent; more are dropped, so that a slow agent costs no memory.
const QUEUE: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Server,
    Client,
}

/// Where finished spans go. Clones share one queue.
#[derive(Debug, Clone)]
pub struct Telemetry {
    pub(crate) service: &'static str,
    version: &'static str,
    queue: Option<mpsc::Sender<Record>>,
}

impl Telemetry {
    /// For a service whose tracing is off: ids are still made, passed on and logged.
    #[must_use]
    pub fn off(service: &'static str, version: &'static str) -> Self {
        Self {
            service,
            version,
            queue: None,
        }
    }

    /// Starts the sender; it ends, its last spans sent, when every clone is gone. Needs a tokio runtime.
    #[must_use]
    pub fn sent_to(
        destinations: Vec<Destination>,
        service: &'static str,
        version: &'static str,
        client: reqwest::Client,
    ) -> (Self, JoinHandle<()>) {
        let (queue, spans) = mpsc::channel(QUEUE);
        let sender = tokio::spawn(agent::send(destinations, client, spans));
        (
            Self {
                service,
                version,
                queue: Some(queue),
            },
            sender,
        )
    }

    /// Begins a span under `parent`, or a new trace.
    #[must_use]
    pub fn span(&self, kind: Kind, parent: Option<&TraceContext>, resource: String) -> Span {
        Span {
            context: parent.map_or_else(TraceContext::root, TraceContext::child),
            parent_id: parent.map_or(0, |parent| parent.span_id),
            kind,
            resource,
            status: None,
            error: None,
            wall: SystemTime::now(),
            clock: Instant::now(),
            telemetry: self.clone(),
        }
    }
}

/// Work under way. It is recorded when dropped, also when the client hangs up in between.
#[derive(Debug)]
pub struct Span {
    pub context: TraceContext,
    parent_id: u64,
    kind: Kind,
    resource: String,
    status: Option<StatusCode>,
    error: Option<String>,
    wall: SystemTime,
    clock: Instant,
    telemetry: Telemetry,
}

impl Span {
    pub fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub fn error(&mut self, message: impl Into<String>) {
        self.error = Some(message.into());
    }

    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn record(&mut self) -> Record {
        let failed = match (self.kind, self.status) {
            (Kind::Server, Some(status)) => status.is_server_error(),
            (Kind::Client, Some(status)) => status.is_client_error() || status.is_server_error(),
            (_, None) => false,
        } || self.error.is_some();
        let (name, kind, label) = match self.kind {
            Kind::Server => ("http.server.request", "web", "server"),
            Kind::Client => ("http.client.request", "http", "client"),
        };
        let mut meta = BTreeMap::from([
            ("_dd.p.tid", Cow::from(format!("{:016x}", self.context.trace_id >> 64))),
            (
                "component",
                Cow::from(if self.kind == Kind::Server { "axum" } else { "reqwest" }),
            ),
            ("language", Cow::from("rust")),
            ("span.kind", Cow::from(label)),
            ("version", Cow::from(self.telemetry.version)),
        ]);
        if let Some((method, _)) = self.resource.split_once(' ') {
            meta.insert("http.method", Cow::from(method.to_owned()));
        }
        if let Some(status) = self.status {
            meta.insert("http.status_code", Cow::from(status.as_str().to_owned()));
        }
        if let Some(message) = self.error.take() {
            meta.insert("error.message", Cow::from(message));
        }
        let priority = if self.context.sampled { 1.0 } else { 0.0 };
        let mut metrics = BTreeMap::from([("_sampling_priority_v1", priority)]);
        if self.kind == Kind::Server {
            metrics.insert("_dd.top_level", 1.0);
        }
        Record {
            service: self.telemetry.service,
            name,
            resource: std::mem::take(&mut self.resource),
            kind,
            trace_id: lower(self.context.trace_id),
            span_id: self.context.span_id,
            parent_id: self.parent_id,
            start: nanoseconds(self.wall.duration_since(UNIX_EPOCH).unwrap_or_default()),
            duration: nanoseconds(self.clock.elapsed()).max(1),
            error: u8::from(failed),
            meta,
            metrics,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(queue) = self.telemetry.queue.clone()
            && let Ok(slot) = queue.try_reserve()
        {
            slot.send(self.record());
        }
    }
}

fn lower(id: u128) -> u64 {
    u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
