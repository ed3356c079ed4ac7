//! `semroute check-health`: asks a server on this machine whether it takes requests, for images that have no other program to ask with. Reads no
//! configuration.

use std::time::Duration;

use anyhow::Context;

use crate::gateway::loopback_client;

/// Whoever checks waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Succeeds where the server at `url` says that it is ready.
pub fn run(url: &str) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let address = format!("{}/health/ready", url.trim_end_matches('/'));
        let answer = loopback_client()?.get(&address).timeout(PATIENCE).send().await;
        let status = answer.with_context(|| format!("{address} does not answer"))?.status();
        anyhow::ensure!(status.is_success(), "{address} answers {status}");
        Ok(())
    })
}
