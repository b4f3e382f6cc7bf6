//! Failures and delays on purpose: of a pod by its environment or through its control address, of a single request by its query.

use std::time::Duration;

use axum::{
    extract::Query,
    http::{HeaderMap, StatusCode, Uri},
};
use serde::{Deserialize, Serialize};
use service_kit::{ApiError, ConfigError};

use crate::environment::Environment;

/// The status when only a ratio is given.
const UNAVAILABLE: u16 = 503;
const LONGEST_MS: u64 = 3_600_000;
/// Envoy counts its attempts in it: 2 is the first retry.
const ATTEMPT: &str = "x-envoy-attempt-count";

/// As in a query.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub(crate) struct Fault {
    /// The status of requests that fail.
    fail: Option<u16>,
    /// The share of requests that fail.
    ratio: Option<f64>,
    /// Only the first attempts of a request fail, this many of them.
    attempts: Option<u32>,
    delay_ms: Option<u64>,
}

impl Fault {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            fail: environment.number("FAIL", 400..=599)?,
            ratio: environment.number("FAIL_RATIO", 0.0..=1.0)?,
            attempts: None,
            delay_ms: environment.number("DELAY_MS", 0..=LONGEST_MS)?,
        })
    }

    /// # Errors
    /// A 400 that says what is accepted.
    pub(crate) fn asked(uri: &Uri) -> Result<Self, ApiError> {
        let refused = || {
            let accepted = "fail from 400 to 599, ratio from 0 to 1, attempts and delay_ms as whole numbers, each once";
            ApiError::bad_request(format!("accepted: {accepted}"))
        };
        let Query(asked) = Query::<Self>::try_from_uri(uri).map_err(|_| refused())?;
        let right = asked.fail.is_none_or(|status| (400..=599).contains(&status))
            && asked.ratio.is_none_or(|ratio| (0.0..=1.0).contains(&ratio))
            && asked.delay_ms.is_none_or(|delay| delay <= LONGEST_MS);
        if right { Ok(asked) } else { Err(refused()) }
    }

    /// What a request asks for takes precedence over what the pod does anyway.
    pub(crate) fn or(self, of_the_pod: Self) -> Self {
        let fails = if self.fail.is_some() || self.ratio.is_some() {
            self
        } else {
            of_the_pod
        };
        Self {
            delay_ms: self.delay_ms.or(of_the_pod.delay_ms),
            ..fails
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or_default())
    }

    /// The status with which this request fails, if it does.
    pub(crate) fn strikes(&self, headers: &HeaderMap) -> Option<StatusCode> {
        let attempt = headers
            .get(ATTEMPT)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or(1);
        let strikes =
            self.attempts.is_none_or(|attempts| attempt <= attempts) && fastrand::f64() < self.ratio.unwrap_or(1.0);
        let status = self.fail.or(self.ratio.map(|_| UNAVAILABLE)).filter(|_| strikes)?;
        StatusCode::from_u16(status).ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(query: &str) -> Fault {
        Fault::asked(&format!("/api/products?{query}").parse().unwrap()).unwrap()
    }

    fn status(fault: &Fault, attempt: &'static str) -> Option<u16> {
        let headers = HeaderMap::from_iter([(ATTEMPT.parse().unwrap(), HeaderValue::from_static(attempt))]);
        fault.strikes(&headers).map(|status| status.as_u16())
    }

    #[test]
    fn the_first_attempts_fail_and_the_next_does_not() {
        let fault = asked("fail=503&attempts=2");
        assert_eq!(
            ["1", "2", "3"].map(|attempt| status(&fault, attempt)),
            [Some(503), Some(503), None]
        );
        assert!(fault.strikes(&HeaderMap::new()).is_some());
    }

    #[test]
    fn a_ratio_is_a_share_of_the_requests() {
        let fault = asked("fail=500&ratio=0.25");
        let failed = (0..4000).filter(|_| status(&fault, "1").is_some()).count();
        assert!((800..1200).contains(&failed), "{failed}");
        assert_eq!(status(&asked("fail=500&ratio=0"), "1"), None);
        assert_eq!(status(&asked("ratio=1"), "1"), Some(503));
    }

    #[test]
    fn what_a_request_asks_for_takes_precedence() {
        let pod = asked("fail=500&ratio=0.1&delay_ms=50");
        assert_eq!(asked("").or(pod), pod);
        assert_eq!(asked("fail=503&delay_ms=0").or(pod), asked("fail=503&delay_ms=0"));
        assert_eq!(asked("fail=503").or(pod), asked("fail=503&delay_ms=50"));
        assert_eq!(asked("ratio=0").or(pod), asked("ratio=0&delay_ms=50"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for query in [
            "fail=200",
            "fail=x",
            "fail=503&fail=504",
            "ratio=2",
            "delay_ms=-1",
            "delay_ms=3600001",
        ] {
            let uri = format!("/?{query}").parse().unwrap();
            assert_eq!(Fault::asked(&uri).unwrap_err().status, 400, "{query}");
        }
        assert_eq!(asked("other=1&name=x"), Fault::default());
    }
}
