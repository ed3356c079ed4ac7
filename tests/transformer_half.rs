//! Half precision beside 32 bits on the same folders, on the processor: the pass that accelerators run, without one. What needs an accelerator is not
//! tested here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

#[path = "transformer_multilingual/tiny_folders.rs"]
#[allow(dead_code, reason = "each test file uses the part it needs")]
mod tiny_folders;

mod command_line;
mod common;

use std::path::Path;

use common::installation::or_skip;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use semroute::embedder::{DeviceChoice, Embedder, Embedding, Precision, Transformer, locate, pull};
use serde_json::json;
use tiny_folders::{ALL, BERT, Copied, XLM_ROBERTA, fixture, reference, texts};

const HALVES: [(Precision, f32); 2] = [(Precision::F16, 0.999), (Precision::Bf16, 0.99)];

fn load(folder: &Path, precision: Precision) -> Transformer {
    Transformer::from_folder("half", folder, DeviceChoice::CpuByCandle, precision).unwrap()
}

fn embed(transformer: &Transformer, texts: &[String]) -> Vec<Embedding> {
    transformer.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

fn embed_singly(transformer: &Transformer, texts: &[String]) -> Vec<Embedding> {
    texts.iter().flat_map(|text| embed(transformer, std::slice::from_ref(text))).collect()
}

/// Texts without tokens, whose vectors are zeros, have to be zeros in both.
fn lowest_cosine(one: &[Embedding], other: &[Embedding]) -> f32 {
    assert_eq!(one.len(), other.len());
    let cosine = |(one, other): (&Embedding, &Embedding)| {
        assert_eq!((one.tokens, one.truncated), (other.tokens, other.truncated));
        let is_zero = |embedding: &Embedding| embedding.vector.iter().all(|x| *x == 0.0);
        if is_zero(other) {
            return f32::from(is_zero(one));
        }
        one.vector.iter().zip(&other.vector).map(|(x, y)| x * y).sum::<f32>()
    };
    // Not f32::min, which would pass over what is no number.
    one.iter().zip(other).map(cosine).fold(1.0, |lowest, cosine| if cosine >= lowest { lowest } else { cosine })
}

#[test]
fn one_text_and_mixed_lengths_are_near_those_of_32_bits() {
    for name in ALL {
        let texts = texts(&reference(name).rows);
        let whole = embed(&load(&fixture(name), Precision::F32), &texts);
        let lengths: Vec<usize> = whole.iter().map(|embedding| embedding.tokens).collect();
        assert!(lengths.iter().max() > lengths.iter().min(), "{name}: all texts are {lengths:?} tokens long");
        for (precision, least) in HALVES {
            let transformer = load(&fixture(name), precision);
            for (how, half) in [("mixed", embed(&transformer, &texts)), ("singly", embed_singly(&transformer, &texts))]
            {
                let cosine = lowest_cosine(&half, &whole);
                println!("{name}, {}, {how}: {cosine}", precision.name());
                assert!(cosine >= least, "{name}, {}, {how}: {cosine}", precision.name());
                assert_ne!(half, whole, "nothing was rounded");
            }
        }
    }
}

#[test]
fn every_pooling_and_activation_is_near_that_of_32_bits() {
    for name in [BERT, XLM_ROBERTA] {
        for pooling in ["cls", "max", "mean"] {
            for activation in ["relu", "gelu"] {
                let copy = Copied::of(name);
                copy.edit("config.json", |config| config["hidden_act"] = json!(activation));
                copy.write("1_Pooling/config.json", &json!({"pooling_mode": pooling}));
                let texts = texts(&reference(name).rows);
                let whole = embed(&load(&copy.file(""), Precision::F32), &texts);
                for (precision, least) in HALVES {
                    let cosine = lowest_cosine(&embed(&load(&copy.file(""), precision), &texts), &whole);
                    assert!(cosine >= least, "{name}, {pooling}, {activation}, {}: {cosine}", precision.name());
                }
            }
        }
    }
}

#[test]
fn what_cannot_run_in_half_precision_is_refused_with_its_remedy() {
    let plain = Copied::of(XLM_ROBERTA);
    plain.edit("config.json", |config| config["hidden_act"] = json!("gelu_new"));
    let (known, unknown) = (fixture(BERT), plain.file(""));
    let cases = [
        (&known, DeviceChoice::Cpu, Precision::F16, "precision f16 is for accelerators", "; use f32 or int8"),
        (&known, DeviceChoice::Cpu, Precision::Bf16, "precision bf16 is for accelerators", "; use f32 or int8"),
        (&unknown, DeviceChoice::CpuByCandle, Precision::F16, "precision f16 is for the activations gelu", "; use f32"),
        (&unknown, DeviceChoice::Cpu, Precision::Int8, "precision int8 is for the activations gelu", "; use f32"),
        (&known, DeviceChoice::CpuByCandle, Precision::Int8, "int8 is for the processor", "use f32, f16 or bf16"),
    ];
    for (folder, device, precision, expected, remedy) in cases {
        let refused = Transformer::from_folder("half", folder, device, precision).err().expect(expected).to_string();
        assert!(refused.contains("model.safetensors: precision "), "{refused}");
        assert!(refused.contains(expected) && refused.ends_with(remedy), "{refused}");
    }
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn a_build_without_accelerators_says_so() {
    let folder = fixture(BERT);
    let said = command_line::Folder::new().refusal_of(&[
        "bench",
        "--embedder-only",
        "--embedder",
        folder.to_str().unwrap(),
        "--precision",
        "bf16",
    ]);
    let expected = "precision bf16 is for accelerators, and this build has none (its features cuda and metal are off); use f32 or int8";
    assert!(said.contains("model.safetensors: ") && said.contains(expected), "{said}");
}

/// The first layer's activations grow beyond 65,504; the layers' normalisation keeps them in f32 and bf16.
#[test]
fn numbers_beyond_the_range_of_f16_are_an_error_and_no_problem_in_bf16() {
    let copy = Copied::of(BERT);
    let bytes = std::fs::read(copy.file("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let name = tensors.names().into_iter().find(|name| name.ends_with("layer.0.intermediate.dense.weight")).unwrap();
    let small = tensors.tensor(name).unwrap();
    assert!(matches!(small.dtype(), Dtype::F16 | Dtype::F32));
    let numbers: Vec<f32> = match small.dtype() {
        Dtype::F16 => {
            small.data().chunks(2).map(|bytes| half::f16::from_le_bytes(bytes.try_into().unwrap()).to_f32()).collect()
        }
        _ => small.data().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect(),
    };
    let large: Vec<u8> = numbers.iter().flat_map(|x| (x * 1e5).to_le_bytes()).collect();
    let large = TensorView::new(Dtype::F32, small.shape().to_vec(), &large).unwrap();
    let all =
        tensors.tensors().into_iter().map(|(at, tensor)| if at == name { (at, large.clone()) } else { (at, tensor) });
    std::fs::write(copy.file("model.safetensors"), safetensors::serialize(all, None).unwrap()).unwrap();

    let texts = texts(&reference(BERT).rows);
    let whole = embed(&load(&copy.file(""), Precision::F32), &texts);
    let cosine = lowest_cosine(&embed(&load(&copy.file(""), Precision::Bf16), &texts), &whole);
    assert!(cosine >= 0.99, "{cosine}");
    let error = load(&copy.file(""), Precision::F16).embed(&[&texts[0]]).unwrap_err().to_string();
    assert!(error.contains("not finite with precision f16; use bf16 or f32"), "{error}");
}

#[test]
fn real_weights_stay_near() {
    let name = "all-MiniLM-L6-v2";
    let folder = locate(name).or_else(|_| pull(name, None, &())).map_err(|error| error.to_string());
    let Some(folder) = or_skip("half precision on real weights", folder) else { return };
    let texts: Vec<String> =
        ["Why is the sky blue?", "fix the failing test in src/lib.rs, then commit", "Übersetze das bitte"]
            .into_iter()
            .chain([include_str!("../README.md")])
            .map(str::to_owned)
            .collect();
    let whole = embed(&load(&folder, Precision::F32), &texts);
    for (precision, least) in HALVES {
        let cosine = lowest_cosine(&embed(&load(&folder, precision), &texts), &whole);
        println!("{name}, {}: {cosine}", precision.name());
        assert!(cosine >= least, "{}: {cosine}", precision.name());
    }
}
