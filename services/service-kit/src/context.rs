//! W3C Trace Context: read from a request, passed on to the next.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where in a trace a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: u128,
    pub span_id: u64,
    pub sampled: bool,
    state: Vec<HeaderValue>,
}

impl TraceContext {
    /// What the caller sent; None when it sent nothing usable, as the specification asks.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(&TRACEPARENT).iter();
        let (first, None) = (sent.next()?, sent.next()) else {
            return None;
        };
        let (trace_id, span_id, sampled) = parse(first.to_str().ok()?.trim())?;
        let state = headers.get_all(&TRACESTATE).iter().cloned().collect();
        Some(Self {
            trace_id,
            span_id,
            sampled,
            state,
        })
    }

    /// The start of a new trace. The upper half begins with the time, as Datadog's 128-bit ids do.
    #[must_use]
    pub fn root() -> Self {
        let seconds = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() & u64::from(u32::MAX));
        let trace_id = (u128::from(seconds) << 96) | u128::from(fastrand::u64(1..));
        Self {
            trace_id,
            span_id: fastrand::u64(1..),
            sampled: true,
            state: Vec::new(),
        }
    }

    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: fastrand::u64(1..),
            ..self.clone()
        }
    }

    pub fn inject(&self, headers: &mut HeaderMap) {
        let value = format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        );
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(TRACEPARENT, value);
        }
        for state in &self.state {
            headers.append(TRACESTATE, state.clone());
        }
    }
}

fn parse(text: &str) -> Option<(u128, u64, bool)> {
    let mut parts = text.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower_hex =
        |part: &str, length| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = lower_hex(version, 2) && lower_hex(trace_id, 32) && lower_hex(span_id, 16) && lower_hex(flags, 2);
    // Only version 00 promises that nothing follows the flags.
    if !well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
    let span_id = u64::from_str_radix(span_id, 16).ok().filter(|id| *id != 0)?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace_id, span_id, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(parent: &str) -> HeaderMap {
        HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_str(parent).unwrap())])
    }

    #[test]
    fn what_comes_in_goes_out() {
        let mut sent = headers(VALID);
        sent.append(TRACESTATE, HeaderValue::from_static("dd=s:1"));
        sent.append(TRACESTATE, HeaderValue::from_static("other=x"));
        let context = TraceContext::from_headers(&sent).unwrap();
        let mut passed = HeaderMap::new();
        context.inject(&mut passed);
        assert_eq!(passed, sent);
    }

    #[test]
    fn a_child_keeps_the_trace_and_the_decision() {
        let unsampled = VALID.replace("-01", "-00");
        let parent = TraceContext::from_headers(&headers(&unsampled)).unwrap();
        let child = parent.child();
        assert_eq!((child.trace_id, child.sampled), (parent.trace_id, false));
        assert_ne!(child.span_id, parent.span_id);
    }

    #[test]
    fn a_later_version_is_read_by_its_known_part() {
        assert!(TraceContext::from_headers(&headers(&format!("{}-more", VALID.replacen("00", "cc", 1)))).is_some());
    }

    #[test]
    fn anything_else_is_ignored() {
        for bad in [
            "",
            "00",
            "nonsense",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::from_headers(&headers(bad)), None, "{bad}");
        }
        let mut twice = headers(VALID);
        twice.append(TRACEPARENT, HeaderValue::from_static(VALID));
        assert_eq!(TraceContext::from_headers(&twice), None);
    }

    #[test]
    fn new_traces_differ() {
        assert_ne!(TraceContext::root().trace_id, TraceContext::root().trace_id);
    }
}
