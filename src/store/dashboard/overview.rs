//! Sums of a range of time as the page shows them: totals, savings, a line over time, distributions. Only shapes; what is counted is said in
//! `rollup/summary.rs`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::range::Range;
use crate::store::rollup::{AddUp, BINS, Counts, Histogram, Summary};

/// Everything that the page shows of a range of time.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// As asked, or earlier: when the first minute, hour or day of it began.
    pub from_ms: i64,
    /// As asked, or later.
    pub to_ms: i64,
    /// Length of a point of `series`.
    pub bucket_ms: i64,
    /// When this was put together.
    pub generated_ms: i64,
    /// Who sent requests, the empty name for requests without one; of everybody, whoever was asked for.
    pub callers: Vec<String>,
    totals: Counts,
    savings: Savings,
    series: Vec<Point>,
    latency: Latency,
    models: Vec<Model>,
    heat: Vec<Cell>,
    confidence: Vec<Bin>,
    quality: Vec<Bin>,
    complexity: Vec<Complexity>,
    providers: Vec<Provider>,
}

#[derive(Debug, Clone, Serialize)]
struct Savings {
    requests: u64,
    spent_usd: f64,
    always_best_usd: f64,
    saved_usd: f64,
    by_model: Vec<AgainstModel>,
}

#[derive(Debug, Clone, Serialize)]
struct AgainstModel {
    model: String,
    requests: u64,
    would_cost_usd: f64,
    spent_usd: f64,
    saved_usd: f64,
}

#[derive(Debug, Clone, Serialize)]
struct Point {
    t_ms: i64,
    requests: u64,
    failed: u64,
    cost_usd: f64,
    /// What the point would have cost with the best model wherever that is known, and as it was elsewhere: less `cost_usd`, it is saved.
    always_best_usd: f64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Of answered requests; null where there is none.
#[derive(Debug, Clone, Serialize)]
struct Latency {
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    overhead_p50_ms: Option<f64>,
    overhead_p99_ms: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct Model {
    model: String,
    provider: String,
    requests: u64,
    failed: u64,
    cost_usd: f64,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Cell {
    task: String,
    model: String,
    requests: u64,
    cost_usd: f64,
}

#[derive(Debug, Clone, Serialize)]
struct Bin {
    from: f64,
    to: f64,
    requests: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Complexity {
    complexity: String,
    requests: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Provider {
    provider: String,
    tries: u64,
    failed: u64,
    fallbacks_away: u64,
    errors: BTreeMap<String, u64>,
}

impl Overview {
    /// From the sums of the range, in order of time.
    pub(super) fn of(range: Range, now_ms: i64, callers: Vec<String>, sums: Vec<(i64, Summary)>) -> Self {
        let mut all = Summary::default();
        let mut points: BTreeMap<i64, Summary> = range.points().map(|start| (start, Summary::default())).collect();
        for (start, sum) in sums {
            all.add_up(&sum);
            let point = range.from_ms + (start - range.from_ms).div_euclid(range.bucket_ms) * range.bucket_ms;
            if let Some(of_point) = points.get_mut(&point) {
                of_point.counts.add_up(&sum.counts);
                of_point.savings.add_up(&sum.savings);
                of_point.latency.add_up(&sum.latency);
            }
        }
        Self {
            from_ms: range.from_ms,
            to_ms: range.to_ms,
            bucket_ms: range.bucket_ms,
            generated_ms: now_ms,
            callers,
            savings: savings(&all),
            series: points.into_iter().map(|(start, sum)| point(start, &sum)).collect(),
            latency: latency(&all.latency, &all.overhead),
            confidence: bins(&all.confidence),
            quality: bins(&all.quality),
            models: models(&all),
            heat: heat(&all),
            complexity: complexity(&all),
            providers: providers(&all),
            totals: all.counts,
        }
    }
}

fn savings(all: &Summary) -> Savings {
    let (spent_usd, always_best_usd) = (all.savings.spent_usd, all.savings.always_best_usd);
    let by_model = all.alternatives.iter().map(|(model, alternative)| AgainstModel {
        model: model.clone(),
        requests: alternative.requests,
        would_cost_usd: alternative.would_cost_usd,
        spent_usd: alternative.spent_usd,
        saved_usd: alternative.would_cost_usd - alternative.spent_usd,
    });
    Savings {
        requests: all.savings.requests,
        spent_usd,
        always_best_usd,
        saved_usd: always_best_usd - spent_usd,
        by_model: by_model.collect(),
    }
}

fn point(start: i64, sum: &Summary) -> Point {
    let cost_usd = sum.counts.known_cost_usd;
    Point {
        t_ms: start,
        requests: sum.counts.requests,
        failed: sum.counts.failed + sum.counts.broken,
        cost_usd,
        always_best_usd: cost_usd - sum.savings.spent_usd + sum.savings.always_best_usd,
        p50_ms: sum.latency.percentile_ms(0.5),
        p95_ms: sum.latency.percentile_ms(0.95),
        p99_ms: sum.latency.percentile_ms(0.99),
    }
}

fn latency(latency: &Histogram, overhead: &Histogram) -> Latency {
    Latency {
        p50_ms: latency.percentile_ms(0.5),
        p90_ms: latency.percentile_ms(0.9),
        p95_ms: latency.percentile_ms(0.95),
        p99_ms: latency.percentile_ms(0.99),
        overhead_p50_ms: overhead.percentile_ms(0.5),
        overhead_p99_ms: overhead.percentile_ms(0.99),
    }
}

/// The busiest first.
fn models(all: &Summary) -> Vec<Model> {
    let mut models = Vec::new();
    for (model, providers) in &all.models {
        models.extend(providers.iter().map(|(provider, served)| Model {
            model: model.clone(),
            provider: provider.clone(),
            requests: served.requests,
            failed: served.failed,
            cost_usd: served.cost_usd,
            input_tokens: served.input_tokens,
            output_tokens: served.output_tokens,
        }));
    }
    models.sort_by_key(|model| std::cmp::Reverse(model.requests));
    models
}

fn heat(all: &Summary) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (task, models) in &all.heat {
        cells.extend(models.iter().map(|(model, cell)| Cell {
            task: task.clone(),
            model: model.clone(),
            requests: cell.requests,
            cost_usd: cell.cost_usd,
        }));
    }
    cells
}

/// Every bin, the empty ones too.
fn bins(counted: &BTreeMap<u8, u64>) -> Vec<Bin> {
    let edge = |bin: u8| f64::from(bin) / f64::from(BINS);
    let bin = |bin: u8| Bin { from: edge(bin), to: edge(bin + 1), requests: counted.get(&bin).copied().unwrap_or(0) };
    (0..BINS).map(bin).collect()
}

fn complexity(all: &Summary) -> Vec<Complexity> {
    let counted = all.complexity.iter();
    counted.map(|(complexity, requests)| Complexity { complexity: complexity.clone(), requests: *requests }).collect()
}

fn providers(all: &Summary) -> Vec<Provider> {
    let tried = all.providers.iter().map(|(provider, tried)| Provider {
        provider: provider.clone(),
        tries: tried.tries,
        failed: tried.failed,
        fallbacks_away: tried.fallbacks_away,
        errors: tried.errors.clone(),
    });
    tried.collect()
}
