//! A running pipeline's answers over HTTP: `/live`, `/ready`, `/status` and `/metrics`, and how to ask for them. They hold no
//! secrets and no payloads, and no password protects them: listen where every client may see lag and topic names.

mod connections;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use sluicebox_pipeline::{Health, Progress, metrics as walk_metrics};
use tokio::sync::watch;
use tracing::info;

use crate::cpu;
use crate::exit::{Blame as _, Failure};

/// How often the recorder tidies up what it has gathered.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What there is to tell of a pipeline.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) pipeline: String,
    pub(crate) transform_digest: String,
    pub(crate) health: watch::Receiver<Health>,
    pub(crate) progress: watch::Receiver<Progress>,
}

/// Installs the recorder of metrics and answers from now on, until the process ends. Logs the address that was bound.
pub(crate) async fn listen(address: SocketAddr, subject: Subject) -> Result<(), Failure> {
    // The recorder first: what is counted before there is one is lost.
    let metrics = recorder(&subject).environment("cannot record metrics")?;
    let listener =
        connections::listener(address).environment(format!("cannot listen on {address}; see `http.listen`"))?;
    // The socket's own address: port 0 takes a free one.
    info!(address = %listener.local_addr()?, "answering /live, /ready, /status and /metrics");
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            // Without it, observations would pile up until the next scrape.
            upkeep.run_upkeep();
        }
    });
    let routes = Router::new()
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .route("/status", get(status))
        .route("/metrics", get(render))
        .with_state((subject, metrics));
    tokio::spawn(connections::serve(listener, routes));
    Ok(())
}

fn recorder(subject: &Subject) -> Result<PrometheusHandle, BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&walk_metrics::DURATION_BUCKETS_SECONDS)?
        .add_global_label("pipeline", &subject.pipeline)
        .install_recorder()?;
    walk_metrics::describe();
    metrics::describe_gauge!("sluicebox_info", "always 1; says the version");
    metrics::describe_gauge!("sluicebox_ready", "1 if /ready says 200");
    metrics::describe_counter!("sluicebox_process_cpu_seconds_total", metrics::Unit::Seconds, "processor time used");
    metrics::gauge!("sluicebox_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    walk_metrics::judges(&subject.transform_digest);
    Ok(recorder)
}

type Answering = State<(Subject, PrometheusHandle)>;

async fn ready(State((subject, _)): Answering) -> (StatusCode, String) {
    match subject.health.borrow().complaint() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(complaint) => (StatusCode::SERVICE_UNAVAILABLE, format!("{complaint}\n")),
    }
}

async fn status(State((subject, _)): Answering) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], described(&subject).to_string())
}

/// What can be known without the walk is looked up now: it is right even if the walk hangs.
async fn render(State((subject, metrics)): Answering) -> impl IntoResponse {
    metrics::gauge!("sluicebox_ready").set(u8::from(subject.health.borrow().is_ready()));
    metrics::counter!("sluicebox_process_cpu_seconds_total").absolute(cpu::seconds() as u64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render())
}

fn described(subject: &Subject) -> Value {
    let health = subject.health.borrow();
    json!({
        "pipeline": subject.pipeline,
        "version": env!("CARGO_PKG_VERSION"),
        // Before the first step, the walk has not said so yet.
        "transform_digest": if health.transform_digest.is_empty() { &subject.transform_digest } else { &health.transform_digest },
        "ready": health.is_ready(),
        "complaint": health.complaint(),
        "health": *health,
        "progress": *subject.progress.borrow(),
    })
}

/// Where a process that listens there answers on this machine.
pub(crate) fn url(listen: SocketAddr) -> String {
    format!("http://{}", reachable(listen))
}

/// A process that listens on all interfaces answers on this machine's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Asks a process for one of its answers.
///
/// # Errors
/// The process does not answer within `duration_max`.
pub(crate) async fn ask(url: &str, path: &str, duration_max: Duration) -> Result<(StatusCode, String), reqwest::Error> {
    // No proxy of the environment leads to this machine's own addresses.
    let client = reqwest::Client::builder().timeout(duration_max).no_proxy().build()?;
    let answer = client.get(format!("{}/{path}", url.trim_end_matches('/'))).send().await?;
    Ok((answer.status(), answer.text().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_on_all_interfaces_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:9090", "http://127.0.0.1:9090"),
            ("[::]:9090", "http://[::1]:9090"),
            ("10.0.0.7:9090", "http://10.0.0.7:9090"),
        ] {
            assert_eq!(url(listen.parse().unwrap()), asked);
        }
    }
}
