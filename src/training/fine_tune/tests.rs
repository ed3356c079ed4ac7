//! The whole network on tiny encoders with random weights: against candle's differentiation, against finite differences, against PyTorch, and against itself
//! cut off and gone on with.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;

use super::batch::TokenBatch;
use super::encoder::DropoutPlan;
use super::heads::{HeadTensors, LossSettings, scaled};
use super::network::Network;
use super::optimiser::{Moments, Rates, length};
use super::parameters::{Group, KEY, POSITIONS, Parameters, TYPES, WORDS};
use super::plain::PlainEncoder;
use super::rows::HeadKind;
use super::*;
use crate::embedder::{DeviceChoice, Embedder, FusedShape, Precision, TrainableEncoder, Transformer};
use crate::random::SplitMix64;

const TARGETS: Targets = Targets { tasks: 4, auxiliary: 6, complexities: 3, models: 3 };
const MODELS: [&str; 3] = ["bert-xlmr-vocabulary", "xlm-roberta", "roberta"];

fn folder(name: &str) -> PathBuf {
    Path::new(root()).join("tests/fixtures/transformers").join(name)
}

fn network(name: &str, device: TrainingDevice) -> Network {
    Network::load(&folder(name), TARGETS, device, &mut SplitMix64::new(3)).unwrap()
}

/// Rows with every target, none twice alike.
fn rows(count: usize, seed: u64) -> Vec<FineTuneRow> {
    let mut random = SplitMix64::new(seed);
    let row = |random: &mut SplitMix64| FineTuneRow {
        tokens: (0..2 + random.below(9)).map(|_| 5 + random.below(300) as u32).collect(),
        copies: Vec::new(),
        task: Some(random.below(4)),
        auxiliary: Some(random.below(6)),
        complexity: Some(random.below(3)),
        quality: (0..3).map(|model| (model, random.below(100) as f32 / 100.0)).collect(),
    };
    (0..count).map(|_| row(&mut random)).collect()
}

fn settings() -> LossSettings {
    let class_weights = [vec![1.5, 0.5, 1.0, 1.2], Vec::new(), vec![0.7, 1.0, 1.6], Vec::new()];
    let class_weights = [class_weights[0].clone(), Vec::new(), class_weights[2].clone(), Vec::new()];
    LossSettings { targets: TARGETS, class_weights, smoothing: 0.05, auxiliary_weight: 0.5 }
}

fn close(name: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{name}");
    let most = a.iter().chain(b).fold(0.0f32, |most, x| most.max(x.abs()));
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= tolerance * most.max(1e-3), "{name}: {apart} apart, with numbers up to {most}");
}

#[test]
fn the_kernels_say_and_learn_what_candles_operations_do() {
    let rows = rows(7, 1);
    let rows: Vec<&FineTuneRow> = rows.iter().collect();
    for name in MODELS {
        let (kernels, plain) = (network(name, TrainingDevice::Cpu), network(name, TrainingDevice::CpuByCandle));
        for (said, plainly) in kernels.say(&rows).unwrap().iter().zip(plain.say(&rows).unwrap()) {
            close(name, &said.vector, &plainly.vector, 1e-5);
            close(name, &said.quality, &plainly.quality, 1e-5);
        }
        for dropout in [DropoutPlan::NONE, DropoutPlan { rate: 0.2, seed: 5 }] {
            let learnt = kernels.learn(&rows, &settings(), dropout).unwrap();
            let plainly = plain.learn(&rows, &settings(), dropout).unwrap();
            assert!((learnt.loss - plainly.loss).abs() < 1e-5, "{name}: {} and {}", learnt.loss, plainly.loss);
            let longest = length(&plainly.gradients);
            for (at, one) in kernels.parameters.all.iter().enumerate() {
                let (a, b) = (&learnt.gradients[at], &plainly.gradients[at]);
                let apart: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
                let apart = length(&[apart]);
                assert_eq!(a.len(), one.values.len());
                assert!(apart < 1e-5 * longest, "{name} {}: {apart} apart of {longest}", one.name);
            }
        }
    }
}

#[test]
fn the_whole_gradient_is_that_of_finite_differences_in_64_bits() {
    let rows = rows(4, 2);
    let rows: Vec<&FineTuneRow> = rows.iter().collect();
    let mut base = TrainableEncoder::open(&folder("xlm-roberta")).unwrap();
    let parameters = Parameters::load(&mut base, &TARGETS, &mut SplitMix64::new(3)).unwrap();
    let dropout = DropoutPlan { rate: 0.1, seed: 9 };
    let batch = TokenBatch::of(rows.iter().map(|row| row.tokens.as_slice()), base.shape.counting);
    let tensors: Vec<Tensor> = parameters
        .all
        .iter()
        .map(|one| {
            Tensor::from_slice(&one.values, one.shape.as_slice(), &Device::Cpu).unwrap().to_dtype(DType::F64).unwrap()
        })
        .collect();
    let loss_of = |tensors: &[Tensor]| {
        let encoder = PlainEncoder { shape: base.shape, pooling: base.pooling, weights: tensors };
        let pooled = scaled(&encoder.pooled(&batch, dropout).unwrap()).unwrap();
        let pairs = tensors[parameters.heads()..].chunks_exact(2);
        let heads: Vec<HeadTensors> = TARGETS
            .kinds()
            .zip(pairs)
            .map(|(kind, pair)| HeadTensors { kind, weight: pair[0].clone(), bias: pair[1].clone() })
            .collect();
        settings().loss(&pooled, &heads, &rows).unwrap().unwrap()
    };
    let vars: Vec<Var> = tensors.iter().map(|tensor| Var::from_tensor(tensor).unwrap()).collect();
    let of_vars: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let found = loss_of(&of_vars).backward().unwrap();
    for (at, one) in parameters.all.iter().enumerate() {
        let gradient = found.get(&vars[at]).unwrap();
        let mut random = SplitMix64::new(at as u64);
        let direction: Vec<f64> = (0..one.values.len()).map(|_| random.below(2001) as f64 / 1000.0 - 1.0).collect();
        let direction = Tensor::from_vec(direction, one.shape.as_slice(), &Device::Cpu).unwrap();
        const STEP: f64 = 1e-5;
        let moved = |step: f64| {
            let mut tensors = tensors.clone();
            tensors[at] = (&tensors[at] + (&direction * step).unwrap()).unwrap();
            loss_of(&tensors).to_scalar::<f64>().unwrap()
        };
        let by_step = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let by_gradient = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        assert!((by_step - by_gradient).abs() < 1e-7, "{}: {by_step} and {by_gradient}", one.name);
    }
}

#[test]
fn every_weight_of_every_layer_moves() {
    let rows = rows(12, 4);
    let rows: Vec<&FineTuneRow> = rows.iter().collect();
    for device in [TrainingDevice::Cpu, TrainingDevice::CpuByCandle] {
        let mut network = network("bert-xlmr-vocabulary", device);
        let before = network.parameters.clone();
        let rates = Rates { encoder: 1e-3, head: 1e-3, weight_decay: 0.0, clip: 1.0, warm_up: 1, steps: 1 };
        let learnt = network.learn(&rows, &settings(), DropoutPlan::NONE).unwrap();
        let used: Vec<usize> = rows.iter().flat_map(|row| &row.tokens).map(|id| *id as usize).collect();
        let mut moments = Moments::new(&network.parameters);
        moments.step(&mut network.parameters, learnt.gradients, &rates, 0);
        for (at, (old, new)) in before.all.iter().zip(&network.parameters.all).enumerate() {
            let moved: Vec<bool> = old.values.iter().zip(&new.values).map(|(old, new)| old != new).collect();
            let width = old.shape[old.shape.len() - 1];
            let longest = rows.iter().map(|row| row.tokens.len()).max().unwrap();
            let is_used = |row: usize| match at {
                WORDS => used.contains(&row),
                POSITIONS => row < longest,
                TYPES => row == 0,
                _ => true,
            };
            // A key's bias raises all scores of a query alike, which softmax takes off again: it has no gradient but rounding.
            let is_key_bias = old.name.ends_with("self.key.bias");
            for (row, moved) in moved.chunks(width).enumerate() {
                let all = moved.iter().all(|moved| *moved);
                assert!(!is_used(row) || all || is_key_bias, "{device:?}: {} row {row} stays as it was", old.name);
                assert!(is_used(row) || !moved.contains(&true), "{}: row {row} was not used and moved", old.name);
            }
        }
        assert_eq!(before.all[Parameters::layer(0) + KEY + 1].name, "encoder.layer.0.attention.self.key.bias");
    }
}

#[test]
fn what_a_row_lacks_teaches_nothing() {
    let network = network("roberta", TrainingDevice::Cpu);
    let mut rows = rows(3, 6);
    for row in &mut rows {
        (row.auxiliary, row.complexity) = (None, None);
        row.quality.retain(|(model, _)| *model != 1);
    }
    rows[2].task = None;
    let gradients = |rows: &[FineTuneRow]| {
        network.learn(&rows.iter().collect::<Vec<_>>(), &settings(), DropoutPlan::NONE).unwrap().gradients
    };
    let of = |gradients: &[Vec<f32>], name: &str| {
        let at = network.parameters.all.iter().position(|one| one.name == name).unwrap();
        gradients[at].clone()
    };
    let found = gradients(&rows);
    for head in ["auxiliary", "complexity"] {
        assert!(of(&found, &format!("heads.{head}.weight")).is_empty(), "{head}");
    }
    let quality = of(&found, "heads.quality.weight");
    let is_zero: Vec<bool> = quality.chunks(quality.len() / 3).map(|row| row.iter().all(|x| *x == 0.0)).collect();
    assert_eq!(is_zero, [false, true, false]);
    // The task head learns from the two rows that have a task as if the third were not there.
    let alone = gradients(&rows[..2]);
    close("task", &of(&found, "heads.task.weight"), &of(&alone, "heads.task.weight"), 1e-6);
    let nothing = FineTuneRow { tokens: vec![7, 8], ..FineTuneRow::default() };
    let learnt = network.learn(&[&nothing], &settings(), DropoutPlan::NONE).unwrap();
    assert_eq!(learnt.loss, 0.0);
    assert!(learnt.gradients.iter().all(Vec::is_empty));
}

#[derive(Deserialize)]
struct Reference {
    settings: ReferenceSettings,
    models: std::collections::BTreeMap<String, ReferenceModel>,
}

#[derive(Deserialize)]
struct ReferenceSettings {
    encoder_rate: f64,
    head_rate: f64,
    weight_decay: f64,
    clip: f64,
    smoothing: f32,
    auxiliary_weight: f32,
    warm_up: usize,
    steps: usize,
}

#[derive(Deserialize)]
struct ReferenceModel {
    rows: Vec<ReferenceRow>,
    batches: Vec<Vec<usize>>,
    heads: std::collections::BTreeMap<String, Vec<Vec<f32>>>,
    losses: Vec<f64>,
    gradient_lengths: Vec<f64>,
}

#[derive(Deserialize)]
struct ReferenceRow {
    tokens: Vec<u32>,
    task: Option<usize>,
    auxiliary: Option<usize>,
    complexity: Option<usize>,
    quality: Vec<(usize, f32)>,
}

#[test]
fn twenty_steps_go_as_in_pytorch() {
    let path = Path::new(root()).join("tests/reference/fine_tuning.json");
    let reference: Reference = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let given = reference.settings;
    for (name, model) in reference.models {
        let rows: Vec<FineTuneRow> = model
            .rows
            .into_iter()
            .map(|row| FineTuneRow {
                tokens: row.tokens,
                copies: Vec::new(),
                task: row.task,
                auxiliary: row.auxiliary,
                complexity: row.complexity,
                quality: row.quality,
            })
            .collect();
        let weights =
            |kind: HeadKind, count| ClassWeights::Sqrt.of(rows.iter().filter_map(|row| row.label(kind)), count);
        let settings = LossSettings {
            targets: TARGETS,
            class_weights: [
                weights(HeadKind::Task, TARGETS.tasks),
                weights(HeadKind::Auxiliary, TARGETS.auxiliary),
                weights(HeadKind::Complexity, TARGETS.complexities),
                Vec::new(),
            ],
            smoothing: given.smoothing,
            auxiliary_weight: given.auxiliary_weight,
        };
        let rates = Rates {
            encoder: given.encoder_rate,
            head: given.head_rate,
            weight_decay: given.weight_decay,
            clip: given.clip,
            warm_up: given.warm_up,
            steps: given.steps,
        };
        let mut network = network(&name, TrainingDevice::Cpu);
        for one in network.parameters.all.iter_mut().filter(|one| one.group == Group::Head && one.decays()) {
            one.values = model.heads[one.name.split('.').nth(1).unwrap()].concat();
        }
        let mut moments = Moments::new(&network.parameters);
        for (step, batch) in model.batches.iter().enumerate() {
            let batch: Vec<&FineTuneRow> = batch.iter().map(|row| &rows[*row]).collect();
            let learnt = network.learn(&batch, &settings, DropoutPlan::NONE).unwrap();
            let (loss, expected) = (learnt.loss, model.losses[step]);
            assert!((loss - expected).abs() < 1e-3, "{name}, step {step}: {loss} here, {expected} in PyTorch");
            let (long, expected) = (length(&learnt.gradients), model.gradient_lengths[step]);
            assert!((long - expected).abs() < 1e-3 * expected, "{name}, step {step}: {long} here, {expected} there");
            moments.step(&mut network.parameters, learnt.gradients, &rates, step);
        }
    }
}

fn options() -> FineTuneOptions {
    FineTuneOptions {
        epochs: 3,
        batch: 4,
        evaluations_per_epoch: 2,
        averaging: Averaging::Ema(0.5),
        encoder_rate: 1e-3,
        ..FineTuneOptions::default()
    }
}

fn run(
    options: &FineTuneOptions,
    training: &[FineTuneRow],
    validation: &[FineTuneRow],
    stop_after: usize,
) -> Result<FineTuned, FineTuneError> {
    let rows = FineTuneRows { training, validation, targets: TARGETS };
    let mut steps = 0;
    fine_tune(&folder("bert-xlmr-vocabulary"), rows, options, &mut |_| {
        steps += 1;
        if steps == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn all_values(tuned: &FineTuned) -> Vec<Vec<f32>> {
    tuned.network.parameters.all.iter().map(|one| one.values.clone()).collect()
}

#[test]
fn cut_off_and_gone_on_with_it_ends_with_the_same_weights() {
    let (training, validation) = (rows(18, 7), rows(9, 8));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs").join("run.safetensors");
    let kept = CheckpointOptions { path: path.clone(), every_steps: 4, every_seconds: 0, resume: true };
    for averaging in [Averaging::Ema(0.5), Averaging::Last(2), Averaging::None] {
        let plain = FineTuneOptions { averaging, ..options() };
        let whole = run(&plain, &training, &validation, 0).unwrap();
        let interrupted = FineTuneOptions { checkpoint: Some(kept.clone()), ..plain };
        for stop_after in [3, 2, 5] {
            let error = run(&interrupted, &training, &validation, stop_after).err().unwrap();
            assert!(matches!(error, FineTuneError::Cancelled { .. }), "{error}");
        }
        let half = path.with_file_name(".run.safetensors.fresh");
        std::fs::create_dir(&half).unwrap();
        std::fs::write(half.join(".tmpKilled"), "half a checkpoint").unwrap();
        let resumed = run(&interrupted, &training, &validation, 0).unwrap();
        assert_eq!(all_values(&whole), all_values(&resumed));
        assert_eq!(whole.history, resumed.history);
        assert_eq!(whole.history.len(), 6);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused_by_what_differs() {
    let (training, validation) = (rows(8, 7), rows(4, 8));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let kept = CheckpointOptions { path: path.clone(), every_steps: 0, every_seconds: 0, resume: true };
    let options = FineTuneOptions { checkpoint: Some(kept.clone()), ..options() };
    run(&options, &training, &validation, 2).err().unwrap();
    let refused = |options: &FineTuneOptions, training: &[FineTuneRow]| {
        run(options, training, &validation, 0).err().unwrap().to_string()
    };
    let other = FineTuneOptions { head_rate: 1e-4, ..options.clone() };
    assert!(
        refused(&other, &training).contains("belongs to another run: the options differ"),
        "{}",
        refused(&other, &training)
    );
    assert!(refused(&options, &rows(8, 9)).contains("another run: the rows differ"));
    let unasked = CheckpointOptions { resume: false, ..kept };
    let unasked = FineTuneOptions { checkpoint: Some(unasked), ..options.clone() };
    assert!(refused(&unasked, &training).contains("can be gone on with; resume it, or delete the file"));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&options, &training).contains("the file is damaged: delete it to begin anew"));
    std::fs::write(&path, "no checkpoint").unwrap();
    assert!(refused(&options, &training).contains("run.safetensors"));
}

#[test]
fn threads_change_no_bit() {
    let (training, validation) = (rows(10, 7), rows(4, 8));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            all_values(&run(&FineTuneOptions { epochs: 1, ..options() }, &training, &validation, 0).unwrap())
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn it_learns_what_a_token_means_and_the_encoder_is_read_as_it_was_left() {
    // The third token tells the task; what else stands there tells nothing.
    let told = |count, seed| {
        let mut rows = rows(count, seed);
        for row in &mut rows {
            row.tokens.insert(2, 400 + row.task.unwrap() as u32);
            *row = FineTuneRow { tokens: std::mem::take(&mut row.tokens), task: row.task, ..FineTuneRow::default() };
        }
        rows
    };
    let (training, validation) = (told(64, 11), told(24, 12));
    let options =
        FineTuneOptions { epochs: 12, batch: 8, encoder_rate: 4e-3, head_rate: 1e-2, ..FineTuneOptions::default() };
    let tuned = run(&options, &training, &validation, 0).unwrap();
    let best = tuned.best.clone().unwrap();
    assert!(best.task_accuracy.unwrap() > 0.9, "{:?}", tuned.history);
    let highest = tuned.history.iter().map(|look| look.score).fold(0.0, f64::max);
    assert_eq!(best.score, highest);

    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "modules.json", "sentence_bert_config.json"] {
        std::fs::copy(folder("bert-xlmr-vocabulary").join(file), copy.path().join(file)).unwrap();
    }
    std::fs::create_dir(copy.path().join("1_Pooling")).unwrap();
    let pooling = "1_Pooling/config.json";
    std::fs::copy(folder("bert-xlmr-vocabulary").join(pooling), copy.path().join(pooling)).unwrap();
    tuned.write_weights(&copy.path().join("model.safetensors")).unwrap();
    let reader = Transformer::from_folder("tuned", copy.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    let base = TrainableEncoder::open(copy.path()).unwrap();
    let text = "Der Hund liest das Buch.";
    let tokens = base.tokenize_ends(text, 36).unwrap();
    let row = FineTuneRow { tokens, ..FineTuneRow::default() };
    let mut said = tuned.say(&[row]).unwrap().remove(0).vector;
    let unit = 1.0 / (said.len() as f32).sqrt();
    said.iter_mut().for_each(|x| *x *= unit);
    close("vector", &said, &reader.embed(&[text]).unwrap()[0].vector, 5e-3);
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let refused = |change: fn(&mut FineTuneRow)| {
        let mut training = rows(4, 1);
        change(&mut training[2]);
        run(&options(), &training, &[], 0).err().unwrap().to_string()
    };
    assert!(refused(|row| row.tokens.clear()).starts_with("row 2: it has no token"));
    assert!(refused(|row| row.tokens = vec![7; 41]).starts_with("row 2: it has more tokens than"));
    assert!(refused(|row| row.tokens = vec![99_999]).starts_with("row 2: a token id lies beyond"));
    assert!(refused(|row| row.task = Some(4)).starts_with("row 2: a label's index"));
    assert!(refused(|row| row.quality = vec![(0, 1.5)]).starts_with("row 2: a score"));
    let one = run(&options(), &rows(1, 1), &[], 0).err().unwrap().to_string();
    assert_eq!(one, "1 row(s) are left to fine-tune on; at least 2 are needed");
    let no_targets = FineTuneRows { training: &rows(4, 1), validation: &[], targets: Targets::default() };
    let error =
        fine_tune(&folder("roberta"), no_targets, &options(), &mut |_| ControlFlow::Continue(())).err().unwrap();
    assert!(error.to_string().starts_with("the rows hold nothing to fine-tune on"));
}

#[test]
fn texts_are_cut_from_both_ends() {
    let base = TrainableEncoder::open(&folder("bert-xlmr-vocabulary")).unwrap();
    let text = "The dog reads a book in the garden while the children sing an old song about the sea and the wind.";
    let whole = base.tokenize_ends(text, 40).unwrap();
    assert!(whole.len() > 20 && whole.len() <= 40, "{}", whole.len());
    let cut = base.tokenize_ends(text, 14).unwrap();
    assert_eq!(cut.len(), 14);
    // Two special tokens, eight from the front, four from the back.
    assert_eq!(cut[..9], whole[..9]);
    assert_eq!(cut[9..], whole[whole.len() - 5..]);
}

#[test]
fn the_shapes_are_the_folders() {
    let base = TrainableEncoder::open(&folder("xlm-roberta")).unwrap();
    let FusedShape { hidden, layers, heads, intermediate, .. } = base.shape;
    assert_eq!((hidden, layers, heads, intermediate), (32, 2, 4, 48));
}

fn root() -> &'static str {
    option_env!("SEMROUTE_SOURCE").unwrap_or(env!("CARGO_MANIFEST_DIR"))
}
