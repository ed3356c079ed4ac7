//! Providers' public list prices, from the table that the crate `genai-prices` carries. Asked only where the configuration states no
//! price; what the table lacks stays unknown.

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};

use super::registry::{Prices, UsdPerMtok};

/// Where list prices come from, and when that was published.
pub const PRICE_LIST: &str = "list price, genai-prices 0.2.1 of 2026-10-30";

/// Prices are asked for prompts of this length: some models cost more beyond 100,000 tokens or so, and most prompts are short.
const USUAL_TOKENS: f64 = 1000.0;

/// What the table says of one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedModel {
    /// For short prompts, standard tier.
    pub prices: Prices,
    /// Tokens of prompt and answer together, where the table tells.
    pub context_window: Option<u32>,
}

/// Looks up a model at the provider that answers at this address. `None`: the table knows no such provider, model or price. A price
/// of 0 in the table counts as none: that something costs nothing is for the configuration to say.
pub fn listed_model(base_url: &str, model: &str) -> Option<ListedModel> {
    if is_local(base_url) {
        return None;
    }
    let list = Calculator::bundled();
    let provider = list.find_provider(None, Some(base_url)).ok()??;
    let ask = |usage: &Usage| {
        let request = PriceRequest::new(model, usage).with_provider_id(provider.id());
        // Another provider's price for a model of the same name would be a guess.
        list.calculate(&request).ok().filter(|answer| answer.provider_id == provider.id())
    };
    let a_million = |price: f64| UsdPerMtok::new(price * 1e6 / USUAL_TOKENS).filter(|price| price.get() > 0.0);
    let both = ask(&Usage::from([(UsageKey::INPUT_TOKENS, USUAL_TOKENS), (UsageKey::OUTPUT_TOKENS, USUAL_TOKENS)]))?;
    let (input, output) = (a_million(both.input_price)?, a_million(both.output_price)?);
    let from_cache = [(UsageKey::INPUT_TOKENS, USUAL_TOKENS), (UsageKey::CACHE_READ_TOKENS, USUAL_TOKENS)];
    let cached_input = ask(&Usage::from(from_cache)).and_then(|answer| a_million(answer.input_price)).unwrap_or(input);
    let to_cache = [(UsageKey::INPUT_TOKENS, USUAL_TOKENS), (UsageKey::CACHE_WRITE_TOKENS, USUAL_TOKENS)];
    let cache_write = ask(&Usage::from(to_cache)).and_then(|answer| a_million(answer.input_price)).unwrap_or(input);
    let entry = provider.models().find(|entry| entry.id() == both.model_id);
    let context_window = entry.and_then(|entry| u32::try_from(entry.context_window()?).ok());
    Some(ListedModel { prices: Prices { input, cached_input, cache_write, output }, context_window })
}

/// Whether a server on this machine answers there: its price is its owner's to state, and the list need not be opened for it.
fn is_local(base_url: &str) -> bool {
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]", "0.0.0.0"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENAI: &str = "https://api.openai.com/v1";

    #[test]
    fn the_providers_people_use_have_prices() {
        let providers = [
            (OPENAI, &["gpt-4o-mini", "gpt-4o", "gpt-5", "gpt-5-mini"][..]),
            ("https://api.anthropic.com/v1", &["claude-sonnet-4-5", "claude-haiku-4-5"]),
            ("https://generativelanguage.googleapis.com/v1beta", &["gemini-2.5-pro", "gemini-2.5-flash"]),
            ("https://generativelanguage.googleapis.com/v1beta/openai", &["gemini-2.5-pro", "gemini-2.5-flash"]),
            ("https://api.mistral.ai/v1", &["mistral-large-latest"]),
            ("https://api.deepseek.com/v1", &["deepseek-chat"]),
            ("https://api.groq.com/openai/v1", &["llama-3.3-70b-versatile"]),
        ];
        for (base_url, models) in providers {
            for model in models {
                let listed = listed_model(base_url, model).unwrap_or_else(|| panic!("{model} at {base_url}"));
                assert!(listed.prices.input < listed.prices.output, "{model}: {listed:?}");
                assert!(listed.prices.cached_input <= listed.prices.input, "{model}: {listed:?}");
            }
        }
        let sonnet = listed_model("https://api.anthropic.com/v1", "claude-sonnet-4-5").unwrap().prices;
        assert!((sonnet.cache_write.get() / sonnet.input.get() - 1.25).abs() < 1e-9, "{sonnet:?}");
        let mini = listed_model(OPENAI, "gpt-4o-mini").unwrap();
        assert!((mini.prices.input.get() - 0.15).abs() < 1e-9 && (mini.prices.output.get() - 0.6).abs() < 1e-9);
        assert_eq!(mini.context_window, Some(128_000));
    }

    #[test]
    fn more_than_sixty_models_of_the_providers_people_use_have_prices() {
        let addresses = [
            OPENAI,
            "https://api.anthropic.com/v1",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "https://api.mistral.ai/v1",
            "https://api.deepseek.com/v1",
            "https://api.groq.com/openai/v1",
            "https://api.together.xyz/v1",
        ];
        let list = Calculator::bundled();
        let priced = addresses.iter().flat_map(|address| {
            let provider = list.find_provider(None, Some(address)).unwrap().unwrap();
            provider.models().filter(|model| listed_model(address, model.id()).is_some()).map(|_| ())
        });
        let count = priced.count();
        assert!(count >= 60, "{count}");
    }

    #[test]
    fn the_list_is_named_as_it_is_locked() {
        let lock = include_str!("../../Cargo.lock");
        let version = lock.split_once("name = \"genai-prices\"\nversion = \"").map(|(_, rest)| rest);
        let version = version.and_then(|rest| rest.split('"').next()).unwrap();
        assert!(PRICE_LIST.contains(version), "the lock has {version}: name it in PRICE_LIST, with its date");
    }

    #[test]
    fn what_is_not_listed_is_unknown_and_never_free() {
        assert_eq!(listed_model(OPENAI, "no-such-model"), None);
        assert_eq!(listed_model("http://127.0.0.1:11434/v1", "gpt-4o"), None, "a local server's price is its owner's");
        assert_eq!(listed_model(OPENAI, "text-embedding-3-small"), None, "no price of answers");
    }
}
