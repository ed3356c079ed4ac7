//! The classifier's numbers as safetensors, and back. Names of tensors are part of the artifact's format.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::classify::PlacedHead;
use super::manifest::{ArtifactManifest, HeadManifest};
use super::{CentroidHead, Classifier, ExampleIndex, NoveltyModel, OutcomeTable, Whitening};

const EXAMPLES: &str = "examples.vectors";

/// All tensors of a classifier, in a fixed order, so that the same classifier gives the same bytes.
pub(super) fn weights_of(classifier: &Classifier) -> Result<Vec<u8>, String> {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut put = |name: String, shape: Vec<usize>, data: &[f32]| {
        tensors.insert(name, (shape, data.iter().flat_map(|x| x.to_le_bytes()).collect()));
    };
    for (name, placed) in [("task", &classifier.task), ("complexity", &classifier.complexity)] {
        let (head, dims) = (&placed.head, placed.head.whitening().dims());
        put(format!("{name}.whitening.mean"), vec![dims], head.whitening().mean());
        put(format!("{name}.whitening.lower_inverse"), vec![dims, dims], head.whitening().lower_inverse());
        put(format!("{name}.centroids"), vec![head.centroid_labels().len(), dims], head.centroids());
    }
    let (novelty, dims) = (&classifier.novelty, classifier.novelty.mean().len());
    put("novelty.mean".into(), vec![dims], novelty.mean());
    put("novelty.prototypes".into(), vec![novelty.prototypes().len() / dims.max(1), dims], novelty.prototypes());
    put("novelty.quantiles".into(), vec![novelty.quantiles().len()], novelty.quantiles());
    for (model, table) in &classifier.outcomes {
        let shape = vec![table.quality.len() / table.complexities.max(1), table.complexities];
        put(format!("outcomes.{model}"), shape, &table.quality);
    }
    let mut views = tensors
        .iter()
        .map(|(name, (shape, bytes))| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let examples = &classifier.examples;
    let bytes: Vec<u8> = examples.vectors.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = vec![examples.ids.len(), examples.dims];
    views.push((EXAMPLES, TensorView::new(Dtype::F16, shape, &bytes).map_err(|error| error.to_string())?));
    serialize(views, None).map_err(|error| error.to_string())
}

/// Puts the classifier together; every disagreement between the two files is a message.
pub(super) fn classifier_from(manifest: &ArtifactManifest, weights: &[u8]) -> Result<Classifier, String> {
    let tensors = SafeTensors::deserialize(weights).map_err(|error| error.to_string())?;
    let dims_of = |embedder: usize, who: &str| {
        let record = manifest.embedders.get(embedder);
        record.map(|record| record.dims).ok_or_else(|| format!("{who} names embedder {embedder}, which does not exist"))
    };
    let head = |name: &str, manifest: &HeadManifest| -> Result<PlacedHead, String> {
        if manifest.method != "centroid" {
            return Err(format!("{name}.method is {:?}, and only \"centroid\" is known", manifest.method));
        }
        let dims = dims_of(manifest.embedder, name)?;
        let whitening = Whitening::new(
            tensor(&tensors, &format!("{name}.whitening.mean"), &[dims])?,
            tensor(&tensors, &format!("{name}.whitening.lower_inverse"), &[dims, dims])?,
        )
        .ok_or_else(|| format!("{name}.whitening does not fit its mean"))?;
        let centroids = tensor(&tensors, &format!("{name}.centroids"), &[manifest.centroid_labels.len(), dims])?;
        let head = CentroidHead::new(
            manifest.labels.clone(),
            whitening,
            centroids,
            manifest.centroid_labels.clone(),
            manifest.temperature,
        )
        .map_err(|message| format!("{name}: {message}"))?;
        Ok(PlacedHead { head: Arc::new(head), embedder: manifest.embedder })
    };
    let task = head("task", &manifest.task)?;
    let complexity = head("complexity", &manifest.complexity)?;
    let dims = dims_of(manifest.novelty.embedder, "novelty")?;
    let novelty = NoveltyModel::new(
        tensor(&tensors, "novelty.mean", &[dims])?,
        tensor_of_any_length(&tensors, "novelty.prototypes")?,
        tensor_of_any_length(&tensors, "novelty.quantiles")?,
        manifest.novelty.threshold,
    )
    .map_err(|message| format!("novelty: {message}"))?;
    let shape = [manifest.task.labels.len(), manifest.complexity.labels.len()];
    let outcomes = manifest
        .outcomes
        .iter()
        .map(|(model, record)| {
            let quality = tensor(&tensors, &format!("outcomes.{model}"), &shape)?;
            let table = OutcomeTable { quality, complexities: shape[1], mean: record.mean, rows: record.rows };
            Ok((model.clone(), table))
        })
        .collect::<Result<_, String>>()?;
    let examples = examples(manifest, &tensors, dims)?;
    Ok(Classifier { task, complexity, novelty, novelty_embedder: manifest.novelty.embedder, examples, outcomes })
}

fn examples(manifest: &ArtifactManifest, tensors: &SafeTensors<'_>, dims: usize) -> Result<ExampleIndex, String> {
    let listed = &manifest.examples;
    let view = tensors.tensor(EXAMPLES).map_err(|error| format!("{EXAMPLES}: {error}"))?;
    if view.dtype() != Dtype::F16 || view.shape() != [listed.ids.len(), dims] {
        let (dtype, shape) = (view.dtype(), view.shape());
        return Err(format!("{EXAMPLES} is {dtype:?} {shape:?}, expected F16 [{}, {dims}]", listed.ids.len()));
    }
    for (name, list) in [("tasks", &listed.tasks), ("complexities", &listed.complexities), ("texts", &listed.texts)] {
        let may_be_absent = name == "texts" && list.is_empty();
        if list.len() != listed.ids.len() && !may_be_absent {
            return Err(format!("examples.{name} has {} entries for {} ids", list.len(), listed.ids.len()));
        }
    }
    Ok(ExampleIndex {
        ids: listed.ids.clone(),
        tasks: listed.tasks.clone(),
        complexities: listed.complexities.clone(),
        texts: listed.texts.clone(),
        vectors: view.data().as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect(),
        dims,
    })
}

fn tensor(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let view = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    if view.shape() != shape {
        return Err(format!("{name} has shape {:?}, expected {shape:?}", view.shape()));
    }
    tensor_of_any_length(tensors, name)
}

fn tensor_of_any_length(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    let view = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    if view.dtype() != Dtype::F32 {
        return Err(format!("{name} is {:?}, expected F32", view.dtype()));
    }
    let numbers: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if let Some(index) = numbers.iter().position(|x| !x.is_finite()) {
        return Err(format!("{name}[{index}] is {}, and every number must be finite", numbers[index]));
    }
    Ok(numbers)
}
