//! What `/metrics` shows, in the text format of Prometheus.

use crate::kit::settings::Gauge;
use doorward_services::Outage;
use prometheus::core::Collector;
use prometheus::{Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use std::time::Duration;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
const PREFIX: &str = "doorward";

/// Counts and times requests.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    latency: HistogramVec,
    build: GaugeVec,
    outages: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new(version: &str) -> Result<Self, prometheus::Error> {
        let latency = HistogramVec::new(
            HistogramOpts::new("http_request_duration_seconds", "Time from the head of a request to its answer.")
                .namespace(PREFIX)
                .buckets(BUCKETS.to_vec()),
            &["method", "route", "status"],
        )?;
        let build = GaugeVec::new(Opts::new("build", "Version of the server.").namespace(PREFIX), &["version"])?;
        build.with_label_values(&[version]).set(1.0);
        let outages = IntCounterVec::new(
            Opts::new("unavailable_total", "Requests that were answered 503, by reason.").namespace(PREFIX),
            &["reason"],
        )?;
        for outage in Outage::ALL {
            outages.with_label_values(&[outage.as_str()]).reset();
        }
        let registry = Registry::new();
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(outages.clone()))?;
        Ok(Self { registry, latency, build, outages })
    }

    /// Counts a request that is not served because of an outage.
    pub(crate) fn count_outage(&self, outage: Outage) {
        self.outages.with_label_values(&[outage.as_str()]).inc();
    }

    /// Counts a request.
    pub(crate) fn observe(&self, method: &str, route: &str, status: &str, took: Duration) {
        self.latency.with_label_values(&[method, route, status]).observe(took.as_secs_f64());
    }

    /// Everything, with the gauges as of now.
    pub(crate) fn text(&self, gauges: &[Gauge]) -> Result<Vec<u8>, prometheus::Error> {
        let mut families = self.registry.gather();
        families.extend(self.build.collect());
        for gauge in gauges {
            families.extend(family(gauge)?);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}

/// The numbers of a gauge; by the convention of names, what ends in `_total` only grows.
fn family(gauge: &Gauge) -> Result<Vec<prometheus::proto::MetricFamily>, prometheus::Error> {
    let opts = Opts::new(gauge.name, gauge.help).namespace(PREFIX);
    let numbers = (gauge.read)();
    // Without any, a family would be a heading without lines.
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    if gauge.name.ends_with("_total") {
        let counter = prometheus::CounterVec::new(opts, gauge.labels)?;
        for (labels, value) in numbers {
            counter.get_metric_with_label_values(labels.as_slice())?.inc_by(value.max(0.0));
        }
        return Ok(counter.collect());
    }
    let family = GaugeVec::new(opts, gauge.labels)?;
    for (labels, value) in numbers {
        family.get_metric_with_label_values(labels.as_slice())?.set(value);
    }
    Ok(family.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_status() {
        let metrics = Metrics::new("1.2.3").unwrap();
        metrics.observe("GET", "/api/v2/users/{user}", "200", Duration::from_millis(2));
        metrics.count_outage(Outage::Full);
        let gauges = [
            Gauge::new("hashing_queue", "Passwords that wait.", || 3.0),
            Gauge::new("store_reads_total", "Reading calls.", || 5.0),
            Gauge::labelled("job_runs_total", "Runs.", &["job", "outcome"], || {
                vec![
                    (vec!["cleanup".to_owned(), "success".to_owned()], 2.0),
                    (vec!["cleanup".to_owned(), "lost".to_owned()], 0.0),
                ]
            }),
            Gauge::labelled("outbox_rows", "Nothing yet.", &["topic"], Vec::new),
        ];
        let text = String::from_utf8(metrics.text(&gauges).unwrap()).unwrap();
        for line in [
            "doorward_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v2/users/{user}\",status=\"200\"} 1",
            "doorward_http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v2/users/{user}\",status=\"200\",le=\"0.0025\"} 1",
            "doorward_build{version=\"1.2.3\"} 1",
            "doorward_hashing_queue 3",
            "# TYPE doorward_store_reads_total counter",
            "doorward_store_reads_total 5",
            "doorward_job_runs_total{job=\"cleanup\",outcome=\"success\"} 2",
            "doorward_job_runs_total{job=\"cleanup\",outcome=\"lost\"} 0",
            "doorward_unavailable_total{reason=\"full\"} 1",
            "doorward_unavailable_total{reason=\"silent\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("outbox_rows"), "{text}");
    }
}
