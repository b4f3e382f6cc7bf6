//! service-b: `GET /?name=<name>`, answered with what service-a says.

use std::time::Duration;

use axum::{
    Extension, Json, Router,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    routing::get,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use service_kit::{Answer, ApiError, ConfigError, Kit, TraceContext, Upstream, config::Lookup, name};

/// Connecting, sending and the whole answer; a client of ours never waits 2 s.
const UPSTREAM_TIMEOUT: Duration = Duration::from_millis(1500);

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
struct ServiceA {
    upstream: Upstream,
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
    let upstream = Upstream::new(kit, "service-a", UPSTREAM_TIMEOUT);
    Ok(Router::new()
        .route("/", get(root))
        .with_state(ServiceA { upstream, route }))
}

fn route_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base)
        .ok()
        .filter(|url| url.scheme() == "http" && url.has_host() && url.query().is_none() && url.fragment().is_none())?;
    url.path_segments_mut().ok()?.pop_if_empty().push("route");
    Some(url)
}

async fn root(
    State(service_a): State<ServiceA>,
    Extension(context): Extension<TraceContext>,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Fields>, ApiError> {
    let query = query.map_err(|rejection| ApiError::unreadable_query("name", &rejection))?;
    let name = name("name", query.0.name)?;
    let mut url = service_a.route.clone();
    url.query_pairs_mut().append_pair("p", &name);
    let asked = service_a.upstream.get(&context, url, HeaderMap::new(), fields);
    asked.await.map(Json)
}

fn fields(answer: &Answer) -> Result<Fields, String> {
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
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
