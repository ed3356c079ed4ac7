//! A decision in words a person reads: what was recognised, how sure, how near, and how the models stand.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use crate::classifier::LabelScores;
use crate::prompt;
use crate::routing::{Decision, Router};

/// Labels shown of each head.
const SHOWN_LABELS: usize = 4;
const SHOWN_NEIGHBOURS: usize = 5;

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
        let known = if signals.known { "yes" } else { "no: nothing like it was seen, so it is routed upward" };
        println!("known       {known:<20} novelty {:.2}", signals.novelty);
        if signals.truncated {
            println!("truncated   words in the middle were left unread");
        }
    }
    if !decision.plan.candidates().is_empty() {
        let chain: Vec<&str> = decision.plan.candidates().iter().map(|candidate| candidate.model.as_str()).collect();
        println!("model       {}", chain.join(" -> "));
    }
    println!("because     {}", decision.reason);
}

/// The long form: scores of the labels, neighbours, candidates.
pub fn print_explanation(router: &Router, text: &str, decision: &Decision) -> anyhow::Result<()> {
    let brain = router.brain();
    let words = prompt::read(text);
    let vectors = brain.vectors_blocking(text)?;
    let classification = brain.classifier().classify(&crate::classifier::Features { vectors: vectors.clone() });
    println!();
    println!("read by     {} ({} window(s))", brain.tier_name(), words.weighted_windows().count());
    print_scores("task", brain.task_labels(), &classification.task);
    print_scores("complexity", brain.complexity_labels(), &classification.complexity);
    println!(
        "novelty     distance {:.3} to the nearest prototype: farther than {:.0}% of prompts held out of training",
        classification.novelty.distance,
        classification.novelty.rank * 100.0
    );
    if let Some(Some(vector)) = vectors.get(brain.classifier().novelty_embedder) {
        println!("nearest labelled prompts");
        for neighbour in brain.classifier().examples.nearest(vector, SHOWN_NEIGHBOURS) {
            let text = neighbour.text.map(|text| format!("  {:?}", shorten(text))).unwrap_or_default();
            println!(
                "  {:>5.2}  {:<14} {} / {}{text}",
                neighbour.cosine, neighbour.id, neighbour.task, neighbour.complexity
            );
        }
    }
    if !decision.plan.candidates().is_empty() {
        println!("models in the order of trial");
        for candidate in decision.plan.candidates() {
            let quality = candidate.predicted_quality.map_or("  ? ".into(), |quality| format!("{quality:.2}"));
            let cost = candidate.expected_cost_usd.map_or("price unknown".into(), |usd| format!("${usd:.6}"));
            println!(
                "  quality {quality}  {cost:<14} {} ({}): {}",
                candidate.model, candidate.provider, candidate.reason
            );
        }
    }
    Ok(())
}

fn print_scores(head: &str, labels: &[String], scores: &LabelScores) {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| scores.probabilities[b].total_cmp(&scores.probabilities[a]));
    println!("{head:<11} cosine  confidence");
    for index in order.into_iter().take(SHOWN_LABELS) {
        let bar = "#".repeat((scores.probabilities[index] * 30.0).round() as usize);
        let (label, cosine, p) = (&labels[index], scores.cosines[index], scores.probabilities[index] * 100.0);
        println!("  {label:<20} {cosine:>6.3}  {p:>5.1}%  {bar}");
    }
}

fn shorten(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
