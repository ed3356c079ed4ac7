//! Times the real binary: starts `semroute serve` before a simulated provider, and calls both in turn over loopback.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::timing::{Timing, in_ms};
use crate::gateway::{LoopbackClient, loopback_client};
use crate::http::simulated_upstream::{self, Behaviour};

const STARTS: usize = 5;
const PAIRS: usize = 600;
const WARM_UP: usize = 60;

pub(super) fn measure(figures: &mut Map<String, Value>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let upstream = runtime.block_on(simulated_upstream::spawn(Behaviour::default()))?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("semroute.toml");
    std::fs::write(&config, configuration(&upstream.base_url()))?;

    let mut starts = Vec::new();
    let mut gateway = None;
    for _ in 0..STARTS {
        // The one before has to leave first, or two would share the processor.
        drop(gateway.take());
        let begun = Instant::now();
        let running = Gateway::start(&config)?;
        let client = loopback_client()?;
        let ready = format!("{}/health/ready", running.url);
        let status = runtime.block_on(async { client.get(&ready).send().await.map(|response| response.status()) })?;
        anyhow::ensure!(status.is_success(), "the gateway started but {ready} answered {status}");
        starts.push(begun.elapsed());
        gateway = Some(running);
    }
    let gateway = gateway.context("no gateway was started")?;
    figures.insert("cold_start_ms_p50".into(), json!(Timing::from_runs(starts).p50_ms()));
    figures.insert("idle_memory_mib".into(), json!(resident_mib(gateway.child.id())));

    let client = loopback_client()?;
    let direct = format!("{}/chat/completions", upstream.base_url());
    let routed = format!("{}/v1/chat/completions", gateway.url);
    let timings = runtime.block_on(async {
        let mut timings: [Vec<Duration>; 3] = Default::default();
        for round in 0..WARM_UP + PAIRS {
            for (kind, (url, model)) in [(&direct, "sim"), (&routed, "sim"), (&routed, "auto")].into_iter().enumerate()
            {
                let taken = call(&client, url, model).await?;
                if round >= WARM_UP {
                    timings[kind].push(taken);
                }
            }
        }
        anyhow::Ok(timings)
    })?;
    let [direct, named, auto] = timings.map(|runs| Timing::from_runs(runs).p50_us());
    figures.insert("call_direct_ms_p50".into(), json!(in_ms(direct)));
    figures.insert("call_named_ms_p50".into(), json!(in_ms(named)));
    figures.insert("call_auto_ms_p50".into(), json!(in_ms(auto)));
    figures.insert("gateway_overhead_named_ms_p50".into(), json!(in_ms(named - direct)));
    figures.insert("gateway_overhead_ms_p50".into(), json!(in_ms(auto - direct)));
    figures.insert("busy_memory_mib".into(), json!(resident_mib(gateway.child.id())));
    Ok(())
}

async fn call(client: &LoopbackClient, url: &str, model: &str) -> anyhow::Result<Duration> {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "what is the capital of Peru, and when was it founded?"}]});
    let begun = Instant::now();
    let response = client.post(url).json(&body).send().await?;
    let status = response.status();
    let bytes = response.bytes().await?;
    let taken = begun.elapsed();
    anyhow::ensure!(status.is_success(), "{url} answered {status}: {}", String::from_utf8_lossy(&bytes));
    Ok(taken)
}

/// A running `semroute serve`, ended when dropped.
struct Gateway {
    child: Child,
    url: String,
}

impl Gateway {
    fn start(config: &Path) -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?;
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start semroute serve")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let url = line.split_whitespace().last().filter(|word| word.starts_with("http://")).map(str::to_owned);
        let mut running = Self { child, url: String::new() };
        running.url = url.with_context(|| format!("semroute serve did not say where it listens, but {line:?}"))?;
        Ok(running)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about either.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process, where the system tells it.
fn resident_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib / 1024.0 * 10.0).round() / 10.0)
}

fn configuration(base_url: &str) -> String {
    format!(
        "[[providers]]\nname = \"sim\"\nkind = \"openai\"\nbase_url = \"{base_url}\"\n\n\
         [[models]]\nname = \"sim\"\nprovider = \"sim\"\ninput_usd_per_mtok = 0.1\noutput_usd_per_mtok = 0.4\n\
         quality = {{ default = 0.7 }}\n"
    )
}
