//! `semroute train --fine-tune --encoder-precision int8`, through the real binary on a tiny encoder with random weights: what the bytes give, what they are
//! served as, and what is refused and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::path::{Path, PathBuf};

use command_line::{Folder, root};
use semroute::embedder::{DeviceChoice, Embedder, Embedding, Precision, Transformer};
use serde_json::{Value, json};

const WEIGHTS: &str = "encoder/model.safetensors";
const ROUTE: [&str; 5] = ["route", "Translate the sentence about the tree into French.", "--json", "--router", "mine"];

fn base() -> PathBuf {
    root().join("tests/fixtures/transformers/bert-xlmr-vocabulary")
}

fn with_rows() -> Folder {
    let folder = Folder::new();
    let things = ["book", "garden", "song", "letter", "river", "street", "window", "table", "stone", "tree"];
    let row = |task: &str, prompt: String| json!({"task": task, "prompt": prompt});
    let rows: Vec<Value> = things
        .into_iter()
        .flat_map(|thing| {
            [
                row("translation", format!("Translate the sentence about the {thing} into French.")),
                row("code", format!("Write a function for the {thing} and fix the bug in it.")),
            ]
        })
        .collect();
    folder.write_rows("rows.jsonl", &rows);
    folder
}

fn train<'a>(out: &'a str, base: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let always = ["train", "--fine-tune", "--labels", "rows.jsonl", "--out", out, "--embedder", base.to_str().unwrap()];
    let quick =
        ["--epochs", "2", "--batch", "6", "--max-tokens", "24", "--validation", "0.25", "--encoder-rate", "1e-3"];
    [&always[..], &quick[..], more].concat()
}

fn vectors(folder: &Path, precision: Option<Precision>) -> (Precision, Vec<Embedding>) {
    let transformer = Transformer::from_folder("one", folder, DeviceChoice::Cpu, precision).unwrap();
    let texts = [
        "How do I reverse a linked list?",
        "Warum singt das Wasser im Kessel?",
        "Translate the sentence about the tree into French, and then write a function for the river.",
        "a",
    ];
    (transformer.precision(), transformer.embed(&texts).unwrap())
}

fn multiplies_bytes_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn lowest_cosine(one: &[Embedding], other: &[Embedding]) -> f32 {
    let cosine =
        |(one, other): (&Embedding, &Embedding)| one.vector.iter().zip(&other.vector).map(|(x, y)| x * y).sum();
    one.iter().zip(other).map(cosine).fold(1.0, f32::min)
}

#[test]
fn an_encoder_of_bytes_is_what_its_run_gives_as_bytes() {
    let folder = with_rows();
    let base = base();
    let kept = ["--checkpoint", "run.safetensors", "--keep-checkpoint"];
    folder.output_of(&train("halves", &base, &kept));
    let again = [&kept[..], &["--resume", "--encoder-precision", "int8"]].concat();
    folder.output_of(&train("mine", &base, &again));
    assert!(folder.path("run.safetensors").is_file(), "it was to be kept");
    folder.output_of(&train("anew", &base, &["--encoder-precision", "int8"]));
    assert_eq!(folder.read(&format!("mine/{WEIGHTS}")), folder.read(&format!("anew/{WEIGHTS}")));
    assert_eq!(folder.read("mine/weights.safetensors"), folder.read("anew/weights.safetensors"));

    let (halves, bytes) = (folder.path("halves/encoder"), folder.path("mine/encoder"));
    let (precision, of_bytes) = vectors(&bytes, Some(Precision::Int8));
    let (by_itself, unasked) = vectors(&bytes, None);
    if multiplies_bytes_fast() {
        assert_eq!((by_itself, &unasked), (precision, &of_bytes), "what the heads were fitted on");
    } else {
        assert_eq!(by_itself, Precision::F32, "bytes would be slower here");
    }
    assert_eq!(of_bytes, vectors(&halves, Some(Precision::Int8)).1, "as the halves are when they are loaded as bytes");
    let (precision, of_halves) = vectors(&halves, None);
    assert_eq!(precision, Precision::F32);
    assert_ne!(of_bytes, of_halves);
    let found = lowest_cosine(&of_bytes, &of_halves);
    assert!(found >= 0.99, "{found}");
    let whole = vectors(&bytes, Some(Precision::F32)).1;
    let found = lowest_cosine(&whole, &of_halves);
    assert!(found >= 0.999, "{found}: only the weights were rounded");
    let by_candle = Transformer::from_folder("one", &bytes, DeviceChoice::CpuByCandle, None).unwrap();
    let found = lowest_cosine(&by_candle.embed(&["a"]).unwrap(), &whole[3..]);
    assert!(found >= 0.9999, "{found}");
    let [small, large] = ["mine", "halves"].map(|name| folder.read(&format!("{name}/{WEIGHTS}")).len() as f64);
    // A row here is 32 bytes, and its scale four more; in a real encoder it is hundreds.
    assert!(small < large * 0.72, "{small} of {large}");

    let told = &folder.read_json("mine/router.json")["card"]["metrics"]["fine_tuning"];
    assert_eq!(told["encoder_precision"], "int8");
    let row: Value = serde_json::from_str(&folder.output_of(&ROUTE)).unwrap();
    assert_eq!(row["task_scores"].as_object().unwrap().len(), 2, "{row}");
    for precision in ["f32", "int8"] {
        let evaluate = ["evaluate", "--router", "mine", "--labels", "rows.jsonl", "--precision", precision];
        assert!(folder.output_of(&evaluate).contains("accuracy"));
    }
    // Trained further, it is a base like any other.
    folder.output_of(&train("further", &bytes, &[]));
}

#[test]
fn bytes_that_were_changed_are_refused_by_name() {
    let folder = with_rows();
    folder.output_of(&train("mine", &base(), &["--encoder-precision", "int8"]));
    let path = folder.path("mine").join(WEIGHTS);
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], expected: &[&str]| {
        std::fs::write(&path, bytes).unwrap();
        folder.expect_refusal(&ROUTE, expected);
    };
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    refused(&changed, &["bert-xlmr-vocabulary-tuned", "fingerprint"]);
    refused(&whole[..whole.len() - 100], &["the artifact's own encoder", "model.safetensors", "cut off or damaged"]);
    let name = b"query.weight_scale";
    let at = whole.windows(name.len()).position(|window| window == name).unwrap();
    let mut without = whole.clone();
    without[at..at + name.len()].copy_from_slice(b"query.weight_scalf");
    refused(
        &without,
        &["model.safetensors", "query.weight holds I8", "query.weight_scale must be F32", "it is missing"],
    );
}

#[test]
fn a_base_that_is_no_bert_is_refused_and_nothing_is_written() {
    let folder = with_rows();
    let copy = |name: &str, change: &dyn Fn(&Path)| -> PathBuf {
        let to = folder.path(name);
        std::fs::create_dir_all(to.join("1_Pooling")).unwrap();
        for file in ["config.json", "tokenizer.json", "model.safetensors", "modules.json", "1_Pooling/config.json"] {
            std::fs::copy(base().join(file), to.join(file)).unwrap();
        }
        change(&to);
        to
    };
    let config = |to: &Path, key: &str, value: Value| {
        let path = to.join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        std::fs::write(&path, config.to_string()).unwrap();
    };
    let cases: [(PathBuf, &[&str]); 6] = [
        (copy("gpt", &|to| config(to, "model_type", json!("gpt2"))), &["config.json", "model_type is \"gpt2\""]),
        (copy("swish", &|to| config(to, "hidden_act", json!("gelu_new"))), &["config.json", "hidden_act"]),
        (copy("wide", &|to| config(to, "hidden_size", json!(64))), &["model.safetensors", "has the shape"]),
        (copy("deep", &|to| config(to, "num_hidden_layers", json!(3))), &["encoder.layer.2", "is missing"]),
        (copy("bare", &|to| std::fs::remove_file(to.join("model.safetensors")).unwrap()), &["bare/model.safetensors"]),
        (
            copy("cut", &|to| std::fs::write(to.join("model.safetensors"), b"short").unwrap()),
            &["not a safetensors file"],
        ),
    ];
    for (base, expected) in cases {
        for precision in ["f16", "int8"] {
            folder.expect_refusal(&train("mine", &base, &["--encoder-precision", precision]), expected);
        }
    }
    folder.expect_refusal(
        &["train", "--labels", "rows.jsonl", "--out", "mine", "--encoder-precision", "int8"],
        &["--fine-tune"],
    );
}

/// A limit on the size of files stands in for a disk that is full: the write fails in the middle.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_said_and_nothing_is_left_half_written() {
    let folder = with_rows();
    let base = base();
    folder.output_of(&["train", "--labels", "rows.jsonl", "--out", "mine"]);
    let before = (folder.names(), folder.read("mine/router.json"));
    let binary = assert_cmd::cargo::cargo_bin!("semroute");
    // Without the trap the first byte too many would end the process, which no full disk does. Bash counts in 1,024 bytes.
    let cases = [
        (8, "encoder/tokenizer.json", "int8"),
        (16, "encoder/model.safetensors", "int8"),
        (70, "weights.safetensors", "int8"),
        (16, "run.safetensors", "f16"),
    ];
    for (kibibytes, named, precision) in cases {
        let mut arguments = train("mine", &base, &["--encoder-precision", precision]);
        if named == "run.safetensors" {
            arguments.extend(["--checkpoint", named]);
        }
        let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("bash");
        command.current_dir(folder.path("")).args(["-c", &script]).arg(binary).args(&arguments);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(named), "{named}: {said}");
        assert!(said.contains("File too large") && !said.contains("panicked"), "{said}");
        assert_eq!((folder.names(), folder.read("mine/router.json")), before, "{said}");
        assert!(!folder.path("mine/encoder").exists());
    }
}
