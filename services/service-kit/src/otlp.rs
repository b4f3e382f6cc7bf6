//! Spans as OpenTelemetry's collectors take them: OTLP in JSON over HTTP.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids in hex, 64-bit integers as strings.

use serde_json::{Value, json};

use crate::record::Record;

const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const ERROR: u8 = 2;
/// Names that differ: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>. What only Datadog knows has none.
const ATTRIBUTES: [(&str, &str); 3] = [
    ("http.method", "http.request.method"),
    ("http.status_code", "http.response.status_code"),
    ("error.message", "error.message"),
];

/// The body of one request. Spans of a trace that its caller did not want are left out; None if all are.
pub(crate) fn request(spans: &[Record]) -> Option<Value> {
    let wanted: Vec<&Record> = spans.iter().filter(|span| span.sampled()).collect();
    let first = wanted.first()?;
    let resource = [
        ("service.name", first.service),
        ("service.version", first.meta("version")),
        ("telemetry.sdk.language", "rust"),
    ];
    Some(json!({"resourceSpans": [{
        "resource": {"attributes": resource.map(|(key, value)| text(key, value))},
        "scopeSpans": [{"scope": {"name": "service-kit"}, "spans": wanted.into_iter().map(span).collect::<Vec<_>>()}],
    }]}))
}

fn span(record: &Record) -> Value {
    let attributes: Vec<Value> = ATTRIBUTES
        .into_iter()
        .filter(|(ours, _)| !record.meta(ours).is_empty())
        .map(|(ours, theirs)| match (theirs, record.meta(ours).parse::<u16>()) {
            ("http.response.status_code", Ok(status)) => {
                json!({"key": theirs, "value": {"intValue": status.to_string()}})
            }
            _ => text(theirs, record.meta(ours)),
        })
        .collect();
    let parent = if record.parent_id == 0 {
        String::new()
    } else {
        format!("{:016x}", record.parent_id)
    };
    json!({
        "traceId": format!("{}{:016x}", record.meta("_dd.p.tid"), record.trace_id),
        "spanId": format!("{:016x}", record.span_id),
        "parentSpanId": parent,
        "name": record.resource,
        "kind": if record.meta("span.kind") == "server" { SERVER } else { CLIENT },
        "startTimeUnixNano": record.start.to_string(),
        "endTimeUnixNano": record.start.saturating_add(record.duration).to_string(),
        "attributes": attributes,
        "status": if record.error == 0 { json!({}) } else { json!({"code": ERROR}) },
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
