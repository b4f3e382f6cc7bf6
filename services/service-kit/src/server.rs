//! The process: arguments, start, one middleware for traces and logs, shutdown.

use std::{error::Error, future::IntoFuture, io::IsTerminal, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{Config, ConfigError, Lookup},
    context::TraceContext,
    reply,
    telemetry::{Kind, Telemetry},
};

/// Enough for any request that a client still waits for, and less than Kubernetes' 30 s before it kills.
const DRAIN: Duration = Duration::from_secs(10);
const FLUSH: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_millis(500);
const PROBES: [&str; 2] = ["/health", "/ready"];
/// Pods have a fraction of a core; a thread for every core of a large node would only cost memory.
const THREADS: usize = 2;

/// A program: its name, version, where it listens unless it is told, and what `--help` adds to the common variables.
pub struct Service {
    pub name: &'static str,
    pub version: &'static str,
    pub bind: &'static str,
    pub help: &'static str,
}

/// What a service's handlers use.
#[derive(Debug, Clone)]
pub struct Kit {
    /// The process's one client, with its pool of connections.
    pub client: reqwest::Client,
    pub telemetry: Telemetry,
}

/// Runs until SIGTERM or SIGINT. `routes` may refuse its own variables.
pub fn run(service: &Service, routes: impl FnOnce(Kit, Lookup) -> Result<Router, ConfigError>) -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--version" | "-V") => {
            println!("{} {}", service.name, service.version);
            return ExitCode::SUCCESS;
        }
        Some("--help" | "-h") => {
            println!("{}", help(service));
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("{}: {other}: no such argument; see --help", service.name);
            return ExitCode::from(2);
        }
    }
    match start(service, routes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", service.name);
            ExitCode::FAILURE
        }
    }
}

fn help(service: &Service) -> String {
    format!(
        "{} {}: {}\n\nEnvironment:\n  \
         BIND_ADDRESS        address and port to listen on ({})\n  \
         DD_TRACING_ENABLED  send traces to a Datadog agent: true or false (false)\n  \
         AGENT_ADDRESS       the agent's host; its port is 8126 unless given as host:port (127.0.0.1)\n  \
         OTEL_EXPORTER_OTLP_ENDPOINT  send traces to an OpenTelemetry collector, such as http://collector:4318\n  \
         RUST_LOG            log level, also by target: info,service_b=debug (info)",
        service.name, service.version, service.help, service.bind
    )
}

fn start(
    service: &Service,
    routes: impl FnOnce(Kit, Lookup) -> Result<Router, ConfigError>,
) -> Result<(), Box<dyn Error>> {
    let lookup: Lookup = &|name| std::env::var(name).ok();
    let config = Config::read(lookup, service.bind)?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent(concat!("meshgate/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        // First of all: until then SIGTERM kills at once, and PID 1 of a container does not even notice it.
        let signals = Signals::listen()?;
        let (telemetry, sender) = if config.traces.is_empty() {
            (Telemetry::off(service.name, service.version), None)
        } else {
            let (telemetry, sender) =
                Telemetry::sent_to(config.traces.clone(), service.name, service.version, client.clone());
            (telemetry, Some(sender))
        };
        let application = app(
            &telemetry,
            routes(
                Kit {
                    client,
                    telemetry: telemetry.clone(),
                },
                lookup,
            )?,
        );
        log_as_json(config.log);
        let listener = TcpListener::bind(config.bind)
            .await
            .map_err(|error| format!("cannot listen on BIND_ADDRESS {}: {error}", config.bind))?;
        let address = listener.local_addr()?;
        tracing::info!(service = service.name, version = service.version, %address, traces = ?config.traces, "listening");
        serve(listener, application, signals).await?;
        drop(telemetry);
        if let Some(sender) = sender {
            // Late spans are worth a moment, not more.
            let _ = tokio::time::timeout(FLUSH, sender).await;
        }
        tracing::info!(service = service.name, "stopped");
        Ok(())
    });
    // Whatever still hangs in a blocking name lookup must not keep the process.
    runtime.shutdown_background();
    served
}

/// What ends the process: Kubernetes' SIGTERM, a terminal's SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

async fn serve(listener: TcpListener, router: Router, mut signals: Signals) -> Result<(), Box<dyn Error>> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let mut drain = stopped.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let deadline = async {
        let _ = drain.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    let signalled = async {
        tokio::select! {
            _ = signals.terminate.recv() => tracing::info!("SIGTERM: no new connections, finishing what was begun"),
            _ = signals.interrupt.recv() => tracing::info!("SIGINT: no new connections, finishing what was begun"),
        }
        let _ = stopping.send(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = server.into_future() => result?,
        () = deadline => tracing::warn!("requests still open after {} s; leaving them", DRAIN.as_secs()),
        () = signalled => {}
    }
    Ok(())
}

/// A service's routes with everything common around them.
pub fn app(telemetry: &Telemetry, routes: Router) -> Router {
    routes
        .route("/health", get(reply::health))
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .layer(CatchPanicLayer::custom(reply::panicked))
        .layer(middleware::from_fn_with_state(telemetry.clone(), observe))
}

/// One span and one log line a request; none for probes, which would drown the rest.
async fn observe(State(telemetry): State<Telemetry>, mut request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unknown", MatchedPath::as_str)
        .to_owned();
    if PROBES.contains(&route.as_str()) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let parent = TraceContext::from_headers(request.headers());
    let mut span = telemetry.span(Kind::Server, parent.as_ref(), format!("{method} {route}"));
    request.extensions_mut().insert(span.context.clone());
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    span.status(response.status());
    tracing::info!(
        service = telemetry.service,
        trace_id = format!("{:032x}", span.context.trace_id),
        span_id = format!("{:016x}", span.context.span_id),
        method = method.as_str(),
        path,
        status = response.status().as_u16(),
        duration_us = u64::try_from(span.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

fn log_as_json(filter: tracing_subscriber::filter::Targets) {
    let format = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // A second subscriber in one process (tests) is no reason to fail.
    let _ = tracing_subscriber::registry().with(format).with(filter).try_init();
    if !std::io::stderr().is_terminal() {
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a request panicked")));
    }
}
