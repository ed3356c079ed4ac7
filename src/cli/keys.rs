//! The flags of `semroute keys`.

use clap::{Args, Subcommand};

use crate::commands::keys::{KeysCommand, NewKey};

/// `keys`
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Make a key. It is shown once.
    Create(Box<KeysCreateArgs>),
    /// Show the keys that there are.
    List,
    /// End a key; servers refuse it within two seconds.
    Revoke {
        /// Its name or its id.
        #[arg(value_name = "NAME|ID")]
        key: String,
    },
}

/// `keys create`
#[derive(Debug, Args)]
pub struct KeysCreateArgs {
    /// What logs and rules call it.
    #[arg(long)]
    pub name: String,
    /// Models that it may use; all by default, as below.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub models: Option<Vec<String>>,
    /// Strategies that it may use.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub strategies: Option<Vec<String>>,
    /// Endpoints that it may use, by their paths, such as /v1/chat/completions.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub endpoints: Option<Vec<String>>,
    /// Requests a minute.
    #[arg(long, value_name = "N")]
    pub rpm: Option<u32>,
    /// Tokens a minute, of prompts and answers.
    #[arg(long, value_name = "N")]
    pub tpm: Option<u64>,
    /// Requests under way at once.
    #[arg(long, value_name = "N")]
    pub concurrent: Option<u32>,
    /// The most that it may spend in a day.
    #[arg(long, value_name = "USD")]
    pub budget_usd_day: Option<f64>,
    /// The most that it may spend in a month.
    #[arg(long, value_name = "USD")]
    pub budget_usd_month: Option<f64>,
    /// When it ends: 90d, 12h, 8w, a date (its end in UTC) or an instant as 2027-01-31T18:00:00Z; never by default.
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// It may also read what every caller did: the dashboard and what it shows.
    #[arg(long)]
    pub admin: bool,
}

impl From<KeysAction> for KeysCommand {
    fn from(action: KeysAction) -> Self {
        match action {
            KeysAction::List => Self::List,
            KeysAction::Revoke { key } => Self::Revoke { key },
            KeysAction::Create(args) => Self::Create(Box::new(NewKey {
                name: args.name,
                models: args.models,
                strategies: args.strategies,
                endpoints: args.endpoints,
                rpm: args.rpm,
                tpm: args.tpm,
                concurrent: args.concurrent,
                budget_usd_day: args.budget_usd_day,
                budget_usd_month: args.budget_usd_month,
                expires: args.expires,
                is_admin: args.admin,
            })),
        }
    }
}
