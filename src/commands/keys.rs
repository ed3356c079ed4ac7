//! `semroute keys create | list | revoke`: makes, shows and ends the keys of the store. The text of a key is shown once, when it is made.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

mod expiry;
mod table;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{UsageError, parts, serve};
use crate::config::Config;
use crate::limits::jwt::TOKEN_NAME_PREFIX;
use crate::limits::{BudgetConfig, CallerLimits, IssuedKey, Scopes};
use crate::store::{ApiKeyRecord, KeyAdded, MOST_KEYS, Store};
use table::instant;

/// A longer name is somebody's mistake.
const MOST_NAME_CHARACTERS: usize = 64;
const LEAST_SIMILARITY: f64 = 0.75;

/// The flags of `keys create`.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// `--name`
    pub name: String,
    /// `--models`
    pub models: Option<Vec<String>>,
    /// `--strategies`
    pub strategies: Option<Vec<String>>,
    /// `--endpoints`
    pub endpoints: Option<Vec<String>>,
    /// `--rpm`
    pub rpm: Option<u32>,
    /// `--tpm`
    pub tpm: Option<u64>,
    /// `--concurrent`
    pub concurrent: Option<u32>,
    /// `--budget-usd-day`
    pub budget_usd_day: Option<f64>,
    /// `--budget-usd-month`
    pub budget_usd_month: Option<f64>,
    /// `--expires`
    pub expires: Option<String>,
    /// `--admin`
    pub is_admin: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum KeysCommand {
    /// Make a key and show it.
    Create(Box<NewKey>),
    /// Show what there is.
    List,
    /// End a key.
    Revoke {
        /// Its name or its id.
        key: String,
    },
}

/// Does it, in the store of the configuration: `config`, or the file in the current folder.
pub fn run(command: KeysCommand, config: Option<&PathBuf>, as_json: bool) -> anyhow::Result<()> {
    let Some(path) = parts::config_path(config) else {
        let default = parts::DEFAULT_CONFIG;
        return Err(UsageError(format!(
            "keys live in the store that a configuration names, and there is no {default} here; name one with --config"
        ))
        .into());
    };
    let config = parts::read_config(path)?;
    let origin = path.display().to_string();
    let Some(of_store) = &config.store else {
        return Err(UsageError(format!(
            "{origin}: store: keys live in a store, and there is none; add [store] with url = \"sqlite://semroute.db\""
        ))
        .into());
    };
    let now = now_unix_ms();
    // What is written wrongly is told before anything is opened.
    let prepared = match &command {
        KeysCommand::Create(new) => Some(prepare(new, &config, &origin, now)?),
        KeysCommand::List | KeysCommand::Revoke { .. } => None,
    };
    serve::runtime()?.block_on(async {
        let store = Store::open(of_store).await.map_err(|error| serve::wrong_store(error, &origin))?;
        let done = match (command, prepared) {
            (KeysCommand::Revoke { key }, _) => revoke(&store, &key, now, as_json).await,
            (_, Some((record, key))) => create(&store, &record, &key, as_json).await,
            (_, None) => list(&store, now, as_json).await,
        };
        store.close().await;
        done
    })
}

/// A key and the row that it becomes.
fn prepare(new: &NewKey, config: &Config, origin: &str, now: i64) -> anyhow::Result<(ApiKeyRecord, IssuedKey)> {
    let usage = |message: String| UsageError(message);
    let name = new.name.trim();
    check_name(name, config).map_err(|wrong| usage(format!("--name {name:?}: {wrong}")))?;
    let scopes =
        Scopes { models: new.models.clone(), strategies: new.strategies.clone(), endpoints: new.endpoints.clone() };
    config.check_scopes(&scopes).map_err(|wrong| usage(format!("--{wrong} in {origin}")))?;
    let limits = CallerLimits {
        requests_per_minute: new.rpm,
        tokens_per_minute: new.tpm,
        concurrent: new.concurrent,
        budget: BudgetConfig { day_usd: new.budget_usd_day, month_usd: new.budget_usd_month },
    };
    limits.check().map_err(|wrong| usage(in_flags(&wrong)))?;
    let expires = new
        .expires
        .as_ref()
        .map(|text| expiry::read(text, now).map_err(|wrong| usage(format!("--expires {text:?}: {wrong}"))));
    let key = IssuedKey::draw()?;
    let record = ApiKeyRecord {
        id: key.id.clone(),
        name: name.to_owned(),
        secret_hash: key.hash.as_bytes().to_vec(),
        models: scopes.models,
        strategies: scopes.strategies,
        endpoints: scopes.endpoints,
        is_admin: new.is_admin,
        requests_per_minute: new.rpm,
        tokens_per_minute: new.tpm,
        concurrent: new.concurrent,
        budget_day_usd: new.budget_usd_day,
        budget_month_usd: new.budget_usd_month,
        created_unix_ms: now,
        expires_unix_ms: expires.transpose()?,
        revoked_unix_ms: None,
    };
    Ok((record, key))
}

/// Names stand in logs, rules and `own_keys`, so they are plain, and none is taken for another caller's.
fn check_name(name: &str, config: &Config) -> Result<(), String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > MOST_NAME_CHARACTERS || !is_plain {
        return Err(format!("expected 1 to {MOST_NAME_CHARACTERS} visible ASCII characters without spaces"));
    }
    if name.starts_with('-') {
        return Err("begins as a flag does".into());
    }
    if name.starts_with(TOKEN_NAME_PREFIX) {
        return Err(format!("begins with {TOKEN_NAME_PREFIX:?}, which is for the callers of tokens"));
    }
    match config.auth.keys.iter().any(|key| key.name.trim() == name) {
        true => Err("is the name of an [[auth.keys]] entry of the configuration".into()),
        false => Ok(()),
    }
}

/// The name of the flag in place of the configuration's field.
fn in_flags(wrong: &str) -> String {
    let flags = [
        ("requests_per_minute", "--rpm"),
        ("tokens_per_minute", "--tpm"),
        ("concurrent", "--concurrent"),
        ("budget.day_usd", "--budget-usd-day"),
        ("budget.month_usd", "--budget-usd-month"),
    ];
    let found = flags.into_iter().find_map(|(field, flag)| Some((flag, wrong.strip_prefix(field)?)));
    found.map_or_else(|| wrong.to_owned(), |(flag, rest)| format!("{flag}{rest}"))
}

async fn create(store: &Store, record: &ApiKeyRecord, key: &IssuedKey, as_json: bool) -> anyhow::Result<()> {
    match store.add_key(record).await? {
        KeyAdded::Added => {}
        KeyAdded::NameTaken => {
            let name = &record.name;
            return Err(UsageError(format!(
                "--name {name:?}: there is a key of this name; choose another, or end that one with semroute keys revoke {name}"
            ))
            .into());
        }
        KeyAdded::Full => anyhow::bail!("the store holds {MOST_KEYS} keys already; end some with semroute keys revoke"),
    }
    let text = key.text.expose_secret();
    if as_json {
        let mut row = as_row(record, record.created_unix_ms);
        row["key"] = text.into();
        println!("{row}");
    } else {
        println!("{text}\n");
        println!("Keep it: it is shown this once, and the store has only a hash of it.");
        println!("A running server knows it within two seconds. Its id is {}, its name {}.", record.id, record.name);
    }
    Ok(())
}

async fn list(store: &Store, now: i64, as_json: bool) -> anyhow::Result<()> {
    let keys = store.keys().await?;
    if as_json {
        println!("{}", Value::Array(keys.iter().map(|key| as_row(key, now)).collect()));
    } else if keys.is_empty() {
        println!("no keys yet; make one: semroute keys create --name NAME");
    } else {
        print!("{}", table::of(&keys, now));
    }
    Ok(())
}

async fn revoke(store: &Store, key: &str, now: i64, as_json: bool) -> anyhow::Result<()> {
    let Some(revoked) = store.revoke_key(key, now).await? else {
        return Err(UsageError(not_found(key, &store.keys().await?)).into());
    };
    match as_json {
        true => println!("{}", as_row(&revoked, now)),
        false => println!("revoked {} ({}); servers refuse it within two seconds", revoked.name, revoked.id),
    }
    Ok(())
}

fn not_found(asked: &str, keys: &[ApiKeyRecord]) -> String {
    // What was given may be a whole key by mistake, and is not repeated.
    let shown: String = asked.chars().take(MOST_NAME_CHARACTERS).collect();
    if shown.starts_with(crate::limits::KEY_PREFIX) {
        return "that is the text of a key; give its name or its id, which is what stands between \"sk-sr-\" and the next \"-\"".into();
    }
    let is_it = |key: &&ApiKeyRecord| key.id == asked || key.name == asked;
    if let Some(revoked) = keys.iter().find(is_it).and_then(|key| key.revoked_unix_ms) {
        return format!("{shown:?} was revoked already, at {}", instant(revoked));
    }
    let similarity = |key: &ApiKeyRecord| strsim::jaro_winkler(&shown, &key.name);
    let active = keys.iter().filter(|key| key.revoked_unix_ms.is_none());
    let nearest = active.max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest.filter(|key| similarity(key) >= LEAST_SIMILARITY) {
        Some(key) => format!("there is no key with the name or id {shown:?}; did you mean {}?", key.name),
        None => format!("there is no key with the name or id {shown:?}; semroute keys list shows those that there are"),
    }
}

/// A key as scripts read it, without anything that it opens with.
fn as_row(key: &ApiKeyRecord, now: i64) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "state": table::state(key, now),
        "admin": key.is_admin,
        "models": key.models,
        "strategies": key.strategies,
        "endpoints": key.endpoints,
        "requests_per_minute": key.requests_per_minute,
        "tokens_per_minute": key.tokens_per_minute,
        "concurrent": key.concurrent,
        "budget_usd_day": key.budget_day_usd,
        "budget_usd_month": key.budget_month_usd,
        "created": instant(key.created_unix_ms),
        "expires": key.expires_unix_ms.map(instant),
        "revoked": key.revoked_unix_ms.map(instant),
    })
}

fn now_unix_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
