//! `semroute log seed`: fills an empty store with made-up decisions, so that the dashboard can be tried and measured. Never writes into a store
//! that holds decisions, unless told to.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::made_up::{MadeUp, World};
use crate::commands::{UsageError, parts, progress};
use crate::routing::Router;
use crate::store::{DecisionRecord, Store};

/// Rows a transaction.
const BATCH: usize = 5_000;

/// What to make up.
#[derive(Debug, Clone)]
pub struct SeedCommand {
    /// How many decisions.
    pub rows: u32,
    /// The days before now that they are spread over.
    pub days: u32,
    /// The configuration with the store and the models.
    pub config: PathBuf,
    /// Seed of what is made up.
    pub seed: u64,
    /// Even where the store holds decisions already.
    pub force: bool,
}

/// Seeds.
pub fn run(command: &SeedCommand) -> anyhow::Result<()> {
    let origin = command.config.display().to_string();
    let config = parts::read_config(&command.config)?;
    let missing = |what: &str| UsageError(format!("{origin}: {what}"));
    let store = config.store.as_ref().ok_or_else(|| missing("store: there is none; add a [store] with a url"))?;
    if config.models.is_empty() {
        return Err(missing("models: there is none; add a [[models]] table").into());
    }
    let router = parts::build_router(&config, &origin, None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(store).await.with_context(|| origin.clone())?;
        if !command.force && !store.is_empty().await? {
            let message = format!(
                "{origin}: store.url: the store holds decisions, and made-up ones would stand among them; name an empty one, or use --force"
            );
            return Err(UsageError(message).into());
        }
        let written = seed(&store, &router, command).await;
        store.close().await;
        written
    })
}

async fn seed(store: &Store, router: &Router, command: &SeedCommand) -> anyhow::Result<()> {
    let began = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let world = World::of(router);
    let mut rows = MadeUp::new(&world, command.seed, now_ms, command.days, command.rows);
    let bar = progress::bar(command.rows as usize, "seeding");
    loop {
        let batch: Vec<DecisionRecord> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        store.write_now(&batch).await?;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    println!("{} made-up decisions of {} days in {:.1} s", command.rows, command.days, began.elapsed().as_secs_f64());
    Ok(())
}
