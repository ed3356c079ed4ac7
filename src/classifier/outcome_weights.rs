//! The numbers of the outcomes (tables, quality heads, remembered rows) as safetensors, and back. What no row told has no tensor.

use std::collections::BTreeMap;
use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::manifest::{ArtifactManifest, QualityManifest};
use super::weights::{Tensors, bytes, tensor};
use super::{Classifier, HeldOutRows, NetworkQuality, OutcomeCosts, OutcomeNeighbours, OutcomeTable, QualityHeads};

const COSTS: &str = "quality.neighbours.costs_usd";
const OUTPUT_TOKENS: &str = "quality.held_out.output_tokens";

pub(super) fn put(tensors: &mut Tensors, classifier: &Classifier) {
    for (model, table) in &classifier.outcomes {
        let shape = vec![table.quality.len() / table.complexities.max(1), table.complexities];
        tensors.floats(format!("outcomes.{model}"), shape, &table.quality);
        if let Some(tokens) = &table.output_tokens {
            tensors.floats(format!("output_tokens.{model}"), vec![tokens.len()], tokens);
        }
    }
    if let Some(heads) = &classifier.quality {
        put_heads(tensors, heads, classifier.outcomes.len());
    }
}

fn put_heads(tensors: &mut Tensors, heads: &QualityHeads, models: usize) {
    let (columns, near, held_out) = (heads.mean.len(), &heads.neighbours, &heads.held_out);
    let by_row = vec![near.rows(), models];
    for (name, shape, numbers) in [
        ("mean", vec![columns], &heads.mean),
        ("scale", vec![columns], &heads.scale),
        ("weights", vec![models, columns], &heads.weights),
        ("intercepts", vec![models], &heads.intercepts),
        ("linear_share", vec![models], &heads.linear_share),
        ("neighbour_share", vec![models], &heads.neighbour_share),
        ("mean_cost_usd", vec![models], &heads.costs.mean_usd),
        ("held_out.input_tokens", vec![near.rows()], &held_out.input_tokens),
    ] {
        tensors.floats(format!("quality.{name}"), shape, numbers);
    }
    let from = near.directions.len() / near.dims.max(1);
    tensors.floats("quality.neighbours.directions".into(), vec![near.dims, from], &near.directions);
    let vectors = near.vectors.iter().map(|x| x.cast_unsigned()).collect();
    tensors.bytes("quality.neighbours.vectors".into(), Dtype::I8, vec![near.rows(), near.dims], vectors);
    tensors.bytes("quality.neighbours.scores".into(), Dtype::U8, by_row.clone(), near.scores.clone());
    tensors.bytes("quality.held_out.predicted".into(), Dtype::U8, by_row.clone(), held_out.predicted.clone());
    if let Some(network) = &heads.network {
        let shape = vec![models, network.weights.len() / models.max(1)];
        tensors.floats("quality.network.weights".into(), shape, &network.weights);
        tensors.floats("quality.network.intercepts".into(), vec![models], &network.intercepts);
        tensors.floats("quality.network.share".into(), vec![models], &network.share);
    }
    if !heads.costs.rows_usd.is_empty() {
        tensors.floats(COSTS.into(), by_row.clone(), &heads.costs.rows_usd);
    }
    if !held_out.output_tokens.is_empty() {
        let tokens = held_out.output_tokens.iter().flat_map(|n| n.to_le_bytes()).collect();
        tensors.bytes(OUTPUT_TOKENS.into(), Dtype::U16, by_row, tokens);
    }
}

pub(super) fn tables(
    manifest: &ArtifactManifest,
    tensors: &SafeTensors<'_>,
) -> Result<BTreeMap<String, OutcomeTable>, String> {
    let shape = [manifest.task.labels.len(), manifest.complexity.labels.len()];
    let table = |(model, record): (&String, &super::OutcomeManifest)| {
        let quality = tensor(tensors, &format!("outcomes.{model}"), &shape)?;
        let tokens = record.output_tokens.map(|_| tensor(tensors, &format!("output_tokens.{model}"), &shape[..1]));
        let output_tokens = tokens.transpose()?;
        let (mean, rows, mean_output_tokens) = (record.mean, record.rows, record.output_tokens);
        let table = OutcomeTable { quality, complexities: shape[1], mean, rows, output_tokens, mean_output_tokens };
        Ok((model.clone(), table))
    };
    manifest.outcomes.iter().map(table).collect()
}

pub(super) fn heads(manifest: &ArtifactManifest, tensors: &SafeTensors<'_>) -> Result<Option<QualityHeads>, String> {
    let Some(quality) = &manifest.quality else { return Ok(None) };
    let named = |message: String| if message.starts_with("quality") { message } else { format!("quality: {message}") };
    let dims_of = |embedder: usize| {
        let record = manifest.embedders.get(embedder);
        record
            .map(|record| record.dims)
            .ok_or_else(|| named(format!("quality names embedder {embedder}, which does not exist")))
    };
    let (models, dims) = (manifest.outcomes.len(), dims_of(quality.embedder)?);
    let labels = manifest.task.labels.len() + manifest.complexity.labels.len();
    let mut heads = read_heads(quality, tensors, models, labels, dims).map_err(named)?;
    if let Some(embedder) = quality.network_embedder {
        heads.network = Some(read_network(embedder, tensors, models, dims_of(embedder)?).map_err(named)?);
    }
    Ok(Some(heads))
}

fn read_network(
    embedder: usize,
    tensors: &SafeTensors<'_>,
    models: usize,
    dims: usize,
) -> Result<NetworkQuality, String> {
    let floats = |name: &str, shape: &[usize]| tensor(tensors, &format!("quality.network.{name}"), shape);
    let network = NetworkQuality {
        embedder,
        weights: floats("weights", &[models, dims])?,
        intercepts: floats("intercepts", &[models])?,
        share: floats("share", &[models])?,
    };
    network.check(models, dims)?;
    Ok(network)
}

fn read_heads(
    manifest: &QualityManifest,
    tensors: &SafeTensors<'_>,
    models: usize,
    labels: usize,
    dims: usize,
) -> Result<QualityHeads, String> {
    let reads_difficulty = manifest.difficulty.is_some();
    let columns = QualityHeads::columns(reads_difficulty, labels, dims);
    let rows = manifest.neighbours;
    let floats = |name: &str, shape: &[usize]| tensor(tensors, &format!("quality.{name}"), shape);
    let of_rows = |name: &str| bytes(tensors, &format!("quality.{name}"), Dtype::U8, &[rows, models]);
    let vectors = bytes(tensors, "quality.neighbours.vectors", Dtype::I8, &[rows, manifest.neighbour_dims])?;
    let has = |name: &str| tensors.tensor(name).is_ok();
    let rows_usd = if has(COSTS) { tensor(tensors, COSTS, &[rows, models])? } else { Vec::new() };
    let output_tokens = if has(OUTPUT_TOKENS) {
        let tokens = bytes(tensors, OUTPUT_TOKENS, Dtype::U16, &[rows, models])?;
        tokens.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect()
    } else {
        Vec::new()
    };
    let heads = QualityHeads {
        embedder: manifest.embedder,
        reads_difficulty,
        mean: floats("mean", &[columns])?,
        scale: floats("scale", &[columns])?,
        weights: floats("weights", &[models, columns])?,
        intercepts: floats("intercepts", &[models])?,
        linear_share: floats("linear_share", &[models])?,
        neighbour_share: floats("neighbour_share", &[models])?,
        neighbours: OutcomeNeighbours {
            dims: manifest.neighbour_dims,
            directions: floats("neighbours.directions", &[manifest.neighbour_dims, dims])?,
            vectors: vectors.iter().map(|byte| byte.cast_signed()).collect(),
            scores: of_rows("neighbours.scores")?.to_vec(),
            nearest: manifest.nearest,
        },
        network: None,
        costs: Arc::new(OutcomeCosts { mean_usd: floats("mean_cost_usd", &[models])?, rows_usd }),
        held_out: HeldOutRows {
            predicted: of_rows("held_out.predicted")?.to_vec(),
            output_tokens,
            input_tokens: floats("held_out.input_tokens", &[rows])?,
        },
    };
    heads.check(models, labels, dims)?;
    Ok(heads)
}
