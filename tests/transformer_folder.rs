//! What a model folder's own files decide: pooling, length, special tokens, identity, and which folders are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

#[path = "common/tiny_bert.rs"]
mod tiny_bert;

use std::fs;

use semroute::embedder::{DeviceChoice, Embedder, Embedding, FolderError, Precision, Transformer};
use serde_json::json;
use tiny_bert::{HIDDEN, LAYER_NORM_EPS, Layers, MAX_TOKENS, POSITIONS, TinyBert, VOCABULARY, Weight, id_of, weights};

/// Changes a folder.
type Change<'a> = &'a dyn Fn(&TinyBert);

/// 20 words: more than 16 tokens.
const LONG: &str =
    "translate this sentence to french please the house is in the river what is the plan to cook in winter";

fn load(tiny: &TinyBert) -> Transformer {
    Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap()
}

fn refusal(tiny: &TinyBert) -> String {
    match Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32) {
        Ok(_) => panic!("the folder was taken"),
        Err(error @ (FolderError::File { .. } | FolderError::Invalid { .. })) => error.to_string(),
    }
}

fn embed_one(transformer: &Transformer, text: &str) -> Embedding {
    transformer.embed(&[text]).unwrap().remove(0)
}

fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn normalise_layer(x: &[f32]) -> Vec<f32> {
    let mean = x.iter().sum::<f32>() / x.len() as f32;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / x.len() as f32;
    x.iter().map(|x| (x - mean) / (variance + LAYER_NORM_EPS).sqrt()).collect()
}

/// What a model whose layers add nothing makes of a token at a position.
fn silent_token(seed: u64, id: u32, position: usize) -> Vec<f32> {
    let weights = weights(seed, Layers::Silent);
    let row = |name: &str, index: usize| {
        let Weight { values, .. } = &weights[&format!("embeddings.{name}_embeddings.weight")];
        values[index * HIDDEN..(index + 1) * HIDDEN].to_vec()
    };
    let (word, place, kind) = (row("word", id as usize), row("position", position), row("token_type", 0));
    let sum: Vec<f32> = (0..HIDDEN).map(|dim| word[dim] + place[dim] + kind[dim]).collect();
    // The embeddings' own layer norm; those of the layers leave what is normalised as it is.
    normalise_layer(&sum)
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}

#[test]
fn mean_and_cls_pooling_give_what_is_computed_by_hand() {
    let tiny = TinyBert::with_layers(7, Layers::Silent);
    let tokens: Vec<Vec<f32>> = ["[CLS]", "write", "python", "code", "[SEP]"]
        .into_iter()
        .enumerate()
        .map(|(position, token)| silent_token(7, id_of(token), position))
        .collect();
    let mean = unit((0..HIDDEN).map(|dim| tokens.iter().map(|token| token[dim]).sum()).collect());
    let cls = unit(tokens[0].clone());
    // In a batch with a longer text, so that padding stands behind the short one.
    for (mode, expected) in [("pooling_mode_mean_tokens", mean), ("pooling_mode_cls_token", cls)] {
        tiny.write_pooling(mode);
        let embeddings = load(&tiny).embed(&["write python code", LONG]).unwrap();
        let difference = max_difference(&embeddings[0].vector, &expected);
        assert!(difference < 1e-5, "{mode}: a component is off by {difference}");
    }
}

#[test]
fn without_a_pooling_file_the_mean_is_taken() {
    let tiny = TinyBert::new(1);
    let with_file = embed_one(&load(&tiny), "write python code");
    fs::remove_file(tiny.file("1_Pooling/config.json")).unwrap();
    assert_eq!(embed_one(&load(&tiny), "write python code"), with_file);
}

#[test]
fn padding_changes_no_vector() {
    let tiny = TinyBert::new(1);
    for mode in ["pooling_mode_mean_tokens", "pooling_mode_cls_token"] {
        tiny.write_pooling(mode);
        let transformer = load(&tiny);
        let alone = transformer.tokenize("fix the bug").unwrap();
        let long = transformer.tokenize(LONG).unwrap();
        let empty = transformer.tokenize("").unwrap();
        let single = transformer.forward(&[&alone]).unwrap().remove(0);
        let batched = transformer.forward(&[&long, &alone, &empty]).unwrap().remove(1);
        let difference = max_difference(&single.vector, &batched.vector);
        assert!(difference < 1e-5, "{mode}: a component is off by {difference}");
        // [PAD] written out is a token like any other; were the mask ignored, it would be this vector.
        let padded = embed_one(&transformer, &format!("fix the bug{}", " [PAD]".repeat(MAX_TOKENS - 5)));
        assert!(max_difference(&single.vector, &padded.vector) > 1e-3, "{mode}: padding cannot be told from none");
    }
}

#[test]
fn many_texts_come_back_in_order() {
    let transformer = load(&TinyBert::new(1));
    // More padded tokens than one pass takes, lengths mixed.
    let texts: Vec<String> =
        (0..600).map(|index| [VOCABULARY[5 + index % 40], " house"].concat().repeat(1 + index % 7)).collect();
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embeddings = transformer.embed(&borrowed).unwrap();
    assert_eq!(embeddings.len(), texts.len());
    for (text, embedding) in texts.iter().zip(&embeddings).step_by(41) {
        let single = embed_one(&transformer, text);
        assert_eq!((single.tokens, single.truncated), (embedding.tokens, embedding.truncated), "{text}");
        assert!(max_difference(&single.vector, &embedding.vector) < 1e-5, "{text}");
    }
    assert_eq!(transformer.embed(&[]).unwrap(), []);
}

#[test]
fn the_folder_says_how_much_is_read_and_a_cut_is_told() {
    let tiny = TinyBert::new(1);
    let transformer = load(&tiny);
    assert_eq!(transformer.max_tokens(), MAX_TOKENS);
    let fits = ["house"; MAX_TOKENS - 2].join(" ");
    let embedding = embed_one(&transformer, &fits);
    assert_eq!((embedding.tokens, embedding.truncated), (MAX_TOKENS, false));
    let over = embed_one(&transformer, &format!("{fits} tree"));
    assert_eq!((over.tokens, over.truncated), (MAX_TOKENS, true));
    // The closing [SEP] stays, so what is left is the text that just fits.
    assert_eq!(over.vector, embedding.vector);
    let huge = embed_one(&transformer, &"house ".repeat(100_000));
    assert_eq!((huge.tokens, huge.truncated, huge.vector), (MAX_TOKENS, true, embedding.vector));

    tiny.edit("sentence_bert_config.json", |config| config["max_seq_length"] = json!(8));
    assert_eq!(embed_one(&load(&tiny), LONG).tokens, 8);
    // No model reads more than it has positions for, whatever the file says or if there is none.
    tiny.edit("sentence_bert_config.json", |config| config["max_seq_length"] = json!(100_000));
    assert_eq!(load(&tiny).max_tokens(), POSITIONS);
    fs::remove_file(tiny.file("sentence_bert_config.json")).unwrap();
    let transformer = load(&tiny);
    assert_eq!(transformer.max_tokens(), POSITIONS);
    assert_eq!(embed_one(&transformer, &LONG.repeat(9)).tokens, POSITIONS);
    tiny.write("sentence_bert_config.json", r#"{"max_seq_length": 2}"#);
    assert!(refusal(&tiny).contains("max_seq_length is 2"), "{}", refusal(&tiny));
}

#[test]
fn length_and_padding_of_the_tokenizer_file_do_not_count() {
    let tiny = TinyBert::new(1);
    let plain = load(&tiny);
    let texts = ["write code", "", LONG];
    let expected = plain.embed(&texts).unwrap();
    tiny.edit("tokenizer.json", |tokenizer| {
        tokenizer["truncation"] =
            json!({"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0});
        tokenizer["padding"] = json!({
            "strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0,
            "pad_token": "[PAD]",
        });
    });
    let fixed = load(&tiny);
    assert_eq!(fixed.tokenize("write code").unwrap(), plain.tokenize("write code").unwrap());
    assert_eq!(fixed.embed(&texts).unwrap(), expected);
    assert_eq!(expected.iter().map(|embedding| embedding.tokens).collect::<Vec<_>>(), [4, 2, MAX_TOKENS]);
}

#[test]
fn a_text_stands_between_cls_and_sep() {
    let transformer = load(&TinyBert::new(1));
    assert_eq!(transformer.vocabulary(), VOCABULARY);
    assert_eq!(transformer.tokenize("HOUSE").unwrap(), transformer.wrap_token(id_of("house")).unwrap());
    assert_eq!(transformer.tokenize("zzz").unwrap(), transformer.wrap_token(id_of("[UNK]")).unwrap());
    // house + ##s
    assert_eq!(transformer.tokenize("houses").unwrap().len(), 4);
    for text in ["", " ", "zzz", "house"] {
        let vector = embed_one(&transformer, text).vector;
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((norm - 1.0).abs() < 1e-5, "{text:?}: length {norm}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let tiny = TinyBert::new(1);
        fs::remove_file(tiny.file(name)).unwrap();
        let refusal = refusal(&tiny);
        assert!(refusal.starts_with(&format!("{}: ", tiny.file(name).display())), "{refusal}");
        assert!(refusal.contains("No such file"), "{refusal}");
    }
}

#[test]
fn what_cannot_be_computed_is_refused_by_name() {
    let cases: [(&str, Change<'_>, &[&str]); 11] = [
        (
            "pooling",
            &|tiny| tiny.write_pooling("pooling_mode_weightedmean_tokens"),
            &["1_Pooling", "pooling_mode_weightedmean"],
        ),
        ("pooling", &|tiny| tiny.write_pooling("pooling_mode_lasttoken"), &["1_Pooling", "pooling_mode_lasttoken"]),
        ("type", &|tiny| tiny.edit("config.json", |c| c["model_type"] = json!("t5")), &["config.json", "t5", "bert"]),
        ("activation", &|tiny| tiny.edit("config.json", |c| c["hidden_act"] = json!("quux")), &["config.json", "quux"]),
        (
            "heads",
            &|tiny| tiny.edit("config.json", |c| c["num_attention_heads"] = json!(0)),
            &["config.json", "heads 0"],
        ),
        (
            "nothing between",
            &|tiny| tiny.edit("config.json", |c| c["intermediate_size"] = json!(0)),
            &["config.json", "intermediate_size is 0"],
        ),
        (
            "heads",
            &|tiny| tiny.edit("config.json", |c| c["num_attention_heads"] = json!(5)),
            &["config.json", "heads 5"],
        ),
        ("no json", &|tiny| tiny.write("config.json", "{"), &["config.json"]),
        ("no json", &|tiny| tiny.write("tokenizer.json", "{}"), &["tokenizer.json"]),
        ("shape", &|tiny| tiny.edit("config.json", |c| c["vocab_size"] = json!(100)), &["model.safetensors", "shape"]),
        (
            "missing tensor",
            &|tiny| {
                let mut weights = weights(1, Layers::Mixing);
                weights.remove("encoder.layer.1.output.dense.weight").unwrap();
                tiny.write_weights(&weights);
            },
            &["model.safetensors", "encoder.layer.1.output.dense.weight"],
        ),
    ];
    for (about, spoil, expected) in cases {
        let tiny = TinyBert::new(1);
        spoil(&tiny);
        let refusal = refusal(&tiny);
        for part in expected {
            assert!(refusal.contains(part), "{about}: {part:?} is not in {refusal:?}");
        }
    }
}

#[test]
fn weights_that_were_cut_short_are_refused() {
    let tiny = TinyBert::new(1);
    let whole = fs::read(tiny.file("model.safetensors")).unwrap();
    for length in [0, 4, 40, whole.len() / 2, whole.len() - 1] {
        fs::write(tiny.file("model.safetensors"), &whole[..length]).unwrap();
        assert!(refusal(&tiny).contains("model.safetensors"), "{length} bytes: {}", refusal(&tiny));
    }
}

#[test]
fn the_fingerprint_is_of_every_file_that_decides_vectors() {
    let fingerprint = |tiny: &TinyBert| load(tiny).identity().fingerprint.clone();
    let tiny = TinyBert::new(1);
    let first = fingerprint(&tiny);
    assert_eq!(first.len(), 64);
    assert_eq!(fingerprint(&TinyBert::new(1)), first, "the same files elsewhere");
    let named = Transformer::from_folder("another name", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    assert_eq!((named.identity().fingerprint.as_str(), named.identity().dims), (first.as_str(), HIDDEN));
    let changes: [(&str, Change<'_>); 5] = [
        ("config.json", &|tiny| tiny.edit("config.json", |config| config["layer_norm_eps"] = json!(1e-5))),
        ("1_Pooling/config.json", &|tiny| tiny.write_pooling("pooling_mode_cls_token")),
        ("sentence_bert_config.json", &|tiny| {
            tiny.edit("sentence_bert_config.json", |config| config["max_seq_length"] = json!(12));
        }),
        ("tokenizer.json", &|tiny| tiny.edit("tokenizer.json", |t| t["normalizer"]["lowercase"] = json!(false))),
        ("model.safetensors", &|tiny| tiny.write_weights(&weights(2, Layers::Mixing))),
    ];
    let mut seen = vec![first];
    for (name, change) in changes {
        let changed = TinyBert::new(1);
        change(&changed);
        let fingerprint = fingerprint(&changed);
        assert!(!seen.contains(&fingerprint), "{name} does not count");
        seen.push(fingerprint);
    }
}
