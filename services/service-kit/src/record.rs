//! A span as the agent takes it.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

/// One span in the form of the agent's v0.4 API.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub service: &'static str,
    pub name: &'static str,
    pub resource: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The lower half; the upper travels as `_dd.p.tid`.
    pub trace_id: u64,
    pub span_id: u64,
    pub parent_id: u64,
    pub start: u64,
    pub duration: u64,
    pub error: u8,
    pub meta: BTreeMap<&'static str, Cow<'static, str>>,
    pub metrics: BTreeMap<&'static str, f64>,
}

impl Record {
    /// Whether the trace's first caller wanted it to be kept.
    pub(crate) fn sampled(&self) -> bool {
        self.metrics
            .get("_sampling_priority_v1")
            .is_none_or(|priority| *priority > 0.0)
    }

    /// Empty for what was not said.
    pub(crate) fn meta(&self, key: &str) -> &str {
        self.meta.get(key).map_or("", |value| value.as_ref())
    }
}
