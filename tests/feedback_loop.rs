//! The whole way, with the real binary: serve, answer, hear what was wrong, export it, train on it, serve again: and then prompts of that kind,
//! which nobody has seen, are decided otherwise, and others are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;
mod common;

use command_line::{Folder, root};
use common::binary::Binary;
use common::router::model_at;
use common::upstream::Upstream;
use common::{completion, soon};
use reqwest::Client;
use serde_json::{Value, json};

/// What a team asks about its spreadsheets. Nobody told the router that those are work for a model that writes code.
const SPREADSHEETS: [&str; 14] = [
    "Column B has the invoice dates as text like 03.11.24; how do I get real dates in column C?",
    "I want the total per region from the sales tab, but only for rows where the status cell says shipped",
    "VLOOKUP gives #N/A for half my part numbers although they are on the other sheet",
    "highlight every row of the roster where the contract ends within thirty days",
    "The pivot shows 'blank' as its own customer. Can it leave those out?",
    "split full names in A2:A400 into first and last name, some have two first names",
    "Count how many different suppliers appear in F without counting any of them twice",
    "my running balance in column G breaks whenever I sort the sheet by date",
    "Which cells in D still hold last year's rate of 19.5 and how do I swap them all at once",
    "Need a dropdown in the status cells whose choices come from the list on the Settings tab",
    "for every order line pull the newest price before the order date from the price tab",
    "Sheets says circular dependency in H7 but I only refer to the sum above it",
    "turn the table of shifts with one column per day into one row per person and day",
    "Average of the last seven filled cells in column M, it grows each morning",
];
/// Of the same kind, and said to nobody.
const MORE_SPREADSHEETS: [&str; 3] = [
    "Sum the hours in column E for the rows where column B says night shift",
    "mark the cells in column K whose date is older than the one in column J",
    "The total in C40 counts the rows that the filter hides; it should not",
];
const OTHERS: [&str; 5] = [
    "Translate into Italian: the ferry leaves at dawn, so please be at the pier by five.",
    "Write a short poem about a lighthouse keeper who is afraid of the dark.",
    "Hey there, how is your morning going?",
    "Summarise this in two sentences: The council met on Tuesday to talk about the bridge. After three hours they put the vote off, because \
     the engineers had not yet measured the eastern pillar, and the mayor asked for a report by spring.",
    "A tank holds 240 litres and loses 3 litres an hour. After how many hours is a third of it gone?",
];

/// What a small model keeps getting wrong in the second story.
const SUMS: [&str; 12] = [
    "A train leaves at 9:40 and needs 2 hours 35 minutes. When does it arrive?",
    "What is 17% of 2,340?",
    "Solve 3x + 7 = 4x - 5 for x.",
    "If 5 painters need 6 days for a wall, how long do 3 painters need?",
    "Find the derivative of x^3 * ln(x).",
    "The sides of a triangle are 7, 24 and 25 cm. What is its area?",
    "How many ways are there to seat six guests at a round table?",
    "A jacket costs 84 euros after a discount of 30 percent. What did it cost before?",
    "Compute 348 * 76 without a calculator and show the steps.",
    "What is the probability of at least one six in four throws of a die?",
    "Integrate 2x * e^(x^2) from 0 to 1.",
    "The sum of three consecutive odd numbers is 147. Which are they?",
];
const TRANSLATIONS: [&str; 12] = [
    "Translate to French: my luggage has not arrived.",
    "How would you say 'the meeting was moved to Friday' in Polish?",
    "Übersetze ins Englische: Der Schlüssel steckt noch im Schloss.",
    "Translate this into Spanish: we ran out of flour before noon.",
    "Put into German: please sign on the dotted line.",
    "Translate to Japanese: where is the nearest pharmacy?",
    "Traduis en anglais : la clé est restée dans la voiture.",
    "Into Portuguese please: the museum is closed on Mondays.",
    "Translate 'a storm in a teacup' into Dutch.",
    "Translate into Swedish: my grandmother kept bees.",
    "Render this in Italian: two tickets for the late show.",
    "Translate from Spanish to English: no hay mal que por bien no venga.",
];
const MORE_SUMS: [&str; 3] = [
    "What is 23% of 1,850?",
    "Solve 5x - 9 = 2x + 6 for x.",
    "The sum of two consecutive even numbers is 94. Which are they?",
];
const MORE_TRANSLATIONS: [&str; 2] =
    ["Translate into Spanish: my bicycle has a flat tyre.", "Translate to German: the lift is out of order."];

/// A served artifact and a client of it.
struct Served {
    binary: Binary,
    client: Client,
}

impl Served {
    fn start(config: &str) -> Self {
        let binary = Binary::serve(config, &[("SEMROUTE_LOG", "warn")]);
        Self { binary, client: semroute::gateway::loopback_client().unwrap() }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let request = self.client.post(format!("{}{path}", self.binary.url())).json(body);
        let response = soon("an answer", request.send()).await.unwrap();
        assert_eq!(response.status(), 200, "{path} {body}");
        response
    }

    /// Asks a model by way of the router, and says what the answer was worth.
    async fn ask_and_judge(&self, prompt: &str, verdict: &Value) {
        let body = json!({"model": "auto", "messages": [{"role": "user", "content": prompt}]});
        let answer = self.post("/v1/chat/completions", &body).await;
        let mut said = json!({"decision_id": answer.headers()["x-semroute-decision-id"].to_str().unwrap()});
        said.as_object_mut().unwrap().extend(verdict.as_object().unwrap().clone());
        self.post("/v1/feedback", &said).await;
    }

    /// Task and model of prompts, without asking the model.
    async fn decide(&self, prompts: &[&str]) -> Vec<(String, String)> {
        let mut decided = Vec::new();
        for prompt in prompts {
            let row: Value = self.post("/v1/route", &json!({"prompt": prompt})).await.json().await.unwrap();
            let text = |field: &str| row[field].as_str().unwrap().to_owned();
            decided.push((text("task"), text("model")));
        }
        decided
    }
}

/// `cheap`, which is poor at code, and `dear`, which is good at everything; the store's folder is the command's.
fn config(folder: &Folder, upstream: &str, artifact: &str, mode: &str) -> String {
    let url = format!("sqlite://{}", folder.path("log.db").display());
    let artifact = if artifact == "builtin" { artifact.into() } else { folder.path(artifact).display().to_string() };
    let models = model_at("cheap", upstream, 0.1, "")
        + "quality = { default = 0.8, code = 0.1 }\n"
        + &model_at("dear", upstream, 10.0, "")
        + "quality = { default = 0.9 }\n";
    let config = format!(
        "[store]\nurl = {url:?}\nlog_prompts = {mode:?}\n\
         [router]\nartifact = {artifact:?}\nembedder = \"builtin\"\nstrategy = \"quality_gated\"\nquality_gate = 0.6\n{models}"
    );
    folder.write("semroute.toml", &config);
    config
}

/// A few of our own prompts of each of some tasks, so that training takes moments.
fn base_rows() -> Vec<Value> {
    const TASKS: [&str; 7] = ["code", "simple_qa", "translation", "creative_writing", "chat", "math", "summarization"];
    const ROWS_A_TASK: usize = 12;
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("data/train")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_task = |task: &str| {
        let of_task: Vec<&Value> = rows.iter().filter(|row| row["task"] == task && row["language"] == "en").collect();
        let step = of_task.len() / ROWS_A_TASK;
        let few = of_task.into_iter().step_by(step.max(1)).take(ROWS_A_TASK);
        few.map(|row| json!({"id": row["id"], "prompt": row["prompt"], "task": row["task"]})).collect::<Vec<_>>()
    };
    TASKS.into_iter().flat_map(of_task).collect()
}

async fn a_corrected_task_is_learnt(mode: &str) {
    let folder = Folder::new();
    folder.write_rows("base.jsonl", &base_rows());
    let train = |rows: &[&str], out: &str| {
        folder.output_of(&[&["train", "--method", "centroid", "--out", out, "--labels"], rows].concat());
    };
    train(&["base.jsonl"], "before");
    let upstream = Upstream::always(200, completion("Certainly")).await;
    let served = Served::start(&config(&folder, upstream.base_url(), "before", mode));
    let (unseen, others) = (served.decide(&MORE_SPREADSHEETS).await, served.decide(&OTHERS).await);
    assert!(unseen.iter().all(|(task, model)| task != "code" && model == "cheap"), "{unseen:?}");
    for prompt in SPREADSHEETS {
        served.ask_and_judge(prompt, &json!({"verdict": "underpowered", "task": "code"})).await;
    }
    for prompt in OTHERS {
        served.ask_and_judge(prompt, &json!({"verdict": "good"})).await;
    }

    // While it serves.
    let said = folder.output_of(&["log", "export", "--output", "learnt.jsonl", "--labels", "--since", "1d"]);
    let rows = folder.read_rows("learnt.jsonl");
    assert!(said.contains(&format!("wrote learnt.jsonl with {} label row(s)", rows.len())), "{said}");
    let corrected = rows.iter().filter(|row| row["task"] == "code" && row["source"] == "feedback_stated").count();
    assert_eq!(corrected, SPREADSHEETS.len());
    let has = |field: &str| rows.iter().all(|row| row.get(field).is_some());
    assert_eq!((has("prompt"), has("features")), (mode == "full", mode == "features"));

    // A complaint names a complexity too, and one that a single row has cannot be learnt: two rows of each see to it that none is alone.
    let complexities = ["low", "medium", "high", "critical"].into_iter().cycle().take(8).enumerate();
    let prompt = |at: usize| format!("An example of a complexity, number {at}");
    let rows = complexities.map(|(at, complexity)| json!({"prompt": prompt(at), "complexity": complexity}));
    folder.write_rows("complexities.jsonl", &rows.collect::<Vec<_>>());
    train(&["base.jsonl", "learnt.jsonl", "complexities.jsonl"], "after");
    drop(served);
    let served = Served::start(&config(&folder, upstream.base_url(), "after", mode));
    let code_by_dear = vec![("code".to_owned(), "dear".to_owned()); unseen.len()];
    assert_eq!(served.decide(&MORE_SPREADSHEETS).await, code_by_dear, "{mode}");
    // How sure a router of so few rows has to be to name a task is another with each training, so the tasks alone are compared.
    let tasks = |decided: Vec<(String, String)>| decided.into_iter().map(|(task, _)| task).collect::<Vec<_>>();
    let after = tasks(served.decide(&OTHERS).await);
    assert_eq!(after, tasks(others), "{mode}: what nobody complained of is read as before");
}

/// The command blocks its thread; the provider answers on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_task_is_learnt_from_words() {
    a_corrected_task_is_learnt("full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_task_is_learnt_from_features_alone() {
    a_corrected_task_is_learnt("features").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_fails_at_goes_to_another_afterwards() {
    let folder = Folder::new();
    let upstream = Upstream::always(200, completion("Certainly")).await;
    let served = Served::start(&config(&folder, upstream.base_url(), "builtin", "features"));
    let models = |decided: Vec<(String, String)>| decided.into_iter().map(|(_, model)| model).collect::<Vec<_>>();
    let before = models(served.decide(&[&MORE_SUMS[..], &MORE_TRANSLATIONS[..]].concat()).await);
    assert_eq!(before, ["cheap"; 5]);
    for (sum, translation) in SUMS.iter().zip(TRANSLATIONS) {
        served.ask_and_judge(sum, &json!({"verdict": "failed"})).await;
        served.ask_and_judge(translation, &json!({"verdict": "good", "score": 0.95})).await;
    }
    folder.output_of(&["log", "export", "--output", "outcomes.jsonl", "--outcomes"]);
    let rows = folder.read_rows("outcomes.jsonl");
    assert_eq!(rows.len(), SUMS.len() + TRANSLATIONS.len());
    assert_eq!(rows[0]["scores"], json!({"cheap": 0.0}));
    assert!(rows[1]["scores"].as_object().unwrap().values().all(|score| *score == 0.95), "{}", rows[1]);
    assert_eq!((&rows[0]["propensity"], &rows[0]["verdict"]), (&json!(1.0), &json!("failed")));
    assert!((rows[0]["cost_usd"]["cheap"].as_f64().unwrap() - 0.00011).abs() < 1e-9, "{}", rows[0]);

    folder.output_of(&["train", "--outcomes", "outcomes.jsonl", "--out", "after"]);
    drop(served);
    let served = Served::start(&config(&folder, upstream.base_url(), "after", "features"));
    assert_eq!(models(served.decide(&MORE_SUMS).await), ["dear"; 3]);
    assert_eq!(models(served.decide(&MORE_TRANSLATIONS).await), ["cheap"; 2]);
    let said =
        folder.output_of(&["evaluate", "--router", "after", "--outcomes", "outcomes.jsonl", "--embedder", "builtin"]);
    assert!(said.contains("cheap"), "{said}");
}
