//! The client for the control address. The image has no shell and no curl, so the program itself is what `kubectl exec` can run.

use std::{process::ExitCode, time::Duration};

use reqwest::Method;

use crate::control::DEFAULT;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends a request to the program that runs in this pod and prints the response.
#[must_use]
pub fn ask(method: &str, target: &str) -> ExitCode {
    match answer(method, target) {
        Ok(body) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("demo: {method} {target}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(method: &str, target: &str) -> Result<String, String> {
    let known = [Method::GET, Method::PUT, Method::DELETE];
    let method = known
        .into_iter()
        .find(|known| known.as_str() == method)
        .ok_or("no such method; accepted: GET, PUT, DELETE")?;
    let address = std::env::var("CONTROL_ADDRESS").unwrap_or_else(|_| DEFAULT.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let url = format!("http://{address}/{}", target.trim_start_matches('/'));
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        let client = client.build().map_err(|error| service_kit::root_cause(&error))?;
        let asked = client.request(method, url).send().await;
        let response = asked.map_err(|error| service_kit::root_cause(&error))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| service_kit::root_cause(&error))?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("status {status} {body}"))
        }
    })
}
