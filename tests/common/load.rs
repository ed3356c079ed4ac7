//! Clients that ask a running server one question after the other, whole and streamed in turn, and keep a record of every whole answer.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::soon;

/// An answer that came to its end.
#[derive(Debug, Clone)]
pub struct Answered {
    pub decision_id: String,
    pub at: Instant,
    pub took: Duration,
}

/// What became of the questions.
#[derive(Debug, Default)]
pub struct Report {
    pub answered: Vec<Answered>,
    /// Questions without a whole answer, and why.
    pub failed: Vec<String>,
}

impl Report {
    pub fn decision_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.answered.iter().map(|answer| answer.decision_id.clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// Below which this share of the answers took, of those that came in this time.
    pub fn took(&self, share: f64, since: Instant, until: Instant) -> Duration {
        let within = self.answered.iter().filter(|answer| answer.at >= since && answer.at < until);
        let mut times: Vec<Duration> = within.map(|answer| answer.took).collect();
        times.sort_unstable();
        times[((times.len() - 1) as f64 * share) as usize]
    }
}

/// Clients at work.
pub struct Load {
    clients: JoinSet<()>,
    report: Arc<Mutex<Report>>,
    count: watch::Receiver<usize>,
    stop: watch::Sender<bool>,
}

impl Load {
    /// Each client goes on until it is told to stop or gets no answer.
    pub fn start(url: &str, clients: usize) -> Self {
        let report = Arc::<Mutex<Report>>::default();
        let (counting, count) = watch::channel(0);
        let stop = watch::Sender::new(false);
        let client = semroute::gateway::loopback_client().unwrap();
        let mut at_work = JoinSet::new();
        for _ in 0..clients {
            let (client, url, report) = (client.clone(), url.to_owned(), Arc::clone(&report));
            let (counting, stop) = (counting.clone(), stop.subscribe());
            at_work.spawn(async move {
                let mut streamed = false;
                while !*stop.borrow() {
                    let began = Instant::now();
                    let answer = ask(&client, &url, streamed).await;
                    let mut report = report.lock().unwrap();
                    match answer {
                        Ok(decision_id) => {
                            let at = Instant::now();
                            report.answered.push(Answered { decision_id, at, took: at - began });
                            counting.send_replace(report.answered.len());
                        }
                        Err(why) => return report.failed.push(why),
                    }
                    streamed = !streamed;
                }
            });
        }
        Self { clients: at_work, report, count, stop }
    }

    /// Waits until this many answers have come.
    pub async fn has_answered(&mut self, answers: usize) {
        soon("the answers come", self.count.wait_for(|count| *count >= answers)).await.unwrap();
    }

    /// Waits until this many more have come.
    pub async fn has_answered_more(&mut self, answers: usize) {
        let already = *self.count.borrow();
        self.has_answered(already + answers).await;
    }

    /// Waits for the answers under way.
    pub async fn stop(self) -> Report {
        self.stop.send_replace(true);
        self.end().await
    }

    /// Waits until no client gets an answer any more.
    pub async fn end(mut self) -> Report {
        soon("the clients are done", async { while self.clients.join_next().await.is_some() {} }).await;
        std::mem::take(&mut *self.report.lock().unwrap())
    }
}

/// The decision's id, once the whole answer has come.
async fn ask(client: &Client, url: &str, streamed: bool) -> Result<String, String> {
    let body = json!({"model": "auto", "stream": streamed, "messages": [{"role": "user", "content": "Hello"}]});
    let asked = client.post(format!("{url}/v1/chat/completions")).json(&body).send().await;
    let response = asked.map_err(|error| format!("no response: {error:?}"))?;
    let status = response.status();
    let decision_id = response.headers().get("x-semroute-decision-id").map(|id| id.to_str().unwrap().to_owned());
    let text = response.text().await.map_err(|error| format!("broken off: {error:?}"))?;
    let is_whole = if streamed { text.ends_with("data: [DONE]\n\n") } else { text.ends_with('}') };
    if status != 200 || !is_whole {
        return Err(format!("{status}: {text}"));
    }
    decision_id.ok_or_else(|| "no decision id".to_owned())
}
