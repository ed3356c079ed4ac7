//! A chat request from bytes and back to bytes with another model: what the gateway does to every body. One thread.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use semroute::chat::ChatRequest;
use serde_json::json;

/// A body of about this many bytes in this many turns, with the fields that agents send.
fn body(turns: usize, bytes: usize) -> Vec<u8> {
    let words = "why does the borrow checker refuse this loop? ".repeat(bytes / turns / 46 + 1);
    let role = |turn: usize| if turn.is_multiple_of(2) { "user" } else { "assistant" };
    let messages: Vec<_> = (0..turns).map(|turn| json!({"role": role(turn), "content": words})).collect();
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tool = json!({"type": "function", "function": {"name": "read_file", "parameters": parameters}});
    let body = json!({
        "model": "auto", "messages": messages, "temperature": 0.2, "stream": true, "stream_options": {"include_usage": true},
        "tools": [tool], "metadata": {"team": "search"},
    });
    body.to_string().into_bytes()
}

fn parse_and_serialise(criterion: &mut Criterion) {
    let bodies = [
        ("one_turn", body(1, 200)),
        ("chat", body(20, 8 << 10)),
        ("agent", body(200, 256 << 10)),
        ("large", body(2, 1 << 20)),
    ];
    for (name, bytes) in bodies {
        let mut group = criterion.benchmark_group("chat_request");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("parse", name), &bytes, |bencher, bytes| {
            bencher.iter(|| ChatRequest::from_slice(black_box(bytes)).unwrap());
        });
        let request = ChatRequest::from_slice(&bytes).unwrap();
        group.bench_with_input(BenchmarkId::new("serialise", name), &request, |bencher, request| {
            bencher.iter(|| serde_json::to_vec(&request.body_with(black_box(&[("model", "gpt-4o".into())]))).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = parse_and_serialise
}
criterion_main!(benches);
