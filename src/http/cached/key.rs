//! What an answer depends on: everything that the request says, in its body and beside it, but for what is known not to change an answer. What
//! nobody here has heard of is part of the key.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::chat::{ChatRequest, Message, Origin, Part, Role};
use crate::limits::ResponseCache;
use crate::limits::cache::{CacheKey, KeyWriter};
use crate::routing::{Caller, Overrides};

/// Fields that change how an answer is handed on or accounted for, and not what it says.
const BESIDE_THE_POINT: [&str; 7] =
    ["stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// Fields that mean the same by whichever API a request came.
const OF_EVERY_API: [&str; 6] = ["model", "messages", "max_tokens", "temperature", "top_p", "stop"];

/// A longer conversation is compared word by word alone.
const MOST_SURROUNDING_BYTES: usize = 64 * 1024;

/// What the body says.
pub(in crate::http) fn of_body(request: &ChatRequest) -> CacheKey {
    let mut key = KeyWriter::new("body");
    write_fields(request, &mut key, |_| true);
    key.finish()
}

/// The name of the answer to a request.
pub(super) fn exact(cache: &ResponseCache, overrides: &Overrides, body: CacheKey) -> CacheKey {
    let mut key = cache.key("exact", overrides.caller.identity.as_deref());
    key.text(&beside_the_body(overrides));
    key.bytes(body.as_bytes());
    key.finish()
}

/// Everything about a request but the words of its last turn, and those words. `None` where more than words could matter: tools, pictures, sound,
/// or a last turn that is not the user's.
pub(super) fn surroundings(
    cache: &ResponseCache,
    request: &ChatRequest,
    overrides: &Overrides,
) -> Option<(CacheKey, String)> {
    let (last, before) = request.messages().split_last()?;
    let is_text = |turn: &Message| turn.content.parts().iter().all(|part| matches!(part, Part::Text(_)));
    let is_tools = |turn: &Message| matches!(turn.role, Role::Tool | Role::Function);
    let messages = request.field("messages").filter(|messages| messages.get().len() <= MOST_SURROUNDING_BYTES)?;
    let has_tools = request.offers_tools() || before.iter().any(is_tools);
    if has_tools || !before.iter().all(is_text) || request.wants_audio() || last.role != Role::User {
        return None;
    }
    let turns: Vec<&RawValue> = serde_json::from_str(messages.get()).ok()?;
    let (last_turn, turns) = turns.split_last()?;
    let mut key = cache.key("likeness", overrides.caller.identity.as_deref());
    key.text(&beside_the_body(overrides));
    write_fields(request, &mut key, |name| name != "messages");
    turns.iter().for_each(|turn| key.json(turn));
    let mut about_last: Map<String, Value> = serde_json::from_str(last_turn.get()).ok()?;
    let words = words_alone(&about_last.remove("content")?)?;
    key.json(&serde_json::value::to_raw_value(&about_last).ok()?);
    Some((key.finish(), words))
}

/// The words of a content that is nothing else; `None` where a part of it says more, such as how to cache it.
fn words_alone(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let is_text_alone = |part: &&Value| {
                part.as_object()
                    .is_some_and(|part| part.len() == 2 && part.get("type").is_some_and(|kind| kind == "text"))
            };
            let words = |part: &Value| Some(Some(part).filter(is_text_alone)?.get("text")?.as_str()?.to_owned());
            Some(parts.iter().map(words).collect::<Option<Vec<String>>>()?.join("\n"))
        }
        _ => None,
    }
}

/// Fields in one order, whichever they were written in.
fn write_fields(request: &ChatRequest, key: &mut KeyWriter, is_wanted: impl Fn(&str) -> bool) {
    let mut fields: Vec<(&str, &RawValue)> =
        request.fields().filter(|(name, _)| !BESIDE_THE_POINT.contains(name) && is_wanted(name)).collect();
    // Stable, so that a field that stands twice stays in its order.
    fields.sort_by_key(|(name, _)| *name);
    for (name, value) in fields {
        key.text(name);
        key.json(value);
    }
    // The API matters only to what that API alone can say.
    if request.origin() == Origin::Messages && !is_plain_conversation(request) {
        key.text("came by messages");
    }
}

/// Whether a request holds nothing but turns of text and settings that every API has.
fn is_plain_conversation(request: &ChatRequest) -> bool {
    let is_plain_turn = |turn: &Map<String, Value>| {
        turn.keys().all(|name| matches!(name.as_str(), "role" | "content"))
            && turn.get("content").is_some_and(Value::is_string)
    };
    let knows = |name: &str| OF_EVERY_API.contains(&name) || BESIDE_THE_POINT.contains(&name);
    request.field_names().all(knows)
        && request.field("messages").is_some_and(|messages| {
            serde_json::from_str::<Vec<Map<String, Value>>>(messages.get())
                .is_ok_and(|turns| turns.iter().all(is_plain_turn))
        })
}

/// What the headers ask of routing. Which conversation it is does not matter: the whole of it stands in the body. Written out in full, so that a
/// bound that is new one day is part of the key from its first day.
fn beside_the_body(overrides: &Overrides) -> String {
    let caller = Caller { identity: None, ..overrides.caller.clone() };
    let asked = Overrides { session: None, session_budget_usd: None, caller, ..overrides.clone() };
    format!("{asked:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::CacheConfig;

    fn body_of(value: &Value) -> CacheKey {
        of_body(&ChatRequest::from_value(value).unwrap())
    }

    fn full() -> Value {
        json!({
            "model": "auto", "stream": false, "temperature": 0.5, "max_tokens": 10, "seed": 3, "x_unheard_of": {"a": [1, 2, null]},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "7"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            "stop": ["a", "b"], "logit_bias": {"50256": -100}, "n": 2,
        })
    }

    /// Every way to change one value, wherever it stands.
    fn changed_in_one_place(value: &Value) -> Vec<Value> {
        let mut all = Vec::new();
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    for changed in changed_in_one_place(inner) {
                        let mut object = fields.clone();
                        object.insert(name.clone(), changed);
                        all.push(object.into());
                    }
                    let mut without = fields.clone();
                    without.remove(name);
                    all.push(without.into());
                }
                let mut with = fields.clone();
                with.insert("one_more".into(), Value::Null);
                all.push(with.into());
            }
            Value::Array(items) => {
                for (at, inner) in items.iter().enumerate() {
                    for changed in changed_in_one_place(inner) {
                        let mut list = items.clone();
                        list[at] = changed;
                        all.push(list.into());
                    }
                }
                all.push([items.clone(), vec![Value::Null]].concat().into());
                all.push(items.iter().rev().cloned().collect());
            }
            Value::String(text) => all.push((text.clone() + " ").into()),
            Value::Number(number) => all.push((number.as_f64().unwrap() + 1.0).into()),
            Value::Bool(truth) => all.push((!truth).into()),
            Value::Null => all.push(false.into()),
        }
        all.retain(|changed| changed != value);
        all
    }

    #[test]
    fn any_single_change_is_another_question_but_for_those_beside_the_point() {
        let mut asked = full();
        asked.as_object_mut().unwrap().remove("stream");
        let key = body_of(&asked);
        let mut compared = 0;
        for changed in changed_in_one_place(&asked) {
            // What is no chat request is never asked.
            let Ok(request) = ChatRequest::from_value(&changed) else { continue };
            assert_ne!(of_body(&request), key, "{changed}");
            compared += 1;
        }
        assert!(compared > 50, "{compared}");
        for name in BESIDE_THE_POINT {
            let mut changed = asked.clone();
            changed[name] = if name == "stream" { true.into() } else { json!({"include_usage": true}) };
            assert_eq!(body_of(&changed), key, "{name}");
        }
    }

    #[test]
    fn how_a_request_is_written_does_not_matter() {
        let key = |text: &str| of_body(&ChatRequest::from_slice(text.as_bytes()).unwrap());
        let one = r#"{"model":"m","temperature":1,"messages":[{"role":"user","content":"Hé"}]}"#;
        let other = r#" {"messages": [ {"content": "H\u00e9", "role": "user"} ], "temperature": 1.0, "model": "m"} "#;
        assert_eq!(key(one), key(other));
    }

    #[test]
    fn what_the_headers_ask_and_who_asks_matter_and_the_session_does_not() {
        let cache = ResponseCache::build(&CacheConfig::default(), None, |_| None, "g").unwrap();
        let body = body_of(&full());
        let key = |overrides: &Overrides| exact(&cache, overrides, body);
        let plain = Overrides::default();
        let caller = |caller: Caller| Overrides { caller, ..Overrides::default() };
        let mut bounded = Overrides::default();
        bounded.bounds.max_cost_usd = Some(0.5);
        for other in [
            Overrides { strategy: Some(crate::routing::Strategy::Best), ..Overrides::default() },
            Overrides { dial: Some(crate::routing::Dial::Quality(0.5)), ..Overrides::default() },
            bounded,
            caller(Caller { identity: Some("a".into()), ..Caller::default() }),
            caller(Caller { key: Some("a".into()), ..Caller::default() }),
            caller(Caller { headers: [("x-team".to_owned(), "a".to_owned())].into(), ..Caller::default() }),
        ] {
            assert_ne!(key(&other), key(&plain), "{other:?}");
        }
        let named = Overrides { session: Some("s".into()), session_budget_usd: Some(1.0), ..Overrides::default() };
        assert_eq!(key(&named), key(&plain));
    }

    #[test]
    fn only_the_words_of_the_last_turn_may_differ() {
        let cache = ResponseCache::build(&CacheConfig::default(), None, |_| None, "g").unwrap();
        let read =
            |value: Value| surroundings(&cache, &ChatRequest::from_value(&value).unwrap(), &Overrides::default());
        let turns = |turns: Value, more: Value| {
            let mut body = json!({"model": "m", "messages": turns});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let user = |text: &str| json!({"role": "user", "content": text});
        let (one, words) = read(turns(json!([user("a")]), json!({}))).unwrap();
        assert_eq!(words, "a");
        assert_eq!(read(turns(json!([user("b")]), json!({"user": "u"}))).unwrap().0, one);
        for other in [
            turns(json!([user("a")]), json!({"temperature": 1})),
            turns(json!([user("x"), user("a")]), json!({})),
            turns(json!([{"role": "user", "content": "a", "name": "n"}]), json!({})),
        ] {
            assert_ne!(read(other.clone()).unwrap().0, one, "{other}");
        }
        let picture = json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]});
        for unfit in [
            turns(json!([user("a")]), json!({"tools": [{"type": "function", "function": {"name": "f"}}]})),
            turns(json!([picture, user("a")]), json!({})),
            turns(json!([user("a"), {"role": "assistant", "content": "b"}]), json!({})),
            turns(json!([user("a")]), json!({"modalities": ["audio"]})),
        ] {
            assert!(read(unfit.clone()).is_none(), "{unfit}");
        }
    }
}
