//! Another service, asked by HTTP: in limited time and for an answer of limited length, each request a span of its own. Its
//! failures are a 502 or a 504 for the client, with the cause in the log.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use reqwest::Url;

use crate::{cause::root_cause, context::TraceContext, reply::ApiError, server::Kit, telemetry::Kind};

/// Far above any answer of a service of ours.
const LIMIT: usize = 64 * 1024;

#[derive(Debug, Clone)]
pub struct Upstream {
    kit: Kit,
    name: &'static str,
    timeout: Duration,
}

/// What the other service said, with status 200.
#[derive(Debug)]
pub struct Answer {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What the client is told, and the cause for the log.
type Failure = (ApiError, String);

impl Upstream {
    /// `timeout`: connecting, sending and the whole answer.
    #[must_use]
    pub fn new(kit: Kit, name: &'static str, timeout: Duration) -> Self {
        Self { kit, name, timeout }
    }

    /// `read` takes from the answer what is wanted, or says what is wrong with it.
    ///
    /// # Errors
    /// A 504 if the answer takes too long, a 502 if it is none.
    pub async fn get<T>(
        &self,
        context: &TraceContext,
        url: Url,
        mut headers: HeaderMap,
        read: impl FnOnce(&Answer) -> Result<T, String>,
    ) -> Result<T, ApiError> {
        let resource = format!("GET {}", url.path());
        let mut span = self.kit.telemetry.span(Kind::Client, Some(context), resource);
        span.context.inject(&mut headers);
        let request = self.kit.client.get(url).timeout(self.timeout).headers(headers);

        let (status, answer) = match send(request).await {
            Ok(response) => (Some(response.status()), self.whole(response).await),
            Err(error) => (None, Err(self.unanswered(&error))),
        };
        if let Some(status) = status {
            span.status(status);
        }
        let taken = answer
            .and_then(|answer| read(&answer).map_err(|cause| self.bad_gateway("gave an unexpected answer", cause)));
        taken.map_err(|(error, cause)| {
            tracing::warn!(
                trace_id = format!("{:032x}", span.context.trace_id),
                cause,
                "{}",
                error.message
            );
            span.error(cause);
            error
        })
    }

    async fn whole(&self, mut response: reqwest::Response) -> Result<Answer, Failure> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::GATEWAY_TIMEOUT => return Err(self.timed_out("the mesh answered 504".to_owned())),
            status => return Err(self.bad_gateway("gave an unexpected status", format!("status {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(&error))? {
            if body.len() + chunk.len() > LIMIT {
                let message = format!("{}'s answer is too long", self.name);
                let error = ApiError::new(StatusCode::BAD_GATEWAY, message);
                return Err((error, format!("more than {LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer { headers, body })
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        let cause = root_cause(error);
        if error.is_timeout() {
            self.timed_out(cause)
        } else {
            self.bad_gateway("does not answer", cause)
        }
    }

    fn timed_out(&self, cause: String) -> Failure {
        let message = format!("{} did not answer in time", self.name);
        (ApiError::new(StatusCode::GATEWAY_TIMEOUT, message), cause)
    }

    fn bad_gateway(&self, what: &str, cause: String) -> Failure {
        let message = format!("{} {what}", self.name);
        (ApiError::new(StatusCode::BAD_GATEWAY, message), cause)
    }
}

/// A connection that is kept may be closed just as the next request is written, by a sidecar that takes up new listeners, say.
/// Asking twice does no harm here, so that is tried once more; what took too long is not.
async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
    let Some(first) = request.try_clone() else {
        return request.send().await;
    };
    match first.send().await {
        Err(error) if !error.is_timeout() && !error.is_connect() => request.send().await,
        sent => sent,
    }
}
