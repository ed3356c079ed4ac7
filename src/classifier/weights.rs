//! The classifier's numbers as safetensors, and back. Names of tensors are part of the artifact's format.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::manifest::{ArtifactManifest, HeadManifest};
use super::outcome_weights;
use super::{
    BUCKETS, CentroidHead, Classifier, DifficultyReader, ExampleIndex, FeatureSpace, Head, LinearMap, MultinomialHead,
    NoveltyModel, OrdinalHead, SURFACE_FEATURES, SecondTier, TierHeads, VectorInput, Whitening, byte_of_idf,
    idf_of_byte,
};

const EXAMPLES: &str = "examples.vectors";

/// A tensor on its way into the file.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// All tensors of a classifier, in a fixed order, so that the same classifier gives the same bytes.
pub(super) fn weights_of(classifier: &Classifier) -> Result<Vec<u8>, String> {
    let mut tensors = Tensors(BTreeMap::new());
    tensors.put_heads("", &classifier.first);
    if let Some(second) = &classifier.second {
        tensors.put_heads("second_tier.", &second.heads);
    }
    let (novelty, dims) = (&classifier.novelty, classifier.novelty.mean().len());
    tensors.floats("novelty.mean".into(), vec![dims], novelty.mean());
    tensors.floats(
        "novelty.prototypes".into(),
        vec![novelty.prototypes().len() / dims.max(1), dims],
        novelty.prototypes(),
    );
    tensors.floats("novelty.quantiles".into(), vec![novelty.quantiles().len()], novelty.quantiles());
    outcome_weights::put(&mut tensors, classifier);
    let examples = &classifier.examples;
    tensors.halves(EXAMPLES.into(), vec![examples.ids.len(), examples.dims], examples.vectors.iter().copied());
    tensors.serialise()
}

pub(super) struct Tensors(BTreeMap<String, Stored>);

impl Tensors {
    pub(super) fn floats(&mut self, name: String, shape: Vec<usize>, data: &[f32]) {
        let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.0.insert(name, Stored { dtype: Dtype::F32, shape, bytes });
    }

    pub(super) fn bytes(&mut self, name: String, dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) {
        self.0.insert(name, Stored { dtype, shape, bytes });
    }

    fn halves(&mut self, name: String, shape: Vec<usize>, data: impl Iterator<Item = f16>) {
        self.0.insert(name, Stored { dtype: Dtype::F16, shape, bytes: data.flat_map(f16::to_le_bytes).collect() });
    }

    fn put_heads(&mut self, prefix: &str, heads: &TierHeads) {
        for (name, head) in [("task", &heads.task), ("complexity", &heads.complexity)] {
            let name = format!("{prefix}{name}");
            match head {
                Head::Centroid { head, .. } => {
                    let dims = head.whitening().dims();
                    self.floats(format!("{name}.whitening.mean"), vec![dims], head.whitening().mean());
                    let lower_inverse = head.whitening().lower_inverse();
                    self.floats(format!("{name}.whitening.lower_inverse"), vec![dims, dims], lower_inverse);
                    self.floats(
                        format!("{name}.centroids"),
                        vec![head.centroid_labels().len(), dims],
                        head.centroids(),
                    );
                }
                Head::Multinomial(head) => self.put_map(&name, head.map()),
                Head::Ordinal(head) => self.put_map(&name, head.map()),
            }
        }
    }

    fn put_map(&mut self, name: &str, map: &LinearMap) {
        let (space, outputs) = (map.space(), map.outputs());
        let idf = space.idf.iter().map(|idf| byte_of_idf(*idf)).collect();
        self.bytes(format!("{name}.ngrams.idf"), Dtype::U8, vec![BUCKETS], idf);
        let bytes = map.lexical().iter().map(|weight| weight.cast_unsigned()).collect();
        self.bytes(format!("{name}.ngrams.weights"), Dtype::I8, vec![BUCKETS, outputs], bytes);
        self.floats(format!("{name}.ngrams.steps"), vec![outputs], map.lexical_steps());
        self.floats(format!("{name}.surface.mean"), vec![SURFACE_FEATURES], &space.surface_mean);
        self.floats(format!("{name}.surface.scale"), vec![SURFACE_FEATURES], &space.surface_scale);
        for (at, input) in space.vectors.iter().enumerate() {
            self.floats(format!("{name}.vector.{at}.mean"), vec![input.mean.len()], &input.mean);
            self.floats(format!("{name}.vector.{at}.scale"), vec![1], &[input.scale]);
        }
        self.floats(format!("{name}.dense.weights"), vec![space.dense_columns(), outputs], map.dense());
        self.floats(format!("{name}.intercepts"), vec![outputs], map.intercepts());
    }

    fn serialise(&self) -> Result<Vec<u8>, String> {
        let views = self
            .0
            .iter()
            .map(|(name, stored)| {
                TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        serialize(views, None).map_err(|error| error.to_string())
    }
}

/// Puts the classifier together; every disagreement between the two files is a message.
pub(super) fn classifier_from(
    manifest: &ArtifactManifest,
    weights: &[u8],
    difficulty: Option<&DifficultyReader>,
) -> Result<Classifier, String> {
    let tensors = SafeTensors::deserialize(weights).map_err(|error| error.to_string())?;
    let dims_of = |embedder: usize, who: &str| {
        let record = manifest.embedders.get(embedder);
        record.map(|record| record.dims).ok_or_else(|| format!("{who} names embedder {embedder}, which does not exist"))
    };
    let known_idf = RefCell::default();
    let head = |name: &str, manifest: &HeadManifest| -> Result<Head, String> {
        let dims_of = |embedder| dims_of(embedder, name);
        let read = HeadReader { tensors: &tensors, name, manifest, dims_of: &dims_of, known_idf: &known_idf };
        read.head().map_err(|message| if message.starts_with(name) { message } else { format!("{name}: {message}") })
    };
    let first =
        TierHeads { task: head("task", &manifest.task)?, complexity: head("complexity", &manifest.complexity)? };
    let second = match &manifest.second_tier {
        None => None,
        Some(second) => {
            let heads = TierHeads {
                task: head("second_tier.task", &second.task)?,
                complexity: head("second_tier.complexity", &second.complexity)?,
            };
            if heads.task.labels() != first.task.labels() || heads.complexity.labels() != first.complexity.labels() {
                return Err("second_tier: its labels are not those of the first tier".into());
            }
            Some(SecondTier { heads, from: second.from, to: second.to, abstain_below: second.abstain_below })
        }
    };
    let dims = dims_of(manifest.novelty.embedder, "novelty")?;
    let novelty = NoveltyModel::new(
        tensor(&tensors, "novelty.mean", &[dims])?,
        tensor_of_any_length(&tensors, "novelty.prototypes")?,
        tensor_of_any_length(&tensors, "novelty.quantiles")?,
        manifest.novelty.threshold,
    )
    .map_err(|message| format!("novelty: {message}"))?;
    let outcomes = outcome_weights::tables(manifest, &tensors)?;
    let quality = outcome_weights::heads(manifest, &tensors)?;
    let examples = examples(manifest, &tensors, dims)?;
    Ok(Classifier {
        first,
        second,
        abstain_below: manifest.abstain_below,
        novelty,
        novelty_embedder: manifest.novelty.embedder,
        examples,
        models: outcomes.keys().cloned().collect(),
        outcomes,
        quality,
        difficulty: difficulty.cloned(),
    })
}

/// Reads one head's tensors.
struct HeadReader<'a> {
    tensors: &'a SafeTensors<'a>,
    name: &'a str,
    manifest: &'a HeadManifest,
    dims_of: &'a dyn Fn(usize) -> Result<usize, String>,
    /// Of the heads that were read before.
    known_idf: &'a RefCell<Vec<Arc<[f32]>>>,
}

impl HeadReader<'_> {
    fn head(&self) -> Result<Head, String> {
        let (labels, temperature) = (self.manifest.labels.clone(), self.manifest.temperature);
        match self.manifest.method.as_str() {
            "centroid" => self.centroid_head(labels, temperature),
            "multinomial" => {
                MultinomialHead::new(labels, self.map(self.manifest.labels.len())?, temperature).map(Head::Multinomial)
            }
            "ordinal" => {
                let steps = self.manifest.labels.len().saturating_sub(1);
                OrdinalHead::new(labels, self.map(steps)?, temperature).map(Head::Ordinal)
            }
            other => Err(format!("method is {other:?}; known are \"centroid\", \"multinomial\" and \"ordinal\"")),
        }
    }

    fn centroid_head(&self, labels: Vec<String>, temperature: f32) -> Result<Head, String> {
        let [embedder] = *self.manifest.embedders.as_slice() else {
            return Err(format!("a centroid head reads one embedder, found {:?}", self.manifest.embedders));
        };
        let dims = (self.dims_of)(embedder)?;
        let whitening = Whitening::new(
            self.floats("whitening.mean", &[dims])?,
            self.floats("whitening.lower_inverse", &[dims, dims])?,
        )
        .ok_or("whitening does not fit its mean")?;
        let centroid_labels = self.manifest.centroid_labels.clone();
        let centroids = self.floats("centroids", &[centroid_labels.len(), dims])?;
        let head = CentroidHead::new(labels, whitening, centroids, centroid_labels, temperature)?;
        Ok(Head::Centroid { head, embedder })
    }

    fn map(&self, outputs: usize) -> Result<LinearMap, String> {
        let vectors = self.manifest.embedders.iter().enumerate().map(|(at, embedder)| {
            let mean = self.floats(&format!("vector.{at}.mean"), &[(self.dims_of)(*embedder)?])?;
            let scale = self.floats(&format!("vector.{at}.scale"), &[1])?[0];
            Ok(VectorInput { embedder: *embedder, mean, scale })
        });
        let space = FeatureSpace {
            idf: self.idf()?,
            surface_mean: self.floats("surface.mean", &[SURFACE_FEATURES])?,
            surface_scale: self.floats("surface.scale", &[SURFACE_FEATURES])?,
            vectors: vectors.collect::<Result<_, String>>()?,
        };
        let dense = self.floats("dense.weights", &[space.dense_columns(), outputs])?;
        let lexical = self.bytes("ngrams.weights", Dtype::I8, &[BUCKETS, outputs])?;
        LinearMap::new(
            space,
            lexical.iter().map(|byte| byte.cast_signed()).collect(),
            self.floats("ngrams.steps", &[outputs])?,
            dense,
            self.floats("intercepts", &[outputs])?,
        )
    }

    /// The one that an earlier head has, if it is the same.
    fn idf(&self) -> Result<Arc<[f32]>, String> {
        let bytes = self.bytes("ngrams.idf", Dtype::U8, &[BUCKETS])?;
        let idf: Arc<[f32]> = bytes.iter().map(|byte| idf_of_byte(*byte)).collect();
        let mut known = self.known_idf.borrow_mut();
        if let Some(same) = known.iter().find(|known| **known == idf) {
            return Ok(Arc::clone(same));
        }
        known.push(Arc::clone(&idf));
        Ok(idf)
    }

    fn floats(&self, tensor_name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        tensor(self.tensors, &format!("{}.{tensor_name}", self.name), shape)
    }

    fn bytes(&self, tensor_name: &str, dtype: Dtype, shape: &[usize]) -> Result<&[u8], String> {
        bytes(self.tensors, &format!("{}.{tensor_name}", self.name), dtype, shape)
    }
}

pub(super) fn bytes<'a>(
    tensors: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], String> {
    let view = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    if view.dtype() != dtype || view.shape() != shape {
        return Err(format!("{name} is {:?} {:?}, expected {dtype:?} {shape:?}", view.dtype(), view.shape()));
    }
    Ok(view.data())
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

pub(super) fn tensor(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
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
