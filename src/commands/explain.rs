//! A decision in words a person reads: what was recognised and by which tier, how sure before and after calibration, what spoke for
//! and against, what is near, and how the models stand.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use crate::classifier::{Classification, Features, Head, LabelScores, evidence};
use crate::prompt;
use crate::routing::{Ask, Brain, Decision, Router, lexical_windows};

/// Labels shown of each head.
const SHOWN_LABELS: usize = 4;
const SHOWN_NEIGHBOURS: usize = 5;
/// Pieces of evidence shown for and against.
const SHOWN_EVIDENCE: usize = 6;

/// The short form.
pub fn print_decision(decision: &Decision) {
    if let Some(signals) = &decision.signals {
        println!("task        {:<20} {:>4.0}%", signals.task, signals.task_confidence * 100.0);
        println!(
            "complexity  {:<20} {:>4.0}%   (score {:.2})",
            signals.complexity,
            signals.complexity_confidence * 100.0,
            signals.complexity_score
        );
        let known = if signals.known { "yes" } else { "no, so it is routed upward" };
        println!("known       {known:<20} novelty {:.2}", signals.novelty);
        if signals.truncated {
            println!("truncated   words in the middle were left unread");
        }
        if signals.follow_up {
            println!("follow-up   the last turn only goes on; the labels are those of the turn it refers to");
        }
    }
    if !decision.plan.candidates().is_empty() {
        let chain: Vec<&str> = decision.plan.candidates().iter().map(|candidate| candidate.model.as_str()).collect();
        println!("model       {}", chain.join(" -> "));
    }
    println!("because     {}", decision.reason);
}

/// The long form: tiers, scores of the labels, evidence, neighbours, candidates.
pub fn print_explanation(router: &Router, prompt: &str, decision: &Decision) -> anyhow::Result<()> {
    let brain = router.brain();
    let words = prompt::own_words(prompt);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let read = runtime.block_on(brain.classify_asking(&words, Ask::IfUnsure))?;
    let features =
        if read.by_second_tier { brain.features_blocking(&words)? } else { brain.first_features_blocking(&words)? };
    println!();
    if words.len() < prompt.trim().len() {
        println!("the user's own words are {:?}", shorten(&words, 200));
    }
    print_tiers(brain, &features, &read.classification, read.by_second_tier);
    let heads = match (&brain.classifier().second, read.by_second_tier) {
        (Some(second), true) => &second.heads,
        _ => &brain.classifier().first,
    };
    for (name, head, scores) in [
        ("task", &heads.task, &read.classification.task),
        ("complexity", &heads.complexity, &read.classification.complexity),
    ] {
        print_scores(name, head, scores);
        print_evidence(brain, head, &features, &words, scores);
    }
    print_novelty(brain, &features, &read.classification);
    print_candidates(decision);
    Ok(())
}

fn print_tiers(brain: &Brain, features: &Features, said: &Classification, by_second_tier: bool) {
    let classifier = brain.classifier();
    match &classifier.second {
        None => println!("read by     {} (the artifact has one tier)", brain.tier_name(false)),
        Some(second) => {
            let lead = classifier.classify(features).task.lead();
            let (from, to) = (second.from * 100.0, second.to * 100.0);
            let outcome = if by_second_tier { "so the second tier was asked" } else { "so its word stands" };
            println!(
                "read by     {}, whose best task has {:.0}% of what the best two have; {} is asked between {from:.0}% and {to:.0}%, {outcome}",
                brain.tier_name(false),
                lead * 100.0,
                brain.tier_name(true)
            );
        }
    }
    let second = classifier.second.as_ref().filter(|_| by_second_tier);
    let abstain_below = second.map_or(classifier.abstain_below, |second| second.abstain_below);
    if said.task.confidence() < abstain_below {
        println!(
            "            {:.0}% is below {:.0}%, where most answers were wrong on held-out rows: it counts as unknown",
            said.task.confidence() * 100.0,
            abstain_below * 100.0
        );
    }
}

fn print_scores(name: &str, head: &Head, scores: &LabelScores) {
    let labels = head.labels();
    let raw = if matches!(head, Head::Centroid { .. }) { "cosine" } else { "score" };
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| scores.probabilities[b].total_cmp(&scores.probabilities[a]));
    println!("{name:<11} {raw:>9}  confidence");
    for index in order.into_iter().take(SHOWN_LABELS) {
        let bar = "#".repeat((scores.probabilities[index] * 30.0).round() as usize);
        let (label, raw, p) = (&labels[index], scores.raw[index], scores.probabilities[index] * 100.0);
        println!("  {label:<20} {raw:>6.3}  {p:>5.1}%  {bar}");
    }
    println!(
        "  {:.1}% sure before calibration (temperature {:.2}), {:.1}% after",
        scores.confidence_before_calibration() * 100.0,
        head.temperature(),
        scores.confidence() * 100.0
    );
}

fn print_evidence(brain: &Brain, head: &Head, features: &Features, words: &str, scores: &LabelScores) {
    let windows = lexical_windows(&prompt::read(words));
    let Some(found) = evidence(head, features, windows, scores) else { return };
    println!("  what made it {} and not {}:", found.chosen, found.against);
    for (sign, wanted) in [("for", true), ("against", false)] {
        for (feature, share) in found.features.iter().filter(|(_, share)| (*share > 0.0) == wanted).take(SHOWN_EVIDENCE)
        {
            println!("    {sign:<8} {share:>+6.3}  {feature}");
        }
    }
    for (embedder, share) in &found.vectors {
        let sign = if *share > 0.0 { "for" } else { "against" };
        println!("    {sign:<8} {share:>+6.3}  what the text means, by {}", brain.embedder_name(*embedder));
    }
}

fn print_novelty(brain: &Brain, features: &Features, said: &Classification) {
    println!(
        "novelty     distance {:.3} to the nearest prototype: farther than {:.0}% of prompts held out of training",
        said.novelty.distance,
        said.novelty.rank * 100.0
    );
    let Some(vector) = features.vector(brain.classifier().novelty_embedder) else { return };
    println!("nearest labelled prompts");
    for neighbour in brain.classifier().examples.nearest(vector, SHOWN_NEIGHBOURS) {
        let text = neighbour.text.map(|text| format!("  {:?}", shorten(text, 60))).unwrap_or_default();
        println!(
            "  {:>5.2}  {:<14} {} / {}{text}",
            neighbour.cosine, neighbour.id, neighbour.task, neighbour.complexity
        );
    }
}

fn print_candidates(decision: &Decision) {
    if decision.plan.candidates().is_empty() {
        return;
    }
    println!("models in the order of trial");
    for candidate in decision.plan.candidates() {
        let quality = candidate.predicted_quality.map_or("  ? ".into(), |quality| format!("{quality:.2}"));
        let cost = candidate.expected_cost_usd.map_or("price unknown".into(), |usd| format!("${usd:.6}"));
        println!("  quality {quality}  {cost:<14} {} ({}): {}", candidate.model, candidate.provider, candidate.reason);
    }
}

fn shorten(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
