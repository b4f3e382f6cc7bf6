//! What the services share: configuration from the environment, JSON logs, traces with W3C context for Datadog and OpenTelemetry,
//! JSON errors, requests to other services, `/health`, and a shutdown that finishes what was begun.

mod agent;
mod cause;
pub mod config;
mod context;
mod otlp;
mod record;
mod reply;
mod server;
mod telemetry;
mod upstream;

pub use agent::Destination;
pub use cause::root_cause;
pub use config::{Config, ConfigError};
pub use context::TraceContext;
pub use reply::ApiError;
pub use server::{Kit, Service, app, run};
pub use telemetry::{Kind, Span, Telemetry};
pub use upstream::{Answer, Upstream};

/// The longest name that either service takes, in bytes after decoding.
pub const NAME_LIMIT: usize = 256;

/// What a missing name means.
pub const NAME_DEFAULT: &str = "Unknown";

/// The name in a query, or the refusal of one that is too long.
///
/// # Errors
/// A 400 that names the parameter and the limit.
pub fn name(parameter: &str, given: Option<String>) -> Result<String, ApiError> {
    match given {
        None => Ok(NAME_DEFAULT.to_owned()),
        Some(name) if name.len() <= NAME_LIMIT => Ok(name),
        Some(name) => Err(ApiError::bad_request(format!(
            "{parameter} has {} bytes, at most {NAME_LIMIT} are accepted",
            name.len()
        ))),
    }
}
