//! `generationConfig`: how long, how random, in which form and how often to answer, as far as a model takes it.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::generation::Generation;
use super::{schema, thinking};
use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields};

/// What is sent; nothing of it where the client says nothing.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

/// What the request around it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) generation: Generation,
    /// The model may call tools.
    pub(super) offers_tools: bool,
    /// The client itself speaks of log-probabilities; otherwise they are the gateway's wish, and nobody misses them.
    pub(super) asks_for_logprobs: bool,
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    json_schema: Option<JsonSchema>,
}

#[derive(Deserialize)]
struct JsonSchema {
    #[serde(default)]
    schema: Option<Value>,
}

impl GenerationConfig {
    /// Reads it; what the model would refuse or ignore is left out and named.
    pub(super) fn read(fields: &Fields<'_>, terms: Terms, dropped: &mut Dropped) -> Result<Self, Unwritten> {
        let mut config = Self {
            candidate_count: candidate_count(fields, terms.generation)?,
            max_output_tokens: fields.max_tokens()?,
            stop_sequences: stop_sequences(fields)?,
            ..Self::default()
        };
        config.read_sampling(fields, terms.generation, dropped)?;
        config.read_logprobs(fields, terms, dropped)?;
        config.read_form(fields, terms, dropped)?;
        let own: Option<Value> = fields.read("thinkingConfig")?;
        config.thinking_config = match (own, fields.read::<String>("reasoning_effort")?) {
            // The API's own word comes first.
            (Some(own), _) => Some(own),
            (None, Some(effort)) => thinking::read(&effort, terms.generation, config.max_output_tokens, dropped),
            (None, None) => None,
        };
        Ok(config)
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read_sampling(
        &mut self,
        fields: &Fields<'_>,
        generation: Generation,
        dropped: &mut Dropped,
    ) -> Result<(), Unwritten> {
        // What is 1 is what it would be without.
        let (temperature, top_p) = (fields.read::<f64>("temperature")?, fields.read::<f64>("top_p")?);
        let top_k = fields.read::<Number>("top_k")?;
        if generation.takes_sampling() {
            (self.temperature, self.top_p, self.top_k) = (temperature, top_p, top_k);
        } else {
            for (name, is_set) in [
                ("temperature", temperature.is_some_and(|temperature| temperature != 1.0)),
                ("top_p", top_p.is_some_and(|top_p| top_p != 1.0)),
                ("top_k", top_k.is_some()),
            ] {
                if is_set {
                    dropped.add(name);
                }
            }
        }
        let mut penalty = |name: &str| -> Result<Option<f64>, Unwritten> {
            let penalty = fields.read::<f64>(name)?.filter(|penalty| *penalty != 0.0);
            if penalty.is_some() && !generation.takes_penalties() {
                dropped.add(name);
                return Ok(None);
            }
            Ok(penalty)
        };
        self.presence_penalty = penalty("presence_penalty")?;
        self.frequency_penalty = penalty("frequency_penalty")?;
        // OpenAI's seeds are twice as wide.
        let seed = fields.read::<Number>("seed")?;
        self.seed = seed.as_ref().and_then(Number::as_i64).and_then(|seed| i32::try_from(seed).ok());
        if seed.is_some() && self.seed.is_none() {
            dropped.add("seed");
        }
        Ok(())
    }

    fn read_logprobs(&mut self, fields: &Fields<'_>, terms: Terms, dropped: &mut Dropped) -> Result<(), Unwritten> {
        let top = fields.read::<u32>("top_logprobs")?.filter(|top| *top > 0);
        if fields.read("logprobs")? != Some(true) {
            return Ok(());
        }
        if terms.generation.tells_logprobs() {
            (self.response_logprobs, self.logprobs) = (Some(true), top);
        } else if terms.asks_for_logprobs {
            dropped.add("logprobs");
        }
        Ok(())
    }

    fn read_form(&mut self, fields: &Fields<'_>, terms: Terms, dropped: &mut Dropped) -> Result<(), Unwritten> {
        let Some(ResponseFormat { kind, json_schema }) = fields.read("response_format")? else { return Ok(()) };
        match kind.as_str() {
            "text" => return Ok(()),
            "json_object" | "json_schema" => {}
            _ => return Err(Failure::Unsupported("a response_format of an unknown type").into()),
        }
        if terms.offers_tools && !terms.generation.takes_form_beside_tools() {
            return Err(Failure::Unsupported("a form of the answer beside tools").into());
        }
        self.response_mime_type = Some("application/json");
        let schema = json_schema.and_then(|format| format.schema).filter(|_| kind == "json_schema");
        if let Some(schema) = &schema {
            schema::name_ignored(schema, dropped);
        }
        self.response_json_schema = schema;
        Ok(())
    }
}

fn candidate_count(fields: &Fields<'_>, generation: Generation) -> Result<Option<u32>, Unwritten> {
    let answers = fields.read::<u32>("n")?.filter(|answers| *answers > 1);
    match (answers, generation.most_answers()) {
        (Some(_), 1) => Err(Failure::Unsupported("n above 1").into()),
        (Some(answers), most) if answers > most => Err(Failure::Unsupported("n above 8").into()),
        (answers, _) => Ok(answers),
    }
}

fn stop_sequences(fields: &Fields<'_>) -> Result<Vec<String>, Unwritten> {
    let mut sequences = chat_shapes::stop_sequences(fields)?;
    sequences.retain(|sequence| !sequence.is_empty());
    Ok(sequences)
}
