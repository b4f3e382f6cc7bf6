//! How many requests this pod received. Mirrored copies and retries can only be counted here, by the receiver; a copy looks like
//! any other request.

use std::collections::{HashMap, VecDeque};

use axum::http::HeaderMap;
use serde::Serialize;

/// More than these, and the oldest are forgotten: a pod has little memory.
const IDS: usize = 10_000;
const ID_LENGTH: usize = 128;
/// The first may be shared by many requests of one caller; the second is Envoy's own, one for each request.
const ID_HEADERS: [&str; 2] = ["x-count-id", "x-request-id"];
/// Sent by those who test routes before they are live; not counted.
const PROBE: &str = "x-meshgate-probe";

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    received: u64,
    failed: u64,
}

/// What is counted of one request.
pub(crate) struct Seen {
    id: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    all: Tally,
    by_id: HashMap<String, Tally>,
    oldest_first: VecDeque<String>,
}

impl Seen {
    /// None for a probe.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(PROBE) {
            return None;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let id = ID_HEADERS.iter().find_map(|name| text(name));
        let id = id.filter(|id| id.len() <= ID_LENGTH).map(str::to_owned);
        Some(Self { id })
    }
}

impl Counts {
    pub(crate) fn received(&mut self, seen: &Seen) {
        self.change(seen, |tally| tally.received += 1);
    }

    pub(crate) fn failed(&mut self, seen: &Seen) {
        self.change(seen, |tally| tally.failed += 1);
    }

    pub(crate) fn of(&self, id: Option<&str>) -> Tally {
        id.map_or(self.all, |id| self.by_id.get(id).copied().unwrap_or_default())
    }

    fn change(&mut self, seen: &Seen, change: impl Fn(&mut Tally)) {
        change(&mut self.all);
        let Some(id) = &seen.id else { return };
        if let Some(tally) = self.by_id.get_mut(id) {
            change(tally);
            return;
        }
        if self.oldest_first.len() == IDS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.oldest_first.push_back(id.clone());
        change(self.by_id.entry(id.clone()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn seen(headers: &[(&'static str, &str)]) -> Option<Seen> {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        Seen::of(&pairs.collect())
    }

    #[test]
    fn the_callers_own_id_comes_first() {
        let id = |headers| seen(headers).unwrap().id;
        assert_eq!(id(&[("x-request-id", "a"), ("x-count-id", "b")]).as_deref(), Some("b"));
        assert_eq!(id(&[("x-request-id", "a")]).as_deref(), Some("a"));
        assert_eq!(id(&[("x-request-id", &"a".repeat(129))]), None);
    }

    #[test]
    fn probes_are_not_counted() {
        assert!(seen(&[("x-meshgate-probe", "1"), ("x-request-id", "a")]).is_none());
    }

    #[test]
    fn the_oldest_ids_are_forgotten_but_stay_in_the_total() {
        let mut counts = Counts::default();
        for number in 0..=IDS {
            counts.received(&seen(&[("x-count-id", &number.to_string())]).unwrap());
        }
        assert_eq!(counts.of(Some("0")).received, 0);
        assert_eq!(counts.of(Some("1")).received, 1);
        assert_eq!(counts.of(None).received, IDS as u64 + 1);
        assert_eq!((counts.by_id.len(), counts.oldest_first.len()), (IDS, IDS));
    }
}
