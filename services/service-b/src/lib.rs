//! service-b: `GET /?name=<name>`, answered with what service-a says.

use std::time::Duration;

use axum::{
    Extension, Json, Router,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    routing::get,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use service_kit::{ApiError, ConfigError, Kind, Kit, TraceContext, config::Lookup, name, root_cause};

/// Connecting, sending and the whole answer; a client of ours never waits 2 s.
const UPSTREAM_TIMEOUT: Duration = Duration::from_millis(1500);
/// Far above any answer of service-a to a name of the permitted length.
const UPSTREAM_LIMIT: usize = 64 * 1024;

#[derive(Deserialize)]
struct Parameters {
    name: Option<String>,
}

/// service-a's answer. It is read and written again, so that only what the contract promises is passed on.
#[derive(Deserialize, Serialize)]
struct Fields {
    key_one: String,
    key_two: String,
}

#[derive(Clone)]
struct Upstream {
    kit: Kit,
    route: Url,
}

/// # Errors
/// `SERVICE_A_URL` is not a URL to which requests can be sent.
pub fn routes(kit: Kit, lookup: Lookup) -> Result<Router, ConfigError> {
    let given = lookup("SERVICE_A_URL")
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| "http://service-a".to_owned());
    let route = route_url(&given)
        .ok_or_else(|| ConfigError::new("SERVICE_A_URL", &given, "an http:// URL, such as http://service-a"))?;
    Ok(Router::new().route("/", get(root)).with_state(Upstream { kit, route }))
}

fn route_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base)
        .ok()
        .filter(|url| url.scheme() == "http" && url.has_host() && url.query().is_none() && url.fragment().is_none())?;
    url.path_segments_mut().ok()?.pop_if_empty().push("route");
    Some(url)
}

async fn root(
    State(upstream): State<Upstream>,
    Extension(context): Extension<TraceContext>,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Fields>, ApiError> {
    let name = name("name", query?.0.name)?;
    upstream.ask(&context, &name).await.map(Json)
}

impl Upstream {
    async fn ask(&self, context: &TraceContext, name: &str) -> Result<Fields, ApiError> {
        let mut span = self
            .kit
            .telemetry
            .span(Kind::Client, Some(context), "GET /route".to_owned());
        let mut url = self.route.clone();
        url.query_pairs_mut().append_pair("p", name);
        let mut request = self.kit.client.get(url).timeout(UPSTREAM_TIMEOUT);
        let mut headers = axum::http::HeaderMap::new();
        span.context.inject(&mut headers);
        request = request.headers(headers);

        let (status, answer) = match send(request).await {
            Ok(response) => (Some(response.status()), read(response).await),
            Err(error) => (None, Err(from_client(&error))),
        };
        if let Some(status) = status {
            span.status(status);
        }
        answer.map_err(|(error, cause)| {
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

/// What the client is told, and the cause for the log.
type Failure = (ApiError, String);

async fn read(mut response: reqwest::Response) -> Result<Fields, Failure> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::GATEWAY_TIMEOUT => return Err(timed_out("the mesh answered 504".to_owned())),
        status => {
            return Err(bad_gateway(
                "service-a gave an unexpected status",
                format!("status {status}"),
            ));
        }
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| from_client(&error))? {
        if body.len() + chunk.len() > UPSTREAM_LIMIT {
            return Err(bad_gateway(
                "service-a's answer is too long",
                format!("more than {UPSTREAM_LIMIT} bytes"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| bad_gateway("service-a gave an unexpected answer", error.to_string()))
}

fn from_client(error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    if error.is_timeout() {
        timed_out(cause)
    } else {
        bad_gateway("service-a does not answer", cause)
    }
}

fn timed_out(cause: String) -> Failure {
    (
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, "service-a did not answer in time"),
        cause,
    )
}

fn bad_gateway(message: &str, cause: String) -> Failure {
    (ApiError::new(StatusCode::BAD_GATEWAY, message), cause)
}

#[cfg(test)]
mod tests {
    use super::route_url;

    #[test]
    fn a_url_may_have_a_path_and_a_slash() {
        for (base, expected) in [
            ("http://service-a", "http://service-a/route"),
            ("http://service-a/", "http://service-a/route"),
            ("http://10.0.0.1:3000/api/", "http://10.0.0.1:3000/api/route"),
            ("http://[fd00::1]:3000", "http://[fd00::1]:3000/route"),
        ] {
            assert_eq!(route_url(base).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for base in [
            "service-a",
            "https://service-a",
            "ftp://service-a",
            "http://",
            "http://a?x=1",
            "http://a#f",
            "/route",
        ] {
            assert!(route_url(base).is_none(), "{base}");
        }
    }
}
