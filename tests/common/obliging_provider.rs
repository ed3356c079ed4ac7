//! A provider that gives every client what it asks for, whole or as a stream: a call of the first tool where tools are offered,
//! JSON where a schema is given, otherwise words.

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::upstream::{Piece, Received, Reply, Upstream};
use super::{DONE, event, usage_event};

/// The arguments of its tool calls, in the pieces of a stream.
const ARGUMENTS: [&str; 2] = ["{\"city\": ", "\"Paris\"}"];
const JSON: [&str; 2] = ["{\"city\": \"Paris\", ", "\"degrees\": 21}"];
const WORDS: [&str; 2] = ["Hello ", "yourself"];

pub async fn obliging_provider() -> Upstream {
    Upstream::start(answer).await
}

fn answer(received: &Received) -> Reply {
    let request = received.json();
    let streamed = request["stream"] == true;
    if let Some(tool) = tool_to_call(&request) {
        return if streamed { stream(call_pieces(tool), "tool_calls") } else { whole(&called(tool), "tool_calls") };
    }
    let text = if request["response_format"]["type"] == "json_schema" { JSON } else { WORDS };
    if streamed {
        stream(text.map(|piece| json!({"content": piece})).into(), "stop")
    } else {
        whole(&json!({"role": "assistant", "content": text.concat()}), "stop")
    }
}

/// The first tool, unless its result is there already or no call is wanted.
fn tool_to_call(request: &Value) -> Option<&Value> {
    let last = request["messages"].as_array()?.last()?;
    let name = &request["tools"].as_array()?.first()?["function"]["name"];
    (last["role"] != "tool" && request["tool_choice"] != "none").then_some(name)
}

fn called(tool: &Value) -> Value {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": tool, "arguments": ARGUMENTS.concat()}});
    json!({"role": "assistant", "content": null, "tool_calls": [call]})
}

fn call_pieces(tool: &Value) -> Vec<Value> {
    let first = json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": tool, "arguments": ""}});
    let rest = ARGUMENTS.map(|piece| json!({"index": 0, "function": {"arguments": piece}}));
    std::iter::once(first).chain(rest).map(|call| json!({"tool_calls": [call]})).collect()
}

fn whole(message: &Value, finish_reason: &str) -> Reply {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-model",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    });
    Reply::Json(200, answer)
}

fn stream(deltas: Vec<Value>, finish_reason: &str) -> Reply {
    let (sender, receiver) = mpsc::unbounded_channel();
    let begin = json!({"role": "assistant", "content": ""});
    let deltas = std::iter::once(begin).chain(deltas).map(|delta| (delta, Value::Null));
    let pieces = deltas.chain([(json!({}), json!(finish_reason))]);
    let events = pieces.map(|(delta, reason)| event(&json!([{"index": 0, "delta": delta, "finish_reason": reason}])));
    for event in events.chain([usage_event(10, 5), DONE.into()]) {
        sender.send(Piece::Bytes(event)).unwrap();
    }
    Reply::Stream(receiver)
}
