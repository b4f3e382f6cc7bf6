//! Environment variables; a value that cannot be right is refused with the variable's name.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use reqwest::Url;
use service_kit::{ConfigError, config::Lookup};

pub(crate) struct Environment<'a>(pub(crate) Lookup<'a>);

impl Environment<'_> {
    /// An empty variable counts as unset.
    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        self.given(name).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn given(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn number<T>(&self, name: &str, accepted: RangeInclusive<T>) -> Result<Option<T>, ConfigError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        let number = given.parse::<T>().ok().filter(|number| accepted.contains(number));
        let expected = || format!("a number from {} to {}", accepted.start(), accepted.end());
        number
            .map(Some)
            .ok_or_else(|| ConfigError::new(name, &given, &expected()))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        match self.text(name, "false").to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(ConfigError::new(name, other, "true or false")),
        }
    }

    pub(crate) fn url(&self, name: &str, default: &str) -> Result<Url, ConfigError> {
        let given = self.text(name, default);
        Url::parse(&given)
            .ok()
            .filter(|url| url.scheme() == "http" && url.has_host() && url.fragment().is_none())
            .ok_or_else(|| ConfigError::new(name, &given, &format!("an http:// URL, such as {default}")))
    }
}
