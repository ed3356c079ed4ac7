//! The gate of a cascade: whether an answer convinces, judged by what it says and by what the request asked for. Pure; sends nothing
//! and holds nothing back itself.

use serde_json::Value;

use super::attempt::GateFailure;
use super::refusal::declines;
use super::said::{Finish, Said};
use crate::chat::ChatRequest;
use crate::routing::AnswerGate;

/// What the gate says of a stream that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too early to tell.
    Hold,
    /// It may be handed on.
    Passes,
    /// It will not pass.
    Fails(GateFailure),
}

/// A gate before the answers to one request.
pub(super) struct Gate {
    rules: AnswerGate,
    /// The client set a cap of its own.
    capped: bool,
    json: Option<JsonWanted>,
}

/// What JSON a request wants.
struct JsonWanted {
    /// The schema asks for something else than an object.
    not_an_object: bool,
    /// Fields that must stand at the top.
    required: Vec<String>,
}

impl Gate {
    /// The gate that `rules` are for this request.
    pub(super) fn new(rules: AnswerGate, request: &ChatRequest) -> Self {
        let json = (rules.invalid_json && request.wants_json()).then(|| JsonWanted::of(request));
        Self { rules, capped: request.max_output_tokens().is_some(), json }
    }

    /// Judges an answer that has come to its end; `None` is one that cannot be read at all.
    pub(super) fn judge_whole(&self, said: Option<&Said>) -> Result<(), GateFailure> {
        let rules = &self.rules;
        let Some(said) = said else { return if rules.empty { Err(GateFailure::Empty) } else { Ok(()) } };
        let cut = said.finish == Some(Finish::Length);
        if rules.refusals && refuses(said) {
            return Err(GateFailure::Refusal);
        }
        if rules.empty && said.is_empty() {
            return Err(GateFailure::Empty);
        }
        // Under the client's cap, every model would be cut off, and its JSON with it.
        if rules.cut && cut && !self.capped {
            return Err(GateFailure::Cut);
        }
        if let Some(json) = &self.json
            && !said.has_more_than_words
            && !(cut && self.capped)
            && !json.is_met_by(said)
        {
            return Err(GateFailure::Json);
        }
        if self.is_unsure(said) { Err(GateFailure::Logprob) } else { Ok(()) }
    }

    /// Judges the beginning of a stream.
    pub(super) fn judge_part(&self, said: &Said) -> Verdict {
        if said.has_more_than_words {
            return Verdict::Passes;
        }
        // Valid JSON is valid at its end only.
        if self.json.is_some() || said.characters < self.rules.stream_characters.max(1) {
            return Verdict::Hold;
        }
        if self.is_unsure(said) {
            return Verdict::Fails(GateFailure::Logprob);
        }
        // What looks like a refusal may still turn out to be a caveat.
        if self.rules.refusals && refuses(said) { Verdict::Hold } else { Verdict::Passes }
    }

    fn is_unsure(&self, said: &Said) -> bool {
        let least = self.rules.min_mean_logprob;
        least.zip(said.mean_logprob()).is_some_and(|(least, mean)| mean < least)
    }
}

fn refuses(said: &Said) -> bool {
    said.finish == Some(Finish::Filter) || said.refused || (!said.has_more_than_words && declines(said.words()))
}

impl JsonWanted {
    fn of(request: &ChatRequest) -> Self {
        let format = request.field("response_format").and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let schema = format.as_ref().map(|format| &format["json_schema"]["schema"]);
        let kind = schema.and_then(|schema| schema["type"].as_str());
        let required = schema.and_then(|schema| schema["required"].as_array()).into_iter().flatten();
        Self {
            not_an_object: kind.is_some_and(|kind| kind != "object"),
            required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    fn is_met_by(&self, said: &Said) -> bool {
        // The client's parser would meet the thoughts first.
        if said.thought_aloud {
            return false;
        }
        match serde_json::from_str::<Value>(said.words()) {
            Ok(Value::Object(fields)) => self.required.iter().all(|name| fields.contains_key(name)),
            Ok(_) => self.not_an_object,
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::openai::read_said;
    use super::*;
    use serde_json::json;

    fn request(more: Value) -> ChatRequest {
        let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]});
        let Value::Object(more) = more else { panic!("not an object: {more}") };
        body.as_object_mut().unwrap().extend(more);
        ChatRequest::from_value(&body).unwrap()
    }

    fn judge(rules: AnswerGate, asked: Value, choice: Value) -> Result<(), GateFailure> {
        let said = read_said(json!({"choices": vec![choice]}).to_string().as_bytes());
        Gate::new(rules, &request(asked)).judge_whole(said.as_ref())
    }

    fn says(content: &str, finish: &str) -> Value {
        json!({"message": {"content": content}, "finish_reason": finish})
    }

    const ALL_OFF: AnswerGate = AnswerGate {
        refusals: false,
        empty: false,
        cut: false,
        invalid_json: false,
        min_mean_logprob: None,
        stream_characters: 160,
        timeout_ms: None,
    };

    #[test]
    fn each_condition_fails_by_its_own_name_and_only_where_it_is_asked_for() {
        use GateFailure::{Cut, Empty, Json, Logprob, Refusal};
        let json_wanted = || json!({"response_format": {"type": "json_object"}});
        let unsure =
            json!({"message": {"content": "Well."}, "logprobs": {"content": [{"logprob": -2.0}, {"logprob": -1.0}]}});
        for (asked, choice, failure) in [
            (json!({}), says("I'm sorry, but I can't help with that.", "stop"), Refusal),
            (json!({}), says("How to", "content_filter"), Refusal),
            (json!({}), json!({"message": {"content": null, "refusal": "No."}, "finish_reason": "stop"}), Refusal),
            (json!({}), says(" \n", "stop"), Empty),
            (json!({}), json!({"message": null}), Empty),
            (json!({}), says("Once upon a", "length"), Cut),
            (json_wanted(), says("```json\n{}\n```", "stop"), Json),
            (json_wanted(), says("<think>a</think>{}", "stop"), Json),
            (json_wanted(), says("[1]", "stop"), Json),
            (json!({}), unsure, Logprob),
        ] {
            let on = AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
            assert_eq!(judge(on, asked.clone(), choice.clone()), Err(failure), "{choice}");
            assert_eq!(judge(ALL_OFF, asked, choice.clone()), Ok(()), "{choice}");
        }
        assert_eq!(Gate::new(AnswerGate::default(), &request(json!({}))).judge_whole(None), Err(Empty));
        assert_eq!(Gate::new(ALL_OFF, &request(json!({}))).judge_whole(None), Ok(()));
    }

    #[test]
    fn what_convinces_passes() {
        let on = AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
        let json_wanted = || json!({"response_format": {"type": "json_object"}});
        let call = json!([{"function": {"name": "f", "arguments": "{}"}}]);
        let sure =
            json!({"message": {"content": "Yes."}, "logprobs": {"content": [{"logprob": -1.5}, {"logprob": -0.5}]}});
        for (asked, choice) in [
            (json!({}), says("Paris.", "stop")),
            (json!({}), json!({"message": {"content": null, "tool_calls": call}, "finish_reason": "tool_calls"})),
            (json_wanted(), json!({"message": {"content": "Let me look.", "tool_calls": call}})),
            (json_wanted(), says(" {\"a\": 1}\n", "stop")),
            (json!({"max_tokens": 5}), says("Once upon a", "length")),
            (
                json!({"max_completion_tokens": 5, "response_format": {"type": "json_object"}}),
                says("{\"a\": [1,", "length"),
            ),
            (json!({"response_format": {"type": "text"}}), says("Paris.", "stop")),
            (json!({}), sure),
        ] {
            assert_eq!(judge(on, asked, choice.clone()), Ok(()), "{choice}");
        }
    }

    #[test]
    fn a_schema_is_read_for_its_kind_and_its_required_fields() {
        let schema =
            |schema: Value| json!({"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}});
        let object = || schema(json!({"type": "object", "required": ["a", "b"]}));
        let verdict = |asked: Value, content: &str| judge(AnswerGate::default(), asked, says(content, "stop"));
        assert_eq!(verdict(object(), "{\"a\": 1, \"b\": null}"), Ok(()));
        assert_eq!(verdict(object(), "{\"a\": 1}"), Err(GateFailure::Json));
        assert_eq!(verdict(object(), "[]"), Err(GateFailure::Json));
        assert_eq!(verdict(schema(json!({"type": "array"})), "[]"), Ok(()));
        assert_eq!(verdict(json!({"response_format": {"type": "json_schema"}}), "{}"), Ok(()));
    }

    #[test]
    fn a_stream_is_held_until_it_is_certain() {
        let gate = |rules: AnswerGate, asked: Value| Gate::new(rules, &request(asked));
        let said = |words: &str| {
            let mut said = Said::default();
            said.add_words(words);
            said
        };
        let plain = gate(AnswerGate { stream_characters: 20, ..AnswerGate::default() }, json!({}));
        assert_eq!(plain.judge_part(&said("")), Verdict::Hold);
        assert_eq!(plain.judge_part(&said("nineteen characters")), Verdict::Hold);
        assert_eq!(plain.judge_part(&said("these are twenty now")), Verdict::Passes);
        let refusal = "I'm sorry, but I can't help with that.";
        assert_eq!(plain.judge_part(&said(refusal)), Verdict::Hold);
        assert_eq!(plain.judge_part(&said(&format!("{refusal}{}", " But then ...".repeat(100)))), Verdict::Passes);
        let mut calling = Said::default();
        calling.has_more_than_words = true;
        let wants_json = json!({"response_format": {"type": "json_object"}});
        let json = gate(AnswerGate { stream_characters: 1, ..AnswerGate::default() }, wants_json);
        assert_eq!(json.judge_part(&said("{\"a\": 1}")), Verdict::Hold);
        assert_eq!(json.judge_part(&calling), Verdict::Passes);
        let sure =
            gate(AnswerGate { stream_characters: 1, min_mean_logprob: Some(-1.0), ..AnswerGate::default() }, json!({}));
        let mut unsure = said("well");
        unsure.add_logprob(-3.0);
        assert_eq!(sure.judge_part(&unsure), Verdict::Fails(GateFailure::Logprob));
        assert_eq!(sure.judge_part(&said("well")), Verdict::Passes, "nothing was told");
    }
}
