//! `semroute train`, through the real binary: small files to an artifact that routes, and what is refused and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, complexity_rows, task_rows};
use serde_json::{Value, json};

fn with_tasks() -> Folder {
    let folder = Folder::new();
    folder.write_rows("tasks.jsonl", &task_rows());
    folder
}

fn bytes_of(folder: &Folder, artifact: &str) -> [Vec<u8>; 2] {
    ["router.json", "weights.safetensors"].map(|file| folder.read(&format!("{artifact}/{file}")))
}

fn route(folder: &Folder, artifact: &str, prompt: &str) -> Value {
    serde_json::from_str(&folder.output_of(&["route", prompt, "--json", "--router", artifact])).unwrap()
}

#[test]
fn labels_become_an_artifact_that_routes() {
    let folder = with_tasks();
    let said = folder.output_of(&["train", "--labels", "tasks.jsonl", "--out", "mine"]);
    assert!(said.contains("wrote mine") && said.contains("24 rows") && said.contains("inherited"), "{said}");
    assert_eq!(folder.names().into_iter().collect::<Vec<_>>(), ["mine", "tasks.jsonl"]);
    let row = route(&folder, "mine", "Translate windows into French");
    assert_eq!(row["task"], "translation");
    assert_eq!(row["task_scores"].as_object().unwrap().len(), 2);
    assert!(row["artifact"].as_str().unwrap().starts_with("mine@"), "{row}");
    assert_eq!(route(&folder, "mine", "Debug this windows program please")["task"], "code");
    let card = folder.read_json("mine/router.json")["card"].clone();
    let input = &card["inputs"][0];
    assert_eq!((&input["file"], &input["rows"], &input["kind"]), (&json!("tasks.jsonl"), &json!(24), &json!("labels")));
    assert_eq!(input["blake3"], blake3::hash(&folder.read("tasks.jsonl")).to_hex().as_str());
    assert_eq!(card["seed"], 1);
}

#[test]
fn the_same_rows_and_seed_give_the_same_bytes() {
    let folder = with_tasks();
    let train = |out: &str, more: &[&str]| {
        folder.output_of(&[&["train", "--labels", "tasks.jsonl", "--out", out], more].concat());
        bytes_of(&folder, out)
    };
    let first = train("first/same", &["--seed", "5"]);
    assert_eq!(first, train("second/same", &["--seed", "5"]));
    let other = train("third/same", &["--seed", "6"]);
    assert_ne!(first, other, "the seed stands on the card at least");
    assert_eq!(route(&folder, "third/same", "Translate windows into French")["task"], "translation");
    std::fs::create_dir(folder.path("fourth")).unwrap();
    let arguments = ["train-centroids", "--labels", "tasks.jsonl", "--out", "fourth/same", "--seed", "5"];
    folder.output_of(&arguments);
    assert_eq!(first, bytes_of(&folder, "fourth/same"), "train-centroids is train --method centroid");
}

#[test]
fn an_artifact_is_replaced_as_a_whole_and_other_files_beside_it_stay() {
    let folder = with_tasks();
    folder.output_of(&["train", "--labels", "tasks.jsonl", "--out", "mine"]);
    let old = bytes_of(&folder, "mine");
    folder.write("mine/README.md", "my card");
    folder.output_of(&["train", "--labels", "tasks.jsonl", "--out", "mine", "--seed", "2"]);
    assert_eq!(folder.read("mine/README.md"), b"my card");
    assert_eq!(folder.read_json("mine/router.json")["card"]["seed"], 2);
    assert_ne!(old[0], bytes_of(&folder, "mine")[0]);
    assert_eq!(std::fs::read_dir(folder.path("mine")).unwrap().count(), 3);
    assert_eq!(folder.names().len(), 2, "the old one is gone: {:?}", folder.names());
}

#[test]
fn rows_with_complexity_alone_inherit_the_tasks() {
    let folder = Folder::new();
    folder.write_rows("complexity.jsonl", &complexity_rows("low", "high"));
    folder.output_of(&["train", "--labels", "complexity.jsonl", "--out", "mine"]);
    let row = route(&folder, "mine", "Debug this windows program please");
    assert_eq!(row["complexity"], "high");
    assert_eq!(row["complexity_score"].as_f64().map(|score| score > 0.5), Some(true));
    assert_eq!(row["task_scores"].as_object().unwrap().len(), 14);
    let manifest = folder.read_json("mine/router.json");
    assert!(manifest["task"]["origin"].as_str().unwrap().starts_with("router@"), "{}", manifest["task"]["origin"]);
    assert_eq!(manifest["complexity"]["labels"], json!(["low", "high"]));
}

#[test]
fn complexities_of_the_users_own_need_their_order() {
    let folder = Folder::new();
    folder.write_rows("own.jsonl", &complexity_rows("tier-1", "tier-2"));
    let train = ["train", "--labels", "own.jsonl", "--out", "mine"];
    folder.expect_refusal(&train, &["tier-1", "tier-2", "--complexity-order"]);
    let refused = |order: &str, expected: &[&str]| {
        folder.expect_refusal(&[&train[..], &["--complexity-order", order]].concat(), expected);
    };
    refused("tier-1", &["\"tier-2\"", "own.jsonl:3: ", "--complexity-order"]);
    refused("tier-1,tier-2,tier-3", &["--complexity-order names \"tier-3\"", "no row has"]);
    folder.output_of(&[&train[..], &["--complexity-order", "tier-2,tier-1"]].concat());
    let row = route(&folder, "mine", "Debug this windows program please");
    assert_eq!(row["complexity"], "tier-2");
    assert!(row["complexity_score"].as_f64().unwrap() < 0.5, "tier-2 was said to be the easier one: {row}");
    folder.write_rows("tasks.jsonl", &task_rows());
    let without = ["train", "--labels", "tasks.jsonl", "--out", "mine", "--complexity-order", "a,b"];
    folder.expect_refusal(&without, &["--complexity-order names \"a\"", "no row has"]);
}

#[test]
fn any_field_can_hold_the_label() {
    let folder = Folder::new();
    let mut rows = task_rows();
    for row in &mut rows {
        let intent = if row["task"] == "code" { json!(17) } else { json!("abroad") };
        row["intent"] = intent;
        row["task"] = json!("the same everywhere");
    }
    folder.write_rows("rows.jsonl", &rows);
    let train = ["train", "--labels", "rows.jsonl", "--out", "mine"];
    folder.expect_refusal(&train, &["the same everywhere", "at least two"]);
    folder.output_of(&[&train[..], &["--label-field", "intent"]].concat());
    assert_eq!(route(&folder, "mine", "Translate windows into French")["task"], "abroad");
    assert_eq!(route(&folder, "mine", "Debug this windows program please")["task"], "17");
    folder.expect_refusal(&[&train[..], &["--label-field", "absent"]].concat(), &["rows.jsonl:1: ", "\"absent\""]);
}

#[test]
fn a_field_that_no_row_has_is_not_taken_for_a_wish_to_do_without() {
    let folder = Folder::new();
    folder.write_rows("complexity.jsonl", &complexity_rows("low", "high"));
    let train = ["train", "--labels", "complexity.jsonl", "--out", "mine", "--label-field", "intent"];
    folder.expect_refusal(&train, &["--label-field intent"]);
}

#[test]
fn outcomes_alone_inherit_both_heads_and_predict_quality() {
    let folder = Folder::new();
    let rows: Vec<Value> = task_rows()
        .iter()
        .map(|row| {
            let coder = row["task"] == "code";
            json!({"id": row["id"], "prompt": row["prompt"], "scores": {"coder": coder, "steady": 0.6, "never": null}})
        })
        .collect();
    folder.write_rows("outcomes.jsonl", &rows);
    let said = folder.output_of(&["train", "--outcomes", "outcomes.jsonl", "--out", "mine"]);
    assert!(said.contains("coder: mean quality 0.500 over 24 rows"), "{said}");
    let on = |prompt: &str| route(&folder, "mine", prompt)["predicted_quality"].clone();
    let code = on("Write a Python function for windows");
    assert_eq!(code.as_object().unwrap().keys().collect::<Vec<_>>(), ["coder", "steady"]);
    assert!((code["steady"].as_f64().unwrap() - 0.6).abs() < 1e-6, "{code}");
    let translation = on("Translate windows into French");
    assert!(code["coder"].as_f64() > translation["coder"].as_f64(), "{code} {translation}");
    let manifest = folder.read_json("mine/router.json");
    for head in ["task", "complexity"] {
        assert!(manifest[head]["origin"].as_str().unwrap().starts_with("router@"), "{head}");
    }
}

#[test]
fn prompts_are_kept_only_when_asked() {
    let folder = with_tasks();
    let train = ["train", "--labels", "tasks.jsonl", "--out", "mine"];
    let prompts: Vec<String> = task_rows().iter().map(|row| row["prompt"].as_str().unwrap().to_owned()).collect();
    let kept = |folder: &Folder| {
        let files: Vec<String> =
            bytes_of(folder, "mine").iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        prompts.iter().filter(|prompt| files.iter().any(|file| file.contains(prompt.as_str()))).count()
    };
    folder.output_of(&train);
    assert_eq!(kept(&folder), 0);
    let explain = ["route", "Translate apples into French", "--router", "mine", "--explain"];
    let without = folder.output_of(&explain);
    assert!(without.contains("row-0 ") && !without.contains("\"Translate apples"), "{without}");
    folder.output_of(&[&train[..], &["--keep-examples"]].concat());
    assert_eq!(kept(&folder), prompts.len());
    let with = folder.output_of(&explain);
    assert!(with.contains("row-0 ") && with.contains("\"Translate apples into French\""), "{with}");
}

#[test]
fn conversations_can_be_labelled() {
    let folder = Folder::new();
    let mut rows = task_rows();
    for row in &mut rows {
        let prompt = row["prompt"].take();
        row.as_object_mut().unwrap().remove("prompt");
        row["messages"] = json!([{"role": "system", "content": "Be brief"}, {"role": "user", "content": prompt}]);
    }
    folder.write_rows("rows.jsonl", &rows);
    folder.write_rows("tasks.jsonl", &task_rows());
    folder.output_of(&["train", "--labels", "rows.jsonl", "--out", "mine"]);
    folder.output_of(&["train", "--labels", "tasks.jsonl", "--out", "plain"]);
    assert_eq!(bytes_of(&folder, "mine")[1], bytes_of(&folder, "plain")[1], "only the user's words are learnt from");
    rows[3]["messages"] = json!([{"role": "assistant", "content": "Hello"}]);
    folder.write_rows("rows.jsonl", &rows);
    let train = ["train", "--labels", "tasks.jsonl", "rows.jsonl", "--out", "other"];
    folder.expect_refusal(&train, &["rows.jsonl:4: ", "no user message"]);
}

#[test]
fn rows_that_cannot_be_learnt_from_are_named() {
    let folder = Folder::new();
    let code = json!({"id": "a", "prompt": "Debug this", "task": "code"});
    let maths = json!({"id": "the lone one", "prompt": "What is 2 + 2", "task": "math"});
    let cases: [(Vec<Value>, &[&str]); 7] = [
        (vec![code.clone(), code.clone()], &["\"code\"", "at least two different labels"]),
        (vec![code.clone(), code.clone(), maths], &["\"math\"", "one row only", "labels.jsonl:3"]),
        (vec![code.clone(), json!({"prompt": "x"})], &["labels.jsonl:2: ", "no label", "\"task\"", "\"complexity\""]),
        (vec![code.clone(), json!({"task": "code"})], &["labels.jsonl:2: ", "neither \"prompt\" nor \"messages\""]),
        (
            vec![json!({"prompt": "x", "task": ["code"]})],
            &["labels.jsonl:1: ", "\"task\" must be a string or a number, found a list"],
        ),
        (vec![json!({"prompt": "x", "task": " "})], &["labels.jsonl:1: ", "\"task\" is empty"]),
        (
            vec![json!({"prompt": "x", "task": "code", "complexity": false})],
            &["labels.jsonl:1: ", "\"complexity\" must be"],
        ),
    ];
    for (rows, expected) in cases {
        folder.write_rows("labels.jsonl", &rows);
        folder.expect_refusal(&["train", "--labels", "labels.jsonl", "--out", "mine"], expected);
    }
}

#[test]
fn contradictory_duplicates_are_learnt_from_and_named() {
    let folder = Folder::new();
    let mut rows = task_rows();
    rows.push(json!({"id": "again", "prompt": rows[2]["prompt"], "task": "translation"}));
    folder.write_rows("labels.jsonl", &rows);
    let train = ["train", "--labels", "labels.jsonl", "--method", "head", "--out", "mine"];
    let output = folder.semroute(&train).assert().success();
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    let expected = "labels.jsonl:3 says task \"code\" and labels.jsonl:25 says \"translation\"";
    assert!(said.contains("1 row(s) label the same prompt differently") && said.contains(expected), "{said}");
}

/// What is wanted of the router is measured on rows of one's own; rows from elsewhere only widen what it knows.
#[test]
fn extra_labels_are_learnt_from_and_never_measured_or_remembered() {
    let folder = with_tasks();
    let extra: Vec<Value> = (0..12)
        .map(|at| {
            json!({"id": format!("extra{at}"), "prompt": format!("Convertir la fenêtre {at} en anglais"), "task": "translation"})
        })
        .collect();
    folder.write_rows("extra.jsonl", &extra);
    let train = |out: &str, more: &[&str]| {
        folder.output_of(&[&["train", "--labels", "tasks.jsonl", "--method", "head", "--out", out][..], more].concat());
        folder.read_json(&format!("{out}/router.json"))
    };
    let own = train("own", &[]);
    let with_extra = train("mine", &["--extra-labels", "extra.jsonl"]);
    let inputs: Vec<(&str, u64)> = with_extra["card"]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| (input["kind"].as_str().unwrap(), input["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(inputs, [("labels", 24), ("extra labels", 12)]);
    assert_eq!(with_extra["examples"]["ids"], own["examples"]["ids"], "neighbours to explain by are one's own");
    let folds = |manifest: &Value| manifest["card"]["metrics"]["task"]["rows_measured"].clone();
    assert_eq!((folds(&with_extra), folds(&own)), (json!(24), json!(24)));
    let sure = |artifact: &str| {
        let row = route(&folder, artifact, "Convertir la porte en anglais");
        row["task_scores"]["translation"].as_f64().unwrap()
    };
    assert!(sure("mine") > sure("own"), "{} and {}", sure("mine"), sure("own"));
}

#[test]
fn extra_labels_that_no_row_of_ones_own_has_are_named_and_repeated_prompts_left_out() {
    let folder = with_tasks();
    let train = ["train", "--labels", "tasks.jsonl", "--extra-labels", "extra.jsonl", "--out", "mine"];
    let known = task_rows().swap_remove(2);
    folder.write_rows("extra.jsonl", &[known, json!({"prompt": "Debug this", "task": "code"})]);
    let output = folder.semroute(&train).assert().success();
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("1 row(s) of --extra-labels repeat a prompt of --labels"), "{said}");
    assert_eq!(folder.read_json("mine/router.json")["card"]["metrics"]["task"]["rows"], 25);
    std::fs::remove_dir_all(folder.path("mine")).unwrap();
    folder.write_rows(
        "extra.jsonl",
        &[json!({"prompt": "Debug this", "task": "code"}), json!({"prompt": "Ode to the sea", "task": "poetry"})],
    );
    folder.expect_refusal(&train, &["--extra-labels extra.jsonl:2", "task \"poetry\"", "--labels"]);
    folder.write_rows("extra.jsonl", &[json!({"prompt": "Debug this", "complexity": "low"})]);
    folder.expect_refusal(&train, &["extra.jsonl:1", "complexity \"low\""]);
    folder.expect_refusal(&["train", "--extra-labels", "extra.jsonl", "--out", "mine"], &["--labels"]);
}

/// As an id that was taken for a label would be.
#[test]
fn ten_thousand_labels_are_refused() {
    let folder = Folder::new();
    let row = |at| json!({"prompt": format!("thing number {at}"), "task": format!("thing {}", at % 10_000)});
    folder.write_rows("labels.jsonl", &(0..20_000).map(row).collect::<Vec<Value>>());
    let train = ["train", "--labels", "labels.jsonl", "--out", "mine"];
    folder.expect_refusal(&train, &["10000 different task labels", "at most 1000 can be told apart"]);
}

#[test]
fn scores_that_are_no_qualities_are_named() {
    let folder = Folder::new();
    let cases = [
        ("{\"m\": 1.2}", "\"scores.m\" must be a number between 0 and 1, found 1.2"),
        ("{\"m\": -0.1}", "\"scores.m\""),
        ("{\"m\": \"good\"}", "\"scores.m\""),
        ("{\"m\": NaN}", "not valid JSON"),
        ("{\"m\": 1e999}", "not valid JSON"),
        ("{}", "\"scores\" is missing or empty"),
        ("{\"m\": null}", "\"scores\" is missing or empty"),
        ("[0.5]", "\"scores\" must be an object, found a list"),
    ];
    for (scores, expected) in cases {
        let fine = "{\"prompt\": \"Hello\", \"scores\": {\"m\": 0.5}}";
        folder.write("outcomes.jsonl", format!("{fine}\n{{\"prompt\": \"Hello\", \"scores\": {scores}}}\n"));
        folder.expect_refusal(
            &["train", "--outcomes", "outcomes.jsonl", "--out", "mine"],
            &["outcomes.jsonl:2: ", expected],
        );
    }
}

#[test]
fn one_id_with_two_scores_is_named_by_both_lines() {
    let folder = Folder::new();
    let row = |id: &str, model: &str, score: f64| json!({"id": id, "prompt": "Hello", "scores": {model: score}});
    let train = ["train", "--outcomes", "outcomes.jsonl", "--out", "mine"];
    folder.write_rows("outcomes.jsonl", &[row("a", "m", 0.5), row("b", "m", 1.0), row("a", "m", 0.7)]);
    folder.expect_refusal(&train, &["outcomes.jsonl:3: ", "\"scores.m\" is 0.7", "line 1 gives 0.5", "\"a\""]);
    folder.write_rows("outcomes.jsonl", &[row("a", "m", 0.5), row("a", "n", 1.0), row("a", "m", 0.5)]);
    folder.output_of(&train);
}

#[test]
fn costs_below_nothing_are_named() {
    let folder = Folder::new();
    folder.write_rows("outcomes.jsonl", &[json!({"prompt": "Hello", "scores": {"m": 1}, "cost_usd": {"m": -0.1}})]);
    let train = ["train", "--outcomes", "outcomes.jsonl", "--out", "mine"];
    folder.expect_refusal(&train, &["outcomes.jsonl:1: ", "\"cost_usd.m\"", "zero or more", "-0.1"]);
}

#[test]
fn a_model_with_outcomes_that_no_configuration_names_is_predicted_and_said() {
    let folder = Folder::new();
    let rows =
        ["Hello", "Write a loop", "What is 2 + 2"].map(|prompt| json!({"prompt": prompt, "scores": {"lost": 0.5}}));
    folder.write_rows("outcomes.jsonl", &rows);
    folder.output_of(&["train", "--outcomes", "outcomes.jsonl", "--out", "mine"]);
    folder.write(
        "semroute.toml",
        "[router]\nartifact = \"mine\"\n\
         [[providers]]\nname = \"p\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
         [[models]]\nname = \"found\"\nprovider = \"p\"\nquality = { default = 0.4 }\n",
    );
    let output = folder.semroute(&["route", "Hello there", "--json", "--config", "semroute.toml"]).assert().success();
    let row: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(row["model"], "found");
    assert!(row["predicted_quality"]["lost"].is_f64() && row["predicted_quality"]["found"].is_f64(), "{row}");
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("lost") && said.contains("no [[models]] entry"), "{said}");
}

#[test]
fn what_stands_at_the_destination_is_never_lost() {
    let folder = with_tasks();
    std::fs::create_dir(folder.path("letters")).unwrap();
    folder.write("letters/dear.txt", "mother");
    for out in ["letters", "tasks.jsonl"] {
        folder.expect_refusal(
            &["train", "--labels", "tasks.jsonl", "--out", out],
            &["--out", out, "not a semroute artifact"],
        );
    }
    assert_eq!(folder.read("letters/dear.txt"), b"mother");
    assert_eq!(folder.read_rows("tasks.jsonl").len(), 24);
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.output_of(&["train", "--labels", "tasks.jsonl", "--out", "empty"]);
    assert_eq!(route(&folder, "empty", "Debug this windows program please")["task"], "code");
}

#[test]
fn wrong_use_is_refused_by_name() {
    let folder = with_tasks();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["train", "--out", "mine"], &["--labels", "--outcomes"]),
        (&["train", "--labels", "tasks.jsonl"], &["--out"]),
        (&["train", "--labels", "absent.jsonl", "--out", "mine"], &["absent.jsonl", "No such file"]),
        (&["train", "--outcomes", "absent.jsonl", "--out", "mine"], &["absent.jsonl", "No such file"]),
        (&["train", "--labels", "tasks.jsonl", "--out", "mine", "--seed", "one"], &["--seed"]),
        (&["train", "--labels", "tasks.jsonl", "--out", "mine", "--embedder", "./absent"], &["absent"]),
    ];
    for (arguments, expected) in cases {
        folder.expect_refusal(arguments, expected);
    }
}
