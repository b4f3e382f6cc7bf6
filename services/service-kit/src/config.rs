//! Configuration from environment variables; a value that cannot be right is refused with the variable's name.

use std::{fmt, net::SocketAddr};

use tracing_subscriber::filter::Targets;

use crate::agent::Destination;

const AGENT_PORT: u16 = 8126;

/// Reads one environment variable; a parameter, so that tests need no process-wide state.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug, Clone)]
pub struct Config {
    pub bind: SocketAddr,
    /// Where traces go; empty when tracing is off.
    pub traces: Vec<Destination>,
    pub log: Targets,
}

/// One line: variable, value, what is accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    #[must_use]
    pub fn new(variable: &str, value: &str, accepted: &str) -> Self {
        Self(format!("{variable}={value:?}: expected {accepted}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// `bind`: where the service listens unless it is told.
    ///
    /// # Errors
    /// The first variable whose value cannot be right.
    pub fn read(lookup: Lookup, bind: &str) -> Result<Self, ConfigError> {
        let value = |name: &str, default: &str| {
            let found = lookup(name).unwrap_or_default();
            if found.is_empty() { default.to_owned() } else { found }
        };

        let bind = value("BIND_ADDRESS", bind);
        let bind = bind
            .parse()
            .map_err(|_| ConfigError::new("BIND_ADDRESS", &bind, "an IP address and a port, such as 0.0.0.0:3000"))?;

        let enabled = value("DD_TRACING_ENABLED", "false");
        let agent = match enabled.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Destination::Datadog(agent_address(&value(
                "AGENT_ADDRESS",
                "127.0.0.1",
            ))?)),
            "false" | "0" => None,
            _ => return Err(ConfigError::new("DD_TRACING_ENABLED", &enabled, "true or false")),
        };

        let endpoint = value("OTEL_EXPORTER_OTLP_ENDPOINT", "");
        let collector = if endpoint.is_empty() {
            None
        } else {
            Some(collector(&endpoint)?)
        };

        let log = value("RUST_LOG", "info");
        let log = log.parse().map_err(|_| {
            ConfigError::new(
                "RUST_LOG",
                &log,
                "a level or target=level pairs, such as info,service_b=debug",
            )
        })?;

        let traces = agent.into_iter().chain(collector).collect();
        Ok(Self { bind, traces, log })
    }
}

/// A host or an IP address, with a port where the agent does not listen on its usual one.
fn agent_address(given: &str) -> Result<String, ConfigError> {
    let refused = || {
        ConfigError::new(
            "AGENT_ADDRESS",
            given,
            "a host name or an IP address, optionally with :port",
        )
    };
    let address = if let Ok(ip) = given.parse::<std::net::IpAddr>() {
        SocketAddr::new(ip, AGENT_PORT).to_string()
    } else if given.contains(':') {
        given.to_owned()
    } else {
        format!("{given}:{AGENT_PORT}")
    };
    let url = reqwest::Url::parse(&format!("http://{address}")).map_err(|_| refused())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if bare && url.host_str().is_some() && !given.contains('/') {
        Ok(address)
    } else {
        Err(refused())
    }
}

/// Without TLS: a collector in the same cluster.
fn collector(given: &str) -> Result<Destination, ConfigError> {
    let url = reqwest::Url::parse(given).ok();
    let right = url.is_some_and(|url| url.scheme() == "http" && url.host_str().is_some() && url.query().is_none());
    if right {
        Ok(Destination::OpenTelemetry(given.to_owned()))
    } else {
        let accepted = "an http URL, such as http://collector:4318";
        Err(ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", given, accepted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let lookup = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::read(&lookup, "0.0.0.0:3000")
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.bind.to_string(), "0.0.0.0:3000");
        assert_eq!(config.traces, []);
    }

    #[test]
    fn the_agent_is_used_only_when_enabled() {
        assert_eq!(read(&[("AGENT_ADDRESS", "10.0.0.1")]).unwrap().traces, []);
        for (given, expected) in [
            ("10.0.0.1", "10.0.0.1:8126"),
            ("fd00::1", "[fd00::1]:8126"),
            ("agent.example", "agent.example:8126"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
        ] {
            let config = read(&[("AGENT_ADDRESS", given), ("DD_TRACING_ENABLED", "True")]).unwrap();
            assert_eq!(config.traces, [Destination::Datadog(expected.to_owned())]);
        }
    }

    #[test]
    fn a_collector_takes_traces_beside_the_agent() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let collector = Destination::OpenTelemetry("http://collector:4318".to_owned());
        assert_eq!(read(&[endpoint]).unwrap().traces, std::slice::from_ref(&collector));
        let both = read(&[endpoint, ("DD_TRACING_ENABLED", "true")]).unwrap().traces;
        assert_eq!(both, [Destination::Datadog("127.0.0.1:8126".to_owned()), collector]);
    }

    #[test]
    fn bad_values_are_named() {
        for (variable, value) in [
            ("BIND_ADDRESS", "3000"),
            ("BIND_ADDRESS", "localhost:3000"),
            ("BIND_ADDRESS", "0.0.0.0:99999"),
            ("DD_TRACING_ENABLED", "maybe"),
            ("RUST_LOG", "service_b=loud"),
            ("AGENT_ADDRESS", "http://agent"),
            ("AGENT_ADDRESS", "agent/path"),
            ("AGENT_ADDRESS", "a b"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
        ] {
            let error = read(
                &[("DD_TRACING_ENABLED", "true"), (variable, value)][usize::from(variable == "DD_TRACING_ENABLED")..],
            )
            .unwrap_err()
            .to_string();
            assert!(
                error.starts_with(&format!("{variable}={value:?}: expected ")),
                "{error}"
            );
            assert!(!error.contains('\n'));
        }
    }
}
