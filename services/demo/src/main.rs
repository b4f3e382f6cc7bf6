use std::process::ExitCode;

use service_kit::{Service, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [method, target] = arguments.as_slice() {
        return demo::ask(method, target);
    }
    let service = Service {
        name: "demo",
        version: env!("CARGO_PKG_VERSION"),
        bind: "0.0.0.0:8080",
        help: demo::HELP,
    };
    run(&service, demo::routes)
}
