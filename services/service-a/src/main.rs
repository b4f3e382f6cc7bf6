use std::process::ExitCode;

use service_kit::{Service, run};

fn main() -> ExitCode {
    let service = Service {
        name: "service-a",
        version: env!("CARGO_PKG_VERSION"),
        bind: "0.0.0.0:3000",
        help: "GET /route?p=NAME, GET /health",
    };
    run(&service, |_, _| Ok(service_a::routes()))
}
