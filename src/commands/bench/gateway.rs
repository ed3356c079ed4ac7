//! Times the real binary: starts `semroute serve` before a simulated provider, once bare and once with a log, a key, rates and a budget, and
//! calls all in turn over loopback.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

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
    figures.insert("idle_memory_mib".into(), json!(super::status_mib(&gateway.child.id().to_string(), "VmRSS:")));

    let with_log = Gateway::start_with_log(&upstream.base_url())?;
    let client = loopback_client()?;
    let direct = format!("{}/chat/completions", upstream.base_url());
    let routed = format!("{}/v1/chat/completions", gateway.url);
    let logged = format!("{}/v1/chat/completions", with_log.gateway.url);
    let kinds = [
        Called { url: &direct, model: "sim", key: None },
        Called { url: &routed, model: "sim", key: None },
        Called { url: &routed, model: "auto", key: None },
        Called { url: &logged, model: "auto", key: Some(&with_log.key) },
    ];
    let timings = runtime.block_on(async {
        let mut timings: [Vec<Duration>; 4] = Default::default();
        for round in 0..WARM_UP + PAIRS {
            for (called, timings) in kinds.iter().zip(&mut timings) {
                let taken = called.time(&client).await?;
                if round >= WARM_UP {
                    timings.push(taken);
                }
            }
        }
        anyhow::Ok(timings)
    })?;
    let [direct, named, auto, logged] = timings.map(|runs| Timing::from_runs(runs).p50_us());
    figures.insert("call_direct_ms_p50".into(), json!(in_ms(direct)));
    figures.insert("call_named_ms_p50".into(), json!(in_ms(named)));
    figures.insert("call_auto_ms_p50".into(), json!(in_ms(auto)));
    figures.insert("call_auto_with_log_and_key_ms_p50".into(), json!(in_ms(logged)));
    figures.insert("gateway_overhead_named_ms_p50".into(), json!(in_ms(named - direct)));
    figures.insert("gateway_overhead_ms_p50".into(), json!(in_ms(auto - direct)));
    figures.insert("log_and_key_ms_p50".into(), json!(in_ms(logged - auto)));
    figures.insert("busy_memory_mib".into(), json!(super::status_mib(&gateway.child.id().to_string(), "VmRSS:")));
    Ok(())
}

/// One way of asking the same.
struct Called<'a> {
    url: &'a str,
    model: &'a str,
    key: Option<&'a str>,
}

impl Called<'_> {
    async fn time(&self, client: &LoopbackClient) -> anyhow::Result<Duration> {
        let Self { url, model, key } = self;
        let body = json!({"model": model, "messages": [{"role": "user", "content": "what is the capital of Peru, and when was it founded?"}]});
        let begun = Instant::now();
        let mut request = client.post(*url).json(&body);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        let taken = begun.elapsed();
        anyhow::ensure!(status.is_success(), "{url} answered {status}: {}", String::from_utf8_lossy(&bytes));
        Ok(taken)
    }
}

/// A gateway that writes every decision down and counts what its one caller may still spend.
struct LoggingGateway {
    gateway: Gateway,
    key: String,
    /// Goes with it.
    _folder: TempDir,
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

    fn start_with_log(base_url: &str) -> anyhow::Result<LoggingGateway> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("semroute.toml");
        let log = folder.path().join("log.db");
        let store = format!("[store]\nurl = {:?}\n[auth]\nrequired = true\n", format!("sqlite://{}", log.display()));
        std::fs::write(&config, store + &configuration(base_url))?;
        let made = Command::new(std::env::current_exe()?)
            .args(["keys", "create", "--name", "bench", "--json", "--rpm", "1000000", "--tpm", "1000000000"])
            .args(["--concurrent", "100", "--budget-usd-day", "1000000", "--config"])
            .arg(&config)
            .output()
            .context("cannot make a key")?;
        let key: Option<Value> = serde_json::from_slice(&made.stdout).ok();
        let key = key.as_ref().and_then(|key| key["key"].as_str());
        let key = key.with_context(|| format!("no key was made: {}", String::from_utf8_lossy(&made.stderr)))?;
        Ok(LoggingGateway { gateway: Self::start(&config)?, key: key.to_owned(), _folder: folder })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about either.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(base_url: &str) -> String {
    format!(
        "[[providers]]\nname = \"sim\"\nkind = \"openai\"\nbase_url = \"{base_url}\"\n\n\
         [[models]]\nname = \"sim\"\nprovider = \"sim\"\ninput_usd_per_mtok = 0.1\noutput_usd_per_mtok = 0.4\n\
         quality = {{ default = 0.7 }}\n"
    )
}
