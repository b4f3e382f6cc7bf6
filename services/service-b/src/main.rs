use std::process::ExitCode;

use service_kit::{Service, run};

fn main() -> ExitCode {
    let service = Service {
        name: "service-b",
        version: env!("CARGO_PKG_VERSION"),
        bind: "0.0.0.0:3000",
        help: "GET /?name=NAME, GET /health; asks service-a at SERVICE_A_URL (http://service-a)",
    };
    run(&service, service_b::routes)
}
