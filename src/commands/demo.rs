//! `semroute demo`: two simulated providers of different price and the router before them, on loopback. Shows prompts being
//! decided and answered through the real endpoint, then keeps serving. Needs no key and downloads nothing.
#![expect(clippy::print_stdout, reason = "the demo is what it prints")]

mod prompts;
mod walkthrough;

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;

use super::serve;
use crate::config::Config;
use crate::http::simulated_upstream::{self, Behaviour};

/// The flags of `demo`.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// `--listen`
    pub listen: String,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into() }
    }
}

/// About as fast as a hosted model writes.
const WORD_PAUSE: Duration = Duration::from_millis(25);

/// Runs the demo until told to stop.
pub fn run(options: DemoOptions) -> anyhow::Result<()> {
    let DemoOptions { listen } = options;
    serve::runtime()?.block_on(async {
        let behaviour = Behaviour { word_pause: WORD_PAUSE };
        let small = simulated_upstream::spawn(behaviour).await.context("cannot start a simulated provider")?;
        let large = simulated_upstream::spawn(behaviour).await.context("cannot start a simulated provider")?;
        let config = config(&listen, &small.base_url(), &large.base_url())?;
        let bound = serve::bind(&config, "demo").await?;
        let addr = bound.server.local_addr();
        let mut serving = pin!(serve::run_until_signalled(bound));
        let shown = async {
            walkthrough::show(addr, &config).await?;
            print_snippets(addr);
            anyhow::Ok(())
        };
        tokio::select! {
            served = &mut serving => return served,
            shown = shown => shown?,
        }
        serving.await
    })
}

/// The same file a user would write, but for the providers being simulated.
fn config(listen: &str, small_url: &str, large_url: &str) -> anyhow::Result<Config> {
    let text = format!(
        r#"
        [router]
        strategy = "balanced"
        # Whatever model a program asks for is routed, so that any program can be tried as it is.
        unknown_model = "auto"

        [[providers]]
        name = "sim-a"
        kind = "openai"
        base_url = "{small_url}"

        [[providers]]
        name = "sim-b"
        kind = "openai"
        base_url = "{large_url}"

        [[models]]
        name = "sim-small"
        provider = "sim-a"
        input_usd_per_mtok = 0.15
        output_usd_per_mtok = 0.60
        context_window = 128000
        capabilities = ["tools", "json"]
        quality = {{ default = 0.70, low = 0.93, medium = 0.88, high = 0.50, critical = 0.35 }}

        [[models]]
        name = "sim-large"
        provider = "sim-b"
        input_usd_per_mtok = 3.00
        output_usd_per_mtok = 15.00
        context_window = 200000
        capabilities = ["tools", "vision", "json"]
        quality = {{ default = 0.92, low = 0.97, medium = 0.95, high = 0.90, critical = 0.86 }}
        "#
    );
    let mut config = Config::from_toml(&text, "demo")?;
    config.server.listen = listen.to_owned();
    Ok(config)
}

fn print_snippets(addr: SocketAddr) {
    println!(
        r#"
The router keeps serving on http://{addr}; Ctrl-C ends it. Try it from another terminal:

  curl -i http://{addr}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is the capital of Portugal?"}}]}}'

  curl -N http://{addr}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "auto", "stream": true, "messages": [{{"role": "user", "content": "Prove that the square root of 2 is irrational."}}]}}'

  # pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="http://{addr}/v1", api_key="none-needed")
  answer = client.chat.completions.create(model="auto", messages=[{{"role": "user", "content": "Hello!"}}])
  print(answer.model, answer.choices[0].message.content)"#
    );
}
