//! Properties of selection that hold for every registry, prompt and request: who may stand in the chain, who is first, and that
//! nothing is made up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select as one_of, subsequence};
use semroute::chat::Usage;
use semroute::classifier::ByModel;
use semroute::routing::{
    Bounds, Candidate, Capability, Held, History, Live, Model, ModelConfig, NearestArchetype, NoCandidate, Registry,
    Requirements, RouterConfig, Signals, Strategy as Choice, Terms, TokenCounts, select,
};

const TASKS: [&str; 3] = ["code", "chat", "math"];
const COMPLEXITIES: [&str; 3] = ["low", "medium", "high"];
const CAPABILITIES: [Capability; 3] = [Capability::Tools, Capability::Vision, Capability::Json];

/// Everything that selection is given, but the strategy.
#[derive(Debug, Clone)]
struct Case {
    models: Vec<ModelConfig>,
    signals: Signals,
    requirements: Requirements,
    min_quality: Option<f64>,
    config: RouterConfig,
    history: History,
    archetype: Option<NearestArchetype>,
    held: Option<Held>,
}

/// Strategies that weigh quality, and so go up where a prompt is like nothing seen.
fn goes_up(choice: Choice) -> bool {
    ![Choice::Cheapest, Choice::RoundRobin, Choice::LeastUsed].contains(&choice)
}

impl Case {
    fn registry(&self) -> Registry {
        Registry::from_config(&self.models).unwrap()
    }

    fn choose(&self, choice: Choice) -> Result<(Vec<Candidate>, String), NoCandidate> {
        let registry = self.registry();
        let bounds = vec![Bounds { min_quality: self.min_quality, ..Bounds::default() }];
        let terms = Terms {
            strategy: choice,
            quality_share: self.config.balanced_quality_share,
            bounds,
            archetype: self.archetype.clone(),
            is_steered: false,
        };
        let live = Live { history: &self.history, expectations: None, held: self.held.as_ref() };
        let chosen = select(&self.signals, &self.requirements, &registry, &terms, &self.config, live);
        chosen.map(|chosen| (chosen.plan.candidates().to_vec(), chosen.reason))
    }

    /// Every candidate: no limit on attempts.
    fn all(&self, choice: Choice) -> Option<Vec<Candidate>> {
        let mut case = self.clone();
        case.config.max_attempts = self.models.len();
        case.choose(choice).ok().map(|(chain, _)| chain)
    }

    /// The model tried first.
    fn first(&self, choice: Choice) -> Option<Candidate> {
        self.choose(choice).ok().map(|(chain, _)| chain[0].clone())
    }

    fn known(&self, known: bool) -> Self {
        let mut case = self.clone();
        case.signals.known = known;
        case
    }
}

fn quality(candidate: &Candidate) -> f64 {
    candidate.predicted_quality.unwrap()
}

/// For comparing: what has no price costs more than anything.
fn cost(candidate: &Candidate) -> f64 {
    candidate.expected_cost_usd.unwrap_or(f64::INFINITY)
}

fn serves(model: &Model, requirements: &Requirements) -> bool {
    let needed = requirements.input_tokens.at_most(model.tokenizer) + u64::from(requirements.output_cap.unwrap_or(0));
    requirements.capabilities.iter().all(|capability| model.capabilities.contains(capability))
        && model.context_window.is_none_or(|window| needed <= u64::from(window))
}

fn shares(labels: [&'static str; 3]) -> impl Strategy<Value = Vec<(String, f64)>> {
    [0.01f64..1.0, 0.01..1.0, 0.01..1.0].prop_map(move |weights| {
        let sum: f64 = weights.iter().sum();
        labels.iter().zip(weights).map(|(label, weight)| ((*label).to_owned(), weight / sum)).collect()
    })
}

fn model() -> impl Strategy<Value = ModelConfig> {
    let keys = vec!["default", "code", "chat", "low", "high", "code/high", "math/low"];
    // Few different prices and qualities, so that ties are common.
    let price = proptest::option::weighted(0.8, (one_of(vec![0.0, 0.1, 1.0, 5.0]), one_of(vec![0.0, 0.4, 4.0, 20.0])));
    let window = proptest::option::of(one_of(vec![100u32, 4_000, 128_000]));
    let qualities = proptest::collection::vec(one_of(vec![0.0, 0.3, 0.5, 0.8, 0.9, 1.0]), 7);
    let stated = subsequence(keys, 0..=7);
    let provider = one_of(vec!["p", "q", "r"]);
    (price, window, subsequence(CAPABILITIES.to_vec(), 0..=3), stated, qualities, provider).prop_map(
        |(price, context_window, capabilities, stated, qualities, provider)| ModelConfig {
            name: String::new(),
            provider: provider.into(),
            input_usd_per_mtok: price.map(|(input, _)| input),
            output_usd_per_mtok: price.map(|(_, output)| output),
            context_window,
            capabilities: Some(capabilities),
            quality: stated.into_iter().map(str::to_owned).zip(qualities).collect(),
            ..ModelConfig::default()
        },
    )
}

fn named_models() -> impl Strategy<Value = Vec<ModelConfig>> {
    proptest::collection::vec(model(), 1..8).prop_map(|mut models| {
        for (index, model) in models.iter_mut().enumerate() {
            model.name = format!("m{index}");
        }
        models
    })
}

fn signals() -> impl Strategy<Value = Signals> {
    let learnt = proptest::collection::btree_map("m[0-7]", 0.0f64..=1.0, 0..4);
    (shares(TASKS), shares(COMPLEXITIES), learnt, any::<bool>()).prop_map(|(tasks, complexities, learnt, known)| {
        let best = |scores: &[(String, f64)]| scores.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().clone();
        let ((task, task_confidence), (complexity, complexity_confidence)) = (best(&tasks), best(&complexities));
        Signals {
            task,
            task_confidence,
            task_scores: tasks,
            complexity,
            complexity_confidence,
            complexity_scores: complexities,
            complexity_score: 0.5,
            known,
            novelty: 0.5,
            truncated: false,
            follow_up: false,
            tier: "builtin".into(),
            artifact: "test".into(),
            predicted_quality: learnt.into(),
            predicted_output_tokens: ByModel::default(),
            kept: None,
        }
    })
}

fn cases() -> impl Strategy<Value = Case> {
    // Often nothing is needed, so that most models serve.
    let capabilities = prop_oneof![3 => Just(Vec::new()), 1 => subsequence(CAPABILITIES.to_vec(), 1..=2)];
    let requirements = (capabilities, one_of(vec![1u64, 50, 5_000]), proptest::option::of(one_of(vec![20u32, 2_000])))
        .prop_map(|(capabilities, tokens, output_cap)| Requirements {
            capabilities,
            input_tokens: TokenCounts::same(tokens),
            output_cap,
            answers: 1,
        });
    let config =
        (0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..1e4, 1usize..6).prop_map(|(share, gate, weight, attempts)| RouterConfig {
            balanced_quality_share: share,
            quality_gate: gate,
            cost_weight: weight,
            max_attempts: attempts,
            ..RouterConfig::default()
        });
    let floor = proptest::option::weighted(0.3, 0.0f64..=1.0);
    let history = proptest::collection::vec(0usize..8, 0..12).prop_map(|chosen| {
        let mut history = History::default();
        chosen.into_iter().for_each(|model| history.remember(&format!("m{model}")));
        history
    });
    (named_models(), signals(), requirements, floor, config, history).prop_map(
        |(models, signals, requirements, min_quality, config, history)| Case {
            models,
            signals,
            requirements,
            min_quality,
            config,
            history,
            archetype: None,
            held: None,
        },
    )
}

fn choices() -> impl Strategy<Value = Choice> {
    one_of(Choice::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_chain_holds_models_that_serve_each_once(case in cases(), choice in choices()) {
        let registry = case.registry();
        if let Ok((chain, _)) = case.choose(choice) {
            prop_assert!(!chain.is_empty() && chain.len() <= case.config.max_attempts);
            let names: BTreeSet<&str> = chain.iter().map(|candidate| candidate.model.as_str()).collect();
            prop_assert_eq!(names.len(), chain.len());
            for candidate in &chain {
                let model = registry.get(&candidate.model).unwrap();
                prop_assert!(serves(model, &case.requirements), "{} cannot serve", candidate.model);
                prop_assert_eq!(&candidate.provider, &model.provider);
                prop_assert!(case.min_quality.is_none_or(|floor| quality(candidate) >= floor));
            }
        }
    }

    #[test]
    fn no_model_that_serves_is_forgotten(case in cases(), choice in choices()) {
        let open = Case { min_quality: None, ..case.clone() };
        let serving: BTreeSet<String> = case.registry().models().iter()
            .filter(|model| serves(model, &case.requirements)).map(|model| model.name.clone()).collect();
        let candidates = open.all(choice).unwrap_or_default();
        let found: BTreeSet<String> = candidates.iter().map(|candidate| candidate.model.clone()).collect();
        prop_assert_eq!(&found, &serving);
        let clearing: BTreeSet<String> = candidates.iter()
            .filter(|candidate| case.min_quality.is_none_or(|floor| quality(candidate) >= floor))
            .map(|candidate| candidate.model.clone()).collect();
        let kept = case.all(choice).unwrap_or_default();
        prop_assert_eq!(kept.into_iter().map(|candidate| candidate.model).collect::<BTreeSet<_>>(), clearing);
    }

    #[test]
    fn a_refusal_says_why_of_every_model(case in cases(), choice in choices()) {
        if let Err(refusal) = case.choose(choice) {
            prop_assert!(refusal.models.iter().all(|(_, unmet)| !unmet.is_empty()));
            let names: Vec<String> = refusal.models.into_iter().map(|(model, _)| model).collect();
            let models: BTreeSet<String> = case.models.iter().map(|model| model.name.clone()).collect();
            prop_assert_eq!(names.len(), models.len());
            prop_assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), models);
        }
    }

    #[test]
    fn costs_are_those_of_the_price_list_and_an_unknown_price_stays_unknown(case in cases(), choice in choices()) {
        let registry = case.registry();
        let output = u64::from(case.requirements.output_cap.unwrap_or(500).min(500));
        let usage = |model: &Model| {
            Usage { input: case.requirements.input_tokens.expected(model.tokenizer), output, ..Usage::default() }
        };
        for candidate in case.all(choice).unwrap_or_default() {
            let model = registry.get(&candidate.model).unwrap();
            prop_assert_eq!(candidate.expected_cost_usd, model.prices.map(|prices| prices.cost_usd(usage(model))));
        }
    }

    #[test]
    fn learnt_lengths_of_answers_move_the_cost(case in cases(), choice in choices(), tokens in 1u32..5000) {
        let registry = case.registry();
        let mut longer = case.clone();
        let lengths = registry.models().iter().map(|model| (model.name.clone(), f64::from(tokens)));
        longer.signals.predicted_output_tokens = lengths.collect::<BTreeMap<_, _>>().into();
        let output = u64::from(case.requirements.output_cap.unwrap_or(u32::MAX).min(tokens));
        for candidate in longer.all(choice).unwrap_or_default() {
            let model = registry.get(&candidate.model).unwrap();
            let input = case.requirements.input_tokens.expected(model.tokenizer);
            let usage = Usage { input, output, ..Usage::default() };
            prop_assert_eq!(candidate.expected_cost_usd, model.prices.map(|prices| prices.cost_usd(usage)));
        }
    }

    #[test]
    fn a_learnt_quality_goes_before_the_stated_one(case in cases(), choice in choices()) {
        for candidate in case.all(choice).unwrap_or_default() {
            prop_assert!((0.0..=1.0 + 1e-9).contains(&quality(&candidate)), "{:?}", candidate);
            if let Some(learnt) = case.signals.predicted_quality.get(&candidate.model) {
                prop_assert_eq!(quality(&candidate), *learnt);
            }
        }
    }

    #[test]
    fn cheapest_is_never_beaten_on_cost(case in cases()) {
        if let Some(first) = case.first(Choice::Cheapest) {
            for other in case.all(Choice::Cheapest).unwrap() {
                prop_assert!(cost(&first) <= cost(&other), "{:?} beats {:?}", other, first);
                prop_assert!(cost(&first) < cost(&other) || quality(&first) >= quality(&other), "the better one wins a tie");
            }
        }
    }

    #[test]
    fn best_is_never_beaten_on_quality(case in cases()) {
        if let Some(first) = case.first(Choice::Best) {
            for other in case.all(Choice::Best).unwrap() {
                prop_assert!(quality(&first) >= quality(&other), "{:?} beats {:?}", other, first);
                prop_assert!(quality(&first) > quality(&other) || cost(&first) <= cost(&other), "the cheaper one wins a tie");
            }
        }
    }

    #[test]
    fn balanced_keeps_its_share_and_no_cheaper_one_does(case in cases()) {
        let case = case.known(true);
        if let Some(first) = case.first(Choice::Balanced) {
            let all = case.all(Choice::Balanced).unwrap();
            let gate = all.iter().map(quality).fold(0.0, f64::max) * case.config.balanced_quality_share;
            prop_assert!(quality(&first) >= gate);
            for other in all.iter().filter(|other| quality(other) >= gate) {
                prop_assert!(cost(&first) <= cost(other), "{:?} is cheaper than {:?}", other, first);
            }
        }
    }

    #[test]
    fn the_gate_is_cleared_at_the_least_cost_or_the_best_is_taken(case in cases()) {
        let case = case.known(true);
        if let Some(first) = case.first(Choice::QualityGated) {
            let all = case.all(Choice::QualityGated).unwrap();
            let gate = case.config.quality_gate;
            let clearing: Vec<&Candidate> = all.iter().filter(|other| quality(other) >= gate).collect();
            if clearing.is_empty() {
                prop_assert!(all.iter().all(|other| quality(&first) >= quality(other)));
            } else {
                prop_assert!(quality(&first) >= gate);
                prop_assert!(clearing.iter().all(|other| cost(&first) <= cost(other)));
            }
        }
    }

    #[test]
    fn no_other_model_is_worth_more_at_the_weight_of_its_cost(case in cases()) {
        let case = case.known(true);
        if let Some(first) = case.first(Choice::CostWeighted) {
            let worth = |candidate: &Candidate| quality(candidate) - case.config.cost_weight * cost(candidate);
            for other in case.all(Choice::CostWeighted).unwrap() {
                prop_assert!(worth(&first) >= worth(&other) || worth(&other).is_nan(), "{:?} is worth more than {:?}", other, first);
            }
        }
    }

    #[test]
    fn turns_reach_every_model_that_serves(case in cases()) {
        let mut case = case;
        let models = case.all(Choice::RoundRobin).map_or(0, |all| all.len());
        let mut seen = BTreeSet::new();
        for _ in 0..models {
            let first = case.first(Choice::RoundRobin).unwrap().model;
            case.history.remember(&first);
            seen.insert(first);
        }
        prop_assert_eq!(seen.len(), models);
    }

    #[test]
    fn nobody_was_chosen_less_often_than_the_least_used(case in cases()) {
        if let Some(first) = case.first(Choice::LeastUsed) {
            let times = |candidate: &Candidate| case.history.times_chosen(&candidate.model);
            prop_assert!(case.all(Choice::LeastUsed).unwrap().iter().all(|other| times(&first) <= times(other)));
        }
    }

    #[test]
    fn a_ladder_begins_cheap_enough_and_rises_to_the_best(case in cases()) {
        let case = case.known(true);
        if let Some(all) = case.all(Choice::Cascade) {
            let best = all.iter().map(quality).fold(0.0, f64::max);
            let gate = best * case.config.cascade.first_quality_share;
            prop_assert!(quality(&all[0]) >= gate - 1e-12);
            prop_assert!(all.iter().filter(|other| quality(other) >= gate).all(|other| cost(&all[0]) <= cost(other)));
            let chain = case.choose(Choice::Cascade).unwrap().0;
            let rungs = chain.windows(2).take_while(|pair| quality(&pair[1]) > quality(&pair[0])).count() + 1;
            prop_assert!(chain[..rungs].windows(2).all(|pair| cost(&pair[0]) <= cost(&pair[1])), "rungs rise in price");
            prop_assert!(chain.len() < 2 || quality(&chain[rungs - 1]) >= best - 1e-12, "the best model is the last rung");
        }
    }

    #[test]
    fn a_turn_that_only_goes_on_stays_where_it_is(case in cases(), choice in choices(), model in 0usize..8) {
        let mut case = case;
        case.signals.follow_up = true;
        let name = format!("m{model}");
        case.held = Some(Held { model: name.clone(), complexity_score: 0.5, prompt_tokens: 50, failed_turns: 0 });
        let serving = case.all(choice).unwrap_or_default().iter().any(|candidate| candidate.model == name);
        if serving && ![Choice::RoundRobin, Choice::LeastUsed].contains(&choice) {
            prop_assert_eq!(case.first(choice).unwrap().model, name);
        }
    }

    #[test]
    fn failures_never_lead_to_a_worse_model(case in cases(), choice in choices(), model in 0usize..8) {
        let mut case = case;
        let name = format!("m{model}");
        case.held = Some(Held { model: name.clone(), complexity_score: 0.5, prompt_tokens: 50, failed_turns: 2 });
        let held = case.all(choice).unwrap_or_default().into_iter().find(|candidate| candidate.model == name);
        if let Some(held) = held && ![Choice::RoundRobin, Choice::LeastUsed].contains(&choice) {
            let all = case.all(choice).unwrap();
            let first = case.first(choice).unwrap();
            let has_better = all.iter().any(|candidate| quality(candidate) > quality(&held));
            prop_assert!(!has_better || quality(&first) > quality(&held), "{:?} after {:?}", first, held);
        }
    }

    #[test]
    fn what_was_never_seen_is_never_routed_downward(case in cases(), choice in choices()) {
        let (known, unknown) = (case.known(true).first(choice), case.known(false).first(choice));
        prop_assert_eq!(known.is_some(), unknown.is_some());
        if let (Some(known), Some(unknown)) = (known, unknown) {
            prop_assert!(quality(&unknown) >= quality(&known), "{:?} after {:?}", unknown, known);
            let best = case.first(Choice::Best).unwrap();
            prop_assert!(!goes_up(choice) || unknown.model == best.model);
        }
    }

    #[test]
    fn fallbacks_reach_every_provider_before_one_twice(case in cases(), choice in choices()) {
        // The rungs of a ladder go by price and quality.
        prop_assume!(choice != Choice::Cascade);
        if let Some(all) = case.all(choice) {
            let providers: BTreeSet<&str> = all.iter().map(|candidate| candidate.provider.as_str()).collect();
            let first: BTreeSet<&str> = all[..providers.len()].iter().map(|candidate| candidate.provider.as_str()).collect();
            prop_assert_eq!(first, providers);
            let (chain, _) = case.choose(choice).unwrap();
            let names = |chain: &[Candidate]| chain.iter().map(|candidate| candidate.model.clone()).collect::<Vec<_>>();
            prop_assert_eq!(names(&chain), names(&all[..chain.len()]), "a limit on attempts only cuts the end off");
        }
    }

    #[test]
    fn the_order_of_the_file_does_not_matter(case in cases(), choice in choices()) {
        let mut turned = case.clone();
        turned.models.reverse();
        match (case.choose(choice), turned.choose(choice)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert!(one.is_err() && other.is_err()),
        }
    }

    #[test]
    fn every_place_in_the_chain_has_its_reason(case in cases(), choice in choices()) {
        if let Ok((chain, reason)) = case.choose(choice) {
            for part in [chain[0].model.as_str(), &chain[0].reason, choice.name(), &case.signals.task, &case.signals.complexity] {
                prop_assert!(reason.contains(part), "no {} in {}", part, reason);
            }
            prop_assert_eq!(reason.contains("routed upward"), !case.signals.known && goes_up(choice));
            for (place, candidate) in chain.iter().enumerate().skip(1) {
                prop_assert_eq!(&candidate.reason, &format!("fallback {place} on {}", candidate.provider));
            }
        }
    }

    #[test]
    fn a_better_stated_quality_is_never_predicted_lower(case in cases(), key in one_of(vec!["default", "code", "low", "code/high"])) {
        let mut better = case.clone();
        for model in &mut better.models {
            if let Some(stated) = model.quality.get_mut(key) {
                *stated = (*stated + 0.15).min(1.0);
            }
        }
        let qualities = |case: &Case| -> BTreeMap<String, f64> {
            let open = Case { min_quality: None, ..case.clone() };
            open.all(Choice::Best).unwrap_or_default().iter().map(|candidate| (candidate.model.clone(), quality(candidate))).collect()
        };
        // A default only moves what is stated of nothing else: beside a task and a complexity it is what both are measured by.
        let before = qualities(&case);
        for (name, after) in qualities(&better) {
            let stated = &case.models.iter().find(|model| model.name == name).unwrap().quality;
            prop_assert!(key == "default" && stated.len() > 1 || after >= before[&name] - 1e-9, "{}: {} then {}", name, before[&name], after);
        }
    }
}
