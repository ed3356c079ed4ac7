//! `POST /v1/embeddings` through the real router: the vectors of its own embedders, and those that a provider is asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
#[path = "common/tiny_bert.rs"]
mod tiny_bert;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::router::{TestRouter, error_of, header, model_at};
use common::upstream::{Reply, Upstream};
use common::{deserted_base_url, soon};
use reqwest::Response;
use semroute::embedder::{DeviceChoice, Embedder, Precision, Transformer, builtin};
use semroute::store::Outcome;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiny_bert::TinyBert;

const TEXTS: [&str; 3] = [
    "The cat sleeps on the sofa.",
    "A kitten is napping on the couch.",
    "Quarterly revenue rose by four percent in Europe.",
];

async fn router() -> TestRouter {
    TestRouter::start(&model_at("m", &deserted_base_url(), 1.0, "")).await
}

async fn ask(router: &TestRouter, body: Value) -> Response {
    soon("the router answers", router.post("/v1/embeddings").json(&body).send()).await.unwrap()
}

async fn answer(router: &TestRouter, body: Value) -> Value {
    let response = ask(router, body).await;
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn vectors(answer: &Value) -> Vec<Vec<f32>> {
    let read = |listed: &Value| serde_json::from_value(listed["embedding"].clone()).unwrap();
    answer["data"].as_array().unwrap().iter().map(read).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn the_vectors_are_those_of_the_library_in_either_encoding() {
    let router = router().await;
    let expected: Vec<Vec<f32>> =
        builtin().unwrap().embed(&TEXTS).unwrap().into_iter().map(|embedding| embedding.vector).collect();
    for model in ["semroute/builtin", "auto"] {
        let list = answer(&router, json!({"model": model, "input": TEXTS, "user": "u"})).await;
        assert_eq!((&list["object"], &list["model"]), (&json!("list"), &json!("semroute/builtin")));
        for (index, listed) in list["data"].as_array().unwrap().iter().enumerate() {
            assert_eq!((&listed["object"], &listed["index"]), (&json!("embedding"), &json!(index)));
        }
        assert_eq!(vectors(&list), expected, "{model}");
        assert_eq!(list["usage"]["prompt_tokens"], list["usage"]["total_tokens"]);
        assert!((15..60).contains(&list["usage"]["prompt_tokens"].as_u64().unwrap()), "{}", list["usage"]);
    }
    let body = json!({"model": "semroute/builtin", "input": TEXTS[1], "encoding_format": "base64"});
    let response = ask(&router, body).await;
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "x-semroute-model"), "semroute/builtin");
    let list: Value = response.json().await.unwrap();
    let bytes = STANDARD.decode(list["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let decoded: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(decoded, expected[1]);
}

#[tokio::test]
async fn the_python_package_gets_numbers_where_others_get_base64() {
    let provider_answer =
        json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": "AAAAPw=="}]});
    let upstream = Upstream::always(200, provider_answer.clone()).await;
    let router = TestRouter::start(&embedding_model(upstream.base_url(), "")).await;
    let ask_as = async |language: &str, model: &str| -> Value {
        let body = json!({"model": model, "input": TEXTS[1], "encoding_format": "base64"});
        let asking = router.post("/v1/embeddings").header("x-stainless-lang", language).json(&body);
        soon("the router answers", asking.send()).await.unwrap().json().await.unwrap()
    };
    let numbers = ask_as("python", "semroute/builtin").await;
    assert_eq!(vectors(&numbers), [builtin().unwrap().embed(&TEXTS[1..2]).unwrap().remove(0).vector]);
    let text = ask_as("js", "semroute/builtin").await;
    let bytes = STANDARD.decode(text["data"][0]["embedding"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 256 * 4);
    assert_eq!(ask_as("python", "embed").await, provider_answer, "a provider decides for itself");
    assert_eq!(upstream.received().remove(0).json()["encoding_format"], "base64");
}

#[tokio::test]
async fn likeness_of_meaning_is_nearness_and_survives_fewer_dimensions() {
    let router = router().await;
    for dimensions in [Value::Null, json!(64), json!(1)] {
        let list =
            answer(&router, json!({"model": "semroute/builtin", "input": TEXTS, "dimensions": dimensions})).await;
        let vectors = vectors(&list);
        assert_eq!(vectors[0].len() as u64, dimensions.as_u64().unwrap_or(256));
        for vector in &vectors {
            assert!((dot(vector, vector) - 1.0).abs() < 1e-5, "unit length at {dimensions}");
        }
        if dimensions != 1 {
            let (near, far) = (dot(&vectors[0], &vectors[1]), dot(&vectors[0], &vectors[2]));
            assert!(near > far + 0.2, "{near} and {far} at {dimensions}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused_by_the_name_of_its_field() {
    let router = router().await;
    let own = |more: Value| {
        let mut body = json!({"model": "semroute/builtin", "input": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, status, param, says) in [
        (json!({"input": "x"}), 400, "model", "missing"),
        (json!({"model": "semroute/builtin"}), 400, "input", "missing"),
        (json!({"model": "text-embedding-3-small", "input": "x"}), 404, "model", "does not exist"),
        (own(json!({"input": ""})), 400, "input", "is empty"),
        (own(json!({"input": ["a", ""]})), 400, "input[1]", "is empty"),
        (own(json!({"input": []})), 400, "input", "holds 0 inputs"),
        (own(json!({"input": vec!["a"; 2049]})), 400, "input", "holds 2049 inputs; give 1 to 2048"),
        (own(json!({"input": ["a", "b".repeat(65537)]})), 400, "input[1]", "cut it into pieces"),
        (own(json!({"input": ["a", 7]})), 400, "input[1]", "invalid type"),
        (own(json!({"input": {"a": 1}})), 400, "input", "invalid type"),
        (own(json!({"input": [1, 2, 3]})), 400, "input", "send the texts themselves"),
        (own(json!({"input": [[1, 2], [3]]})), 400, "input", "send the texts themselves"),
        (own(json!({"input": [-1]})), 400, "input[0]", "invalid value"),
        (own(json!({"dimensions": 257})), 400, "dimensions", "more than the 256"),
        (own(json!({"dimensions": 0})), 400, "dimensions", "give 1 or more"),
        (own(json!({"encoding_format": "hex"})), 400, "encoding_format", "unknown variant"),
    ] {
        let response = ask(&router, body.clone()).await;
        assert_eq!(response.status(), status, "{body:.100}");
        let error = error_of(response).await;
        assert_eq!(error["param"], param, "{error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
    let most = answer(&router, own(json!({"input": vec!["a"; 2048]}))).await;
    assert_eq!(most["data"].as_array().unwrap().len(), 2048);
}

#[tokio::test]
async fn the_embedders_are_listed_among_the_models() {
    let router = router().await;
    let one: Value = router.get("/v1/models/semroute/builtin").send().await.unwrap().json().await.unwrap();
    assert_eq!((&one["id"], &one["owned_by"]), (&json!("semroute/builtin"), &json!("semroute")));
}

#[tokio::test]
async fn an_unknown_model_is_what_the_configuration_makes_of_it() {
    let config = format!("[router]\nunknown_model = \"auto\"\n{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let list = answer(&router, json!({"model": "text-embedding-3-small", "input": "x"})).await;
    assert_eq!(list["model"], "semroute/builtin");
}

/// Trains a router on a tiny transformer of this folder, with the real binary.
fn train(folder: &TempDir, tiny: &TinyBert) -> String {
    let rows =
        [("translate the word", "translation"), ("write a python function", "code"), ("solve the equation", "math")];
    let row = |at: usize| {
        let ((prompt, task), complexity) = (rows[at % 3], ["low", "high"][at % 2]);
        json!({"prompt": format!("{prompt} {at}"), "task": task, "complexity": complexity}).to_string()
    };
    let labels = folder.path().join("labels.jsonl");
    std::fs::write(&labels, (0..12).map(row).collect::<Vec<_>>().join("\n")).unwrap();
    let out = folder.path().join("router");
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("semroute");
    command.current_dir(folder.path()).args(["train", "--labels"]).arg(labels);
    command.arg("--embedder").arg(tiny.path()).arg("--out").arg(&out).assert().success();
    out.display().to_string()
}

#[tokio::test]
async fn the_routers_transformer_gives_vectors_too_and_says_what_it_did_not_read() {
    let (folder, tiny) = (TempDir::new().unwrap(), TinyBert::new(1));
    let artifact = train(&folder, &tiny);
    let config = format!("[router]\nartifact = {artifact:?}\n{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let name = format!("semroute/{}", tiny.path().file_name().unwrap().to_str().unwrap());
    let mut texts: Vec<String> = (0..40).map(|at| format!("write a loop in rust {}", "list ".repeat(at % 3))).collect();
    texts.push("the river ".repeat(40));
    let response = ask(&router, json!({"model": name, "input": texts})).await;
    assert_eq!(header(&response, "x-semroute-truncated"), "1");
    let list: Value = response.json().await.unwrap();
    assert_eq!(list["model"], name);
    let transformer = Transformer::from_folder("tiny", tiny.path(), DeviceChoice::Cpu, Precision::F32).unwrap();
    for (text, vector) in texts.iter().zip(vectors(&list)) {
        let expected = transformer.embed(&[text]).unwrap().remove(0).vector;
        assert!(dot(&vector, &expected) > 0.9999, "{text}");
    }
}

fn embeddings() -> Value {
    json!({
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
        "model": "served",
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    })
}

fn embedding_model(base_url: &str, more: &str) -> String {
    model_at("embed", base_url, 2.0, more).replace("[\"tools\", \"vision\", \"json\"]", "[\"embeddings\"]")
}

#[tokio::test]
async fn a_configured_model_is_asked_at_its_provider_and_paid_for() {
    let folder = TempDir::new().unwrap();
    let store =
        format!("[store]\nurl = \"sqlite://{}\"\n[budget]\nday_usd = 0.003\n", folder.path().join("a.db").display());
    let upstream = Upstream::always(200, embeddings()).await;
    let config = store
        + &embedding_model(upstream.base_url(), "api_key_env = \"PROVIDER_KEY\"")
        + "settings = { input_type = \"query\" }\n";
    let router = TestRouter::start(&config).await;
    let body =
        json!({"model": "embed", "input": [[1, 2], [3]], "dimensions": 2, "encoding_format": "float", "x_unknown": 1});
    let response = ask(&router, body).await;
    assert_eq!(header(&response, "x-semroute-model"), "embed");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.002000000");
    assert_eq!(response.json::<Value>().await.unwrap(), embeddings(), "as it came");
    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/embeddings");
    assert_eq!(received.headers["authorization"], "Bearer sk-provider-secret");
    let sent = json!({"model": "upstream-embed", "input": [[1, 2], [3]], "dimensions": 2, "encoding_format": "float", "x_unknown": 1, "input_type": "query"});
    assert_eq!(received.json(), sent);
    let row = router.remembers(1).await.remove(0);
    assert_eq!((row.outcome, row.model.as_deref(), row.input_tokens), (Outcome::Answered, Some("embed"), Some(1000)));
    assert!((row.counted_usd.unwrap() - 0.002).abs() < 1e-12);
    let metrics = router.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        // Other tests of this process may have paid for the same model.
        metrics.contains("semroute_answer_cost_usd_sum{provider=\"embed-provider\",model=\"embed\"} 0.00"),
        "{metrics}"
    );
    // 0.001 USD are left of the budget, and ten thousand words take more.
    let response = ask(&router, json!({"model": "embed", "input": "word ".repeat(10_000)})).await;
    assert_eq!((response.status().as_u16(), upstream.calls()), (402, 1));
}

#[tokio::test]
async fn no_other_model_answers_for_one_that_fails() {
    let other = Upstream::always(200, embeddings()).await;
    let refusal =
        json!({"error": {"message": "too long", "type": "invalid_request_error", "param": "input", "code": null}});
    let mut replies = vec![Reply::Json(400, refusal.clone()), Reply::Json(500, json!({}))];
    let upstream = Upstream::start(move |_| replies.pop().unwrap()).await;
    let config = embedding_model(upstream.base_url(), "")
        + "fallbacks = [\"other\"]\n"
        + &model_at("other", other.base_url(), 1.0, "");
    let router = TestRouter::start(&config).await;
    let response = ask(&router, json!({"model": "embed", "input": "x"})).await;
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-attempts").as_str()), (502, "1"));
    let response = ask(&router, json!({"model": "embed", "input": "x"})).await;
    assert_eq!(response.status(), 400);
    assert_eq!(error_of(response).await, refusal["error"]);
    assert_eq!(other.calls(), 0);
}

#[tokio::test]
async fn a_kind_of_provider_without_embeddings_is_named() {
    let upstream = Upstream::always(200, json!({})).await;
    let router = TestRouter::start(&model_at("claude", upstream.base_url(), 1.0, "kind = \"anthropic\"")).await;
    let response = ask(&router, json!({"model": "claude", "input": "x"})).await;
    assert_eq!(response.status(), 400);
    let error = error_of(response).await;
    assert!(error["param"] == "model" && error["message"].as_str().unwrap().contains("claude-provider"), "{error}");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn rules_keep_texts_from_models_here_too() {
    let upstream = Upstream::always(200, embeddings()).await;
    let rules = "[[rules]]\nname = \"post stays here\"\npersonal_data = [\"email\"]\nmodels = [\"local\"]\n";
    let config = format!(
        "{rules}{}{}",
        embedding_model(upstream.base_url(), ""),
        model_at("local", upstream.base_url(), 0.0, "")
    );
    let router = TestRouter::start(&config).await;
    let personal = ["hello", "write to jane.doe@example.com"];
    for (model, input, status) in [
        ("embed", json!(personal), 403),
        ("embed", json!([[1, 2]]), 400),
        ("embed", json!("hello"), 200),
        ("local", json!(personal), 200),
        ("semroute/builtin", json!(personal), 200),
    ] {
        let response = ask(&router, json!({"model": model, "input": input})).await;
        assert_eq!(response.status(), status, "{model}: {input}");
    }
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn a_model_that_only_embeds_is_chosen_for_no_answer() {
    let upstream = Upstream::always(200, common::completion("Hi")).await;
    let config = embedding_model(&deserted_base_url(), "") + &model_at("dear", upstream.base_url(), 100.0, "");
    let router = TestRouter::start(&config).await;
    let response = router.ask("auto:cheapest").await;
    assert_eq!(
        (header(&response, "x-semroute-model").as_str(), header(&response, "x-semroute-attempts").as_str()),
        ("dear", "1")
    );
    let alone = TestRouter::start(&embedding_model(&deserted_base_url(), "")).await;
    let response = alone.ask("auto").await;
    assert_eq!(response.status(), 400);
    let message = error_of(response).await["message"].as_str().unwrap().to_owned();
    assert!(message.contains("meets a model that answers: embed gives embeddings alone"), "{message}");
}
