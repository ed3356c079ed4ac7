//! Rules, routes and archetypes, checked and ready: names looked up, utterances embedded, thresholds fitted.

use std::collections::BTreeSet;

use thiserror::Error;

use super::conditions::{Caller, Readings};
use super::config::{ArchetypeConfig, RouteConfig, RuleConfig};
use crate::chat::ChatRequest;
use crate::routing::select::NearestArchetype;
use crate::routing::utterances::Utterances;
use crate::routing::{Brain, BrainError, Registry, Strategy};

/// Why a rule, a route or an archetype was refused.
#[derive(Debug, Error)]
pub enum RuleError {
    /// Something written wrongly, with its path in the file.
    #[error("{0}")]
    Wrong(String),
    /// The utterances could not be embedded.
    #[error(transparent)]
    Embed(#[from] BrainError),
}

/// What a rule does with the requests that it describes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::routing) struct Effect {
    pub(in crate::routing) rule: String,
    pub(in crate::routing) models: Option<Vec<String>>,
    pub(in crate::routing) strategy: Option<Strategy>,
    pub(in crate::routing) bypass: Option<String>,
}

struct Rule {
    config: RuleConfig,
    utterances: Option<Utterances>,
}

struct Archetype {
    name: String,
    models: Vec<String>,
    utterances: Utterances,
}

/// All of them, in the order of the configuration.
#[derive(Default)]
pub(in crate::routing) struct UserRules {
    rules: Vec<Rule>,
    routes: Vec<RouteConfig>,
    archetypes: Vec<Archetype>,
}

impl UserRules {
    /// Checks and fits.
    pub(in crate::routing) fn read(
        rules: &[RuleConfig],
        routes: &[RouteConfig],
        archetypes: &[ArchetypeConfig],
        registry: &Registry,
        brain: &Brain,
    ) -> Result<Self, RuleError> {
        check_rules(rules, registry).map_err(RuleError::Wrong)?;
        check_routes(routes, registry).map_err(RuleError::Wrong)?;
        check_archetypes(archetypes, registry).map_err(RuleError::Wrong)?;
        let of_rules = rules.iter().map(|rule| brain.meanings(&rule.utterances)).collect::<Result<Vec<_>, _>>()?;
        let of_archetypes =
            archetypes.iter().map(|archetype| brain.meanings(&archetype.utterances)).collect::<Result<Vec<_>, _>>()?;
        let background = if of_rules.iter().all(Vec::is_empty) && archetypes.is_empty() {
            Vec::new()
        } else {
            brain.remembered_meanings()
        };
        // What belongs to one kind is strange to every other kind of its table.
        let strangers = |all: &[Vec<Vec<f32>>], own: usize| -> Vec<Vec<f32>> {
            let others = all.iter().enumerate().filter(|(at, _)| *at != own).flat_map(|(_, vectors)| vectors);
            background.iter().chain(others).cloned().collect()
        };
        let fit =
            |all: &[Vec<Vec<f32>>], own: usize, stated| Utterances::fit(all[own].clone(), &strangers(all, own), stated);
        let rules = rules.iter().enumerate().map(|(at, rule)| Rule {
            config: rule.clone(),
            utterances: (!rule.utterances.is_empty()).then(|| fit(&of_rules, at, rule.threshold)),
        });
        let archetypes = archetypes.iter().enumerate().map(|(at, archetype)| Archetype {
            name: archetype.name.clone(),
            models: archetype.models.clone(),
            utterances: fit(&of_archetypes, at, archetype.threshold),
        });
        Ok(Self { rules: rules.collect(), routes: routes.to_vec(), archetypes: archetypes.collect() })
    }

    /// Whether there are rules.
    pub(in crate::routing) fn are_any(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The request headers that some rule reads, in lower case.
    pub(in crate::routing) fn headers(&self) -> BTreeSet<String> {
        self.rules.iter().flat_map(|rule| rule.config.header.keys()).map(|name| name.to_ascii_lowercase()).collect()
    }

    /// The routes that clients may ask for.
    pub(in crate::routing) fn routes(&self) -> &[RouteConfig] {
        &self.routes
    }

    /// Whether there are archetypes.
    pub(in crate::routing) fn has_archetypes(&self) -> bool {
        !self.archetypes.is_empty()
    }

    /// What was fitted, for people: name and threshold of whatever has utterances.
    pub(in crate::routing) fn thresholds(&self) -> impl Iterator<Item = (&str, f64)> {
        let of_rules =
            self.rules.iter().filter_map(|rule| Some((rule.config.name.as_str(), rule.utterances.as_ref()?)));
        let of_archetypes = self.archetypes.iter().map(|archetype| (archetype.name.as_str(), &archetype.utterances));
        of_rules.chain(of_archetypes).map(|(name, utterances)| (name, utterances.threshold()))
    }

    /// The first rule that describes this request.
    pub(in crate::routing) async fn first_match(
        &self,
        request: &ChatRequest,
        words: &str,
        caller: &Caller,
        brain: &Brain,
    ) -> Result<Option<Effect>, BrainError> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let mut meaning = None;
        // Read first, so that nothing that cannot be sent between threads lives while a transformer is awaited.
        let met: Vec<bool> = {
            let readings = Readings::new(caller, request, words);
            self.rules.iter().map(|rule| readings.meet(&rule.config)).collect()
        };
        for (rule, _) in self.rules.iter().zip(met).filter(|(_, met)| *met) {
            if let Some(utterances) = &rule.utterances {
                if meaning.is_none() {
                    meaning = Some(brain.meaning(words).await?);
                }
                let similarity = meaning.as_ref().map_or(-1.0, |meaning| utterances.similarity(meaning));
                if similarity < utterances.threshold() {
                    continue;
                }
            }
            let config = &rule.config;
            return Ok(Some(Effect {
                rule: config.name.clone(),
                models: (!config.models.is_empty()).then(|| config.models.clone()),
                strategy: config.strategy,
                bypass: config.bypass.clone(),
            }));
        }
        Ok(None)
    }

    /// The archetype that the words are nearest to, among those they are near enough to.
    pub(in crate::routing) async fn nearest_archetype(
        &self,
        words: &str,
        brain: &Brain,
    ) -> Result<Option<NearestArchetype>, BrainError> {
        let meaning = brain.meaning(words).await?;
        let near = self.archetypes.iter().filter_map(|archetype| {
            let similarity = archetype.utterances.similarity(&meaning);
            (similarity >= archetype.utterances.threshold()).then_some((similarity, archetype))
        });
        Ok(near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(similarity, archetype)| NearestArchetype {
            name: archetype.name.clone(),
            models: archetype.models.clone(),
            similarity,
        }))
    }
}

fn check_rules(rules: &[RuleConfig], registry: &Registry) -> Result<(), String> {
    for (index, rule) in rules.iter().enumerate() {
        let wrong = |message: String| Err(format!("rules[{index}].{message}"));
        if rule.name.trim().is_empty() {
            return wrong("name: give the rule a name; decisions show it".into());
        }
        let conditions = [
            rule.key.is_empty(),
            rule.header.is_empty(),
            rule.language.is_empty(),
            rule.words.is_empty(),
            rule.personal_data.is_empty(),
            rule.utterances.is_empty(),
        ];
        if conditions.iter().all(|empty| *empty) {
            return wrong(format!(
                "name: {:?} states no condition; give key, header, language, words, personal_data or utterances",
                rule.name
            ));
        }
        if rules[..index].iter().any(|earlier| earlier.name == rule.name) {
            return wrong(format!("name: {:?} is already the name of another rule", rule.name));
        }
        if let Some(name) = rule.header.keys().find(|name| !is_header_name(name)) {
            return wrong(format!("header: {name:?} is not the name of a header"));
        }
        if rule.threshold.is_some() && rule.utterances.is_empty() {
            return wrong("threshold: means nothing without utterances".into());
        }
        check_utterances(&rule.utterances).or_else(wrong)?;
        if rule.words.iter().any(|word| word.trim().is_empty()) {
            return wrong("words: an empty word would never be found".into());
        }
        check_threshold(rule.threshold).or_else(wrong)?;
        let has_effect = !rule.models.is_empty() || rule.strategy.is_some();
        match &rule.bypass {
            None if !has_effect => return wrong("models: name target models, a strategy or bypass".into()),
            Some(_) if has_effect => {
                return wrong("bypass: goes alone; leave out models and strategy, or leave out bypass".into());
            }
            _ => {}
        }
        check_models("bypass", rule.bypass.as_slice(), registry).or_else(wrong)?;
        check_models("models", &rule.models, registry).or_else(wrong)?;
    }
    Ok(())
}

fn check_routes(routes: &[RouteConfig], registry: &Registry) -> Result<(), String> {
    for (index, route) in routes.iter().enumerate() {
        let wrong = |message: String| Err(format!("routes[{index}].{message}"));
        let name = &route.name;
        if name.is_empty() || name == "auto" || name.starts_with("auto:") {
            return wrong(format!("name: {name:?} is reserved: \"auto\" and \"auto:...\" mean routing"));
        }
        if registry.get(name).is_some() || routes[..index].iter().any(|earlier| earlier.name == *name) {
            return wrong(format!("name: {name:?} is already the name of a model or another route"));
        }
        if let Some(models) = &route.models {
            if models.is_empty() {
                return wrong("models: names no model; leave it out to allow all".into());
            }
            check_models("models", models, registry).or_else(wrong)?;
        }
        if route.quality.is_some() && route.max_quality_loss.is_some() {
            return wrong("quality: max_quality_loss is set too; they are two scales of one dial".into());
        }
        for (key, value) in [("quality", route.quality), ("max_quality_loss", route.max_quality_loss)] {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return wrong(format!("{key}: {value} is not between 0 and 1"));
            }
        }
        route.limits.check().or_else(|message| wrong(format!("limits.{message}")))?;
    }
    Ok(())
}

fn check_archetypes(archetypes: &[ArchetypeConfig], registry: &Registry) -> Result<(), String> {
    for (index, archetype) in archetypes.iter().enumerate() {
        let wrong = |message: String| Err(format!("archetypes[{index}].{message}"));
        let name = archetype.name.trim();
        if name.is_empty() || archetypes[..index].iter().any(|earlier| earlier.name.trim() == name) {
            return wrong(format!("name: {:?} is empty or already the name of another archetype", archetype.name));
        }
        check_utterances(&archetype.utterances).or_else(wrong)?;
        if archetype.utterances.is_empty() {
            return wrong("utterances: give at least one example; ten or more make a better threshold".into());
        }
        if archetype.models.is_empty() {
            return wrong("models: name at least one".into());
        }
        check_threshold(archetype.threshold).or_else(wrong)?;
        check_models("models", &archetype.models, registry).or_else(wrong)?;
    }
    Ok(())
}

/// Letters, digits and the marks that HTTP allows in a name.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn check_utterances(utterances: &[String]) -> Result<(), String> {
    match utterances.iter().position(|utterance| utterance.trim().is_empty()) {
        Some(at) => Err(format!("utterances[{at}]: is empty, and nothing is like nothing")),
        None => Ok(()),
    }
}

fn check_threshold(threshold: Option<f64>) -> Result<(), String> {
    match threshold.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
        Some(threshold) => Err(format!("threshold: {threshold} is not between 0 and 1")),
        None => Ok(()),
    }
}

fn check_models(key: &str, models: &[String], registry: &Registry) -> Result<(), String> {
    match models.iter().find(|model| registry.get(model).is_none()) {
        Some(unknown) => Err(format!("{key}: {unknown:?} is not the name of a [[models]] entry")),
        None => Ok(()),
    }
}
