//! Multilingual folders: XLM-R vocabularies, XLM-RoBERTa and RoBERTa encoders, prefixes. Our forward pass beside
//! sentence-transformers' on three tiny models that `training/tiny_transformers.py` makes; and which folders are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod models_fake_web;
#[path = "transformer_multilingual/tiny_folders.rs"]
mod tiny_folders;

use std::fs;

use models_fake_web::{Answer, FakeWeb, resolve, sha256};
use semroute::embedder::download::{ModelCache, Sources, pull_from};
use semroute::embedder::{Embedder, Embedding, OpenedEmbedder, Precision, TokenIds, Transformer, open};
use serde_json::{Value, json};
use tempfile::TempDir;
use tiny_folders::{ALL, BERT, Copied, PROMPTS, ROBERTA, XLM_ROBERTA, fixture, load, reference, texts};

const TOLERANCE: f32 = 1e-5;

fn embed_one(transformer: &Transformer, text: &str) -> Embedding {
    transformer.embed(&[text]).unwrap().remove(0)
}

fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[track_caller]
fn assert_same(about: &str, found: &[f32], expected: &[f32]) {
    let difference = max_difference(found, expected);
    assert!(difference <= TOLERANCE, "{about}: a component is off by {difference}");
}

#[test]
fn every_text_by_itself_has_the_vector_of_sentence_transformers() {
    for name in ALL {
        let (transformer, reference) = (load(&fixture(name)), reference(name));
        let weights = fs::read(fixture(name).join("model.safetensors")).unwrap();
        assert_eq!(sha256(&weights), reference.sha256, "{name}: weights of another run than the vectors");
        assert_eq!(transformer.max_tokens(), reference.max_tokens, "{name}");
        assert!(reference.rows.len() >= 16, "{name}: the reference has lost rows");
        for (row, text) in reference.rows.iter().zip(texts(&reference.rows)) {
            let about = format!("{name}, {}", row.about);
            let embedding = embed_one(&transformer, &text);
            assert_eq!(embedding.tokens, row.tokens, "{about}");
            assert_eq!(embedding.truncated, row.about == "beyond the limit", "{about}");
            assert_same(&about, &embedding.vector, &row.vector);
        }
    }
}

#[test]
fn one_padded_batch_gives_the_vectors_of_its_texts() {
    for name in ALL {
        let (transformer, reference) = (load(&fixture(name)), reference(name));
        let texts = texts(&reference.rows);
        let tokens: Vec<TokenIds> = texts.iter().map(|text| transformer.tokenize(text).unwrap()).collect();
        let by_pass = transformer.forward(&tokens.iter().collect::<Vec<_>>()).unwrap();
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let by_embed = transformer.embed(&borrowed).unwrap();
        for ((row, passed), embedded) in reference.rows.iter().zip(&by_pass).zip(&by_embed) {
            let about = format!("{name}, {}", row.about);
            assert_same(&about, &passed.vector, &row.in_batch);
            assert_same(&about, &passed.vector, &row.vector);
            assert_same(&about, &embedded.vector, &row.vector);
        }
    }
}

#[test]
fn the_reference_could_tell_texts_apart() {
    for name in ALL {
        let rows = reference(name).rows;
        for (index, row) in rows.iter().enumerate() {
            for other in &rows[index + 1..] {
                let alike = name == BERT && row.about == "empty" && other.about == "only spaces";
                let cosine: f32 = row.vector.iter().zip(&other.vector).map(|(a, b)| a * b).sum();
                assert!(alike || cosine < 0.97, "{name}, {} and {}: {cosine}", row.about, other.about);
            }
        }
    }
}

#[test]
fn cls_and_max_pooling_are_those_of_sentence_transformers_in_both_notations() {
    let reference = reference(XLM_ROBERTA);
    let texts = texts(&reference.rows);
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (mode, flag, expected) in
        [("cls", "pooling_mode_cls_token", &reference.cls), ("max", "pooling_mode_max_tokens", &reference.max)]
    {
        for config in [json!({"pooling_mode": mode}), json!({flag: true, "pooling_mode_mean_tokens": false})] {
            let copy = Copied::of(XLM_ROBERTA);
            copy.write("1_Pooling/config.json", &config);
            let embeddings = copy.load().embed(&borrowed).unwrap();
            assert_eq!((embeddings.len(), expected.len()), (texts.len(), texts.len()));
            for (embedding, pooled) in embeddings.iter().zip(expected) {
                assert_same(&format!("{config}, {}", pooled.about), &embedding.vector, &pooled.vector);
            }
        }
    }
}

#[test]
fn positions_are_counted_from_behind_the_padding_id() {
    let copy = Copied::of(XLM_ROBERTA);
    copy.remove("sentence_bert_config.json");
    // 42 positions, and the ids 0 and 1 stand for no position of a text.
    assert_eq!(copy.load().max_tokens(), 40);
    let row = &reference(XLM_ROBERTA).rows[0];
    let text = &texts(std::slice::from_ref(row))[0];
    copy.edit("config.json", |config| config["pad_token_id"] = json!(0));
    let moved = copy.load();
    assert_eq!(moved.max_tokens(), 41);
    assert!(max_difference(&embed_one(&moved, text).vector, &row.vector) > 1e-3, "the padding id changes nothing");
    // Older and younger files leave it out, and say `absolute` or nothing about positions.
    copy.edit("config.json", |config| {
        config.as_object_mut().unwrap().remove("pad_token_id");
        config["position_embedding_type"] = json!("absolute");
    });
    assert_same("without pad_token_id", &embed_one(&copy.load(), text).vector, &row.vector);
}

#[test]
fn an_encoder_below_the_name_of_its_family_is_found() {
    let copy = Copied::of(XLM_ROBERTA);
    let bytes = fs::read(copy.file("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let below = tensors.tensors().into_iter().map(|(name, tensor)| (format!("roberta.{name}"), tensor));
    fs::write(copy.file("model.safetensors"), safetensors::serialize(below, None).unwrap()).unwrap();
    let row = &reference(XLM_ROBERTA).rows[0];
    let text = &texts(std::slice::from_ref(row))[0];
    assert_same("below roberta", &embed_one(&copy.load(), text).vector, &row.vector);
}

#[test]
fn the_prefix_stands_before_every_text_and_counts() {
    let with_prefix = Copied::of(BERT);
    let without = Copied::of(BERT);
    without.remove(PROMPTS);
    let (prefixed, plain) = (with_prefix.load(), without.load());
    assert_eq!((prefixed.prefix(), plain.prefix()), ("query: ", ""));
    let text = "Wie drehe ich eine Liste um?";
    let expected = plain.tokenize(&format!("query: {text}")).unwrap();
    assert_eq!(prefixed.tokenize(text).unwrap(), expected);
    assert_eq!(embed_one(&prefixed, text), embed_one(&plain, &format!("query: {text}")));
    assert!(embed_one(&prefixed, text).tokens > embed_one(&plain, text).tokens);
    // Its tokens are among those that are read: less of a long text is.
    let long = text.repeat(9);
    let embedding = embed_one(&prefixed, &long);
    assert_eq!((embedding.tokens, embedding.truncated), (prefixed.max_tokens(), true));
    assert_eq!(prefixed.tokenize(&long).unwrap(), plain.tokenize(&format!("query: {long}")).unwrap());

    assert_ne!(prefixed.identity().fingerprint, plain.identity().fingerprint);
    // Only the prompt that is used decides.
    without.write(PROMPTS, &json!({"prompts": {"passage": "passage: "}, "__version__": {}}));
    assert_eq!(without.load().identity().fingerprint, plain.identity().fingerprint);
    without.write(PROMPTS, &json!({"prompts": {"a": "query: "}, "default_prompt_name": "a"}));
    assert_eq!(without.load().identity().fingerprint, prefixed.identity().fingerprint);
    without.write(PROMPTS, &json!({"prompts": {"query": "passage: "}}));
    assert_ne!(without.load().identity().fingerprint, prefixed.identity().fingerprint);
}

#[test]
fn a_folder_opens_under_the_common_trait() {
    let opened = open("my-multilingual", Some(&fixture(XLM_ROBERTA)), Precision::F32).unwrap();
    assert!(matches!(opened, OpenedEmbedder::Transformer(_)));
    assert_eq!((opened.identity().name.as_str(), opened.identity().dims), ("my-multilingual", 32));
}

#[test]
fn tokens_by_themselves_are_those_of_wordpiece_only() {
    // A static table looks words up by WordPiece: one distilled from another vocabulary would find none of them.
    for (name, kind) in [(BERT, "Unigram"), (ROBERTA, "BPE")] {
        let error = load(&fixture(name)).wrap_token(7).unwrap_err().to_string();
        assert!(error.contains(kind) && error.contains("WordPiece"), "{error}");
    }
}

#[test]
fn an_empty_text_without_special_tokens_is_no_direction() {
    let copy = Copied::of(XLM_ROBERTA);
    copy.edit("tokenizer.json", |tokenizer| tokenizer["post_processor"] = Value::Null);
    let transformer = copy.load();
    let embeddings = transformer.embed(&["", "the letter"]).unwrap();
    assert_eq!(embeddings[0], Embedding { vector: vec![0.0; 32], tokens: 0, truncated: false });
    assert_eq!(embed_one(&transformer, ""), embeddings[0]);
    assert_same("beside an empty text", &embeddings[1].vector, &embed_one(&transformer, "the letter").vector);
}

/// Spoils a folder.
type Spoil = fn(&Copied);

#[test]
fn what_cannot_be_computed_is_refused_by_file_and_field() {
    let cases: [(&str, Spoil, &[&str]); 17] = [
        (BERT, |copy| copy.remove("config.json"), &["/config.json", "No such file"]),
        (XLM_ROBERTA, |copy| copy.remove("tokenizer.json"), &["/tokenizer.json", "No such file"]),
        (ROBERTA, |copy| copy.remove("model.safetensors"), &["/model.safetensors", "No such file"]),
        (XLM_ROBERTA, |copy| copy.remove("1_Pooling/config.json"), &["1_Pooling/config.json", "No such file"]),
        (
            XLM_ROBERTA,
            |copy| copy.edit("config.json", |config| config["model_type"] = json!("mpnet")),
            &["/config.json", "model_type is \"mpnet\"", "\"bert\", \"roberta\" and \"xlm-roberta\""],
        ),
        (
            XLM_ROBERTA,
            |copy| copy.edit("config.json", |config| drop(config.as_object_mut().unwrap().remove("model_type"))),
            &["/config.json", "model_type is missing", "xlm-roberta"],
        ),
        (
            XLM_ROBERTA,
            |copy| copy.edit("config.json", |config| config["position_embedding_type"] = json!("relative_key")),
            &["/config.json", "position_embedding_type", "relative_key"],
        ),
        (
            ROBERTA,
            |copy| copy.edit("config.json", |config| config["num_hidden_layers"] = json!("two")),
            &["/config.json", "num_hidden_layers: invalid type"],
        ),
        (
            XLM_ROBERTA,
            |copy| copy.edit("config.json", |config| config["pad_token_id"] = json!(442)),
            &["/config.json", "pad_token_id is 442 and vocab_size 442"],
        ),
        (
            XLM_ROBERTA,
            |copy| copy.edit("config.json", |config| config["max_position_embeddings"] = json!(4)),
            &["/config.json", "max_position_embeddings leaves 2 tokens"],
        ),
        (
            BERT,
            |copy| {
                copy.edit("modules.json", |modules| {
                    modules[2] = json!({"path": "2_Dense", "type": "sentence_transformers.models.Dense"});
                });
            },
            &["/modules.json", "models.Dense", "Pooling and Normalize"],
        ),
        (
            BERT,
            |copy| copy.write("1_Pooling/config.json", &json!({"pooling_mode": "mean", "include_prompt": false})),
            &["1_Pooling/config.json", "include_prompt"],
        ),
        (
            BERT,
            |copy| copy.write(PROMPTS, &json!({"prompts": {"query": ["query: "]}})),
            &["/config_sentence_transformers.json", "prompts.query: invalid type"],
        ),
        (
            BERT,
            |copy| copy.write(PROMPTS, &json!({"prompts": {"query": "q"}, "default_prompt_name": "passage"})),
            &["/config_sentence_transformers.json", "default_prompt_name is \"passage\""],
        ),
        (
            BERT,
            |copy| copy.write(PROMPTS, &json!({"prompts": {"query": "translate this letter, please ".repeat(4)}})),
            &["/config_sentence_transformers.json", "of the 36 tokens"],
        ),
        (
            XLM_ROBERTA,
            |copy| {
                copy.edit("tokenizer.json", |tokenizer| {
                    tokenizer["model"]["vocab"].as_array_mut().unwrap().push(json!(["zebra", -9.0]));
                });
            },
            &["/tokenizer.json", "\"zebra\" has id 442", "vocab_size in config.json is 442"],
        ),
        (
            XLM_ROBERTA,
            |copy| {
                let around = |tokenizer: &mut Value| {
                    tokenizer["post_processor"]["special_tokens"]["</s>"]["ids"] = json!([9000]);
                };
                copy.edit("tokenizer.json", around);
            },
            &["/tokenizer.json", "\"</s>\" has id 9000"],
        ),
    ];
    for (name, spoil, expected) in cases {
        let copy = Copied::of(name);
        copy.load();
        spoil(&copy);
        let refusal = copy.refusal();
        for part in expected {
            assert!(refusal.contains(part), "{name}: {part:?} is not in {refusal:?}");
        }
    }
}

#[test]
fn more_rows_than_tokens_are_no_harm() {
    // As multilingual-e5-small, whose table is longer than its vocabulary.
    let config: Value = serde_json::from_slice(&fs::read(fixture(BERT).join("config.json")).unwrap()).unwrap();
    let tokens = load(&fixture(BERT)).vocabulary().len();
    assert!(config["vocab_size"].as_u64().unwrap() > tokens as u64);
}

/// A hub that has these files of `tiny/model`; what it lists is all there is.
fn hub(files: &[(&str, Vec<u8>)]) -> FakeWeb {
    let web = FakeWeb::start();
    let entry = |(name, body): &(&str, Vec<u8>)| {
        web.answer(&resolve("tiny/model", name), Answer::ok("application/octet-stream", body.clone()));
        json!({"rfilename": name})
    };
    let info = json!({"sha": models_fake_web::COMMIT, "siblings": files.iter().map(entry).collect::<Vec<_>>()});
    let list = "/api/models/tiny/model/revision/main?blobs=true";
    web.answer(list, Answer::ok("application/json", info.to_string()));
    web
}

#[test]
fn a_pull_brings_the_prompts_where_the_hub_has_them() {
    let names =
        ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json", "modules.json", PROMPTS];
    let files = names.map(|name| (name, fs::read(fixture(BERT).join(name)).unwrap()));
    for (listed, prefix) in [(&files[..], "query: "), (&files[..5], "")] {
        let (root, hub) = (TempDir::new().unwrap(), hub(listed));
        let mut sources = Sources::from_environment();
        sources = Sources { hub: hub.address.clone(), hub_token: None, hub_cache: None, offline: None, ..sources };
        let folder = pull_from(&ModelCache::new(root.path()), &sources, "tiny/model", None, &()).unwrap();
        assert_eq!(load(&folder).prefix(), prefix);
        assert_eq!(hub.seen().len(), 1 + listed.len(), "the list and what it names: {:?}", hub.seen());
    }
}
