//! The chain of a model that was asked for by name: its fallbacks, theirs, and so on. A chain that loops or names nothing is refused.

use std::collections::HashMap;

use super::{ModelConfig, RegistryError};

/// Indices of the models to try after `from`, each once, nearest first.
pub(super) fn expand(
    configs: &[ModelConfig],
    index_of: &HashMap<String, usize>,
    from: usize,
) -> Result<Vec<usize>, RegistryError> {
    let mut chain = Vec::new();
    walk(configs, index_of, &mut vec![from], &mut chain)?;
    Ok(chain)
}

fn walk(
    configs: &[ModelConfig],
    index_of: &HashMap<String, usize>,
    path: &mut Vec<usize>,
    chain: &mut Vec<usize>,
) -> Result<(), RegistryError> {
    let Some(&index) = path.last() else { return Ok(()) };
    for name in &configs[index].fallbacks {
        let next = *index_of
            .get(name)
            .ok_or_else(|| RegistryError::UnknownFallback { index, name: name.chars().take(100).collect() })?;
        if let Some(seen) = path.iter().position(|on_path| *on_path == next) {
            let chain = path[seen..].iter().chain([&next]).map(|model| configs[*model].name.clone()).collect();
            return Err(RegistryError::FallbackLoop { index, chain });
        }
        if !chain.contains(&next) {
            chain.push(next);
            path.push(next);
            walk(configs, index_of, path, chain)?;
            path.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Registry;

    fn model(name: &str, fallbacks: &[&str]) -> ModelConfig {
        ModelConfig {
            name: name.into(),
            provider: "p".into(),
            fallbacks: fallbacks.iter().map(|name| (*name).to_owned()).collect(),
            ..ModelConfig::default()
        }
    }

    #[test]
    fn fallbacks_bring_their_own_and_nobody_is_tried_twice() {
        let configs = [model("a", &["b", "d"]), model("b", &["c"]), model("c", &["d"]), model("d", &[])];
        let registry = Registry::from_config(&configs).unwrap();
        assert_eq!(registry.get("a").unwrap().fallbacks, [1, 2, 3]);
        assert_eq!(registry.get("d").unwrap().fallbacks, [] as [usize; 0]);
    }

    #[test]
    fn a_chain_that_loops_or_names_nothing_is_refused_by_name() {
        let error = |configs: &[ModelConfig]| Registry::from_config(configs).unwrap_err().to_string();
        let looping = [model("a", &["b"]), model("b", &["c"]), model("c", &["b"])];
        assert_eq!(error(&looping), "models[2].fallbacks: the chain loops: b -> c -> b");
        assert_eq!(error(&[model("a", &["a"])]), "models[0].fallbacks: the chain loops: a -> a");
        let nothing = error(&[model("a", &["x"])]);
        assert_eq!(nothing, "models[0].fallbacks: \"x\" is not the name of a [[models]] entry");
    }
}
