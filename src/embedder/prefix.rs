//! The words that a model wants before every text, such as E5's `query: `, read from the folder's own
//! `config_sentence_transformers.json`. Decides which prompt counts; joining it to texts is the tokenizer's part.
//! The rule: the prompt that `default_prompt_name` names; else the prompt `query`; else none. How a user adds the file where
//! a model comes without it stands at [`super::Transformer::prefix`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::folder::parse_json;

/// Its name in a model's folder.
pub(super) const PROMPTS_FILE: &str = "config_sentence_transformers.json";

const QUERY: &str = "query";

#[derive(Deserialize)]
struct Prompts {
    /// A prompt may be null, which sentence-transformers takes for the empty one.
    prompts: Option<BTreeMap<String, Option<String>>>,
    default_prompt_name: Option<String>,
}

/// Reads the file's text; no prompt is the empty prefix. The error names the field.
pub(super) fn prefix_from_json(text: &str) -> Result<String, String> {
    let Prompts { prompts, default_prompt_name } = parse_json(text)?;
    let mut prompts = prompts.unwrap_or_default();
    let name = default_prompt_name.as_deref().unwrap_or(QUERY);
    match (prompts.remove(name), default_prompt_name) {
        (Some(prompt), _) => Ok(prompt.unwrap_or_default()),
        (None, None) => Ok(String::new()),
        (None, Some(name)) => Err(format!("default_prompt_name is {name:?}, and prompts has no such name")),
    }
}

#[cfg(test)]
mod tests {
    use super::prefix_from_json;

    #[test]
    fn the_default_prompt_comes_first_then_query_then_none() {
        let cases = [
            (r#"{"prompts": {"query": "q: ", "passage": "p: "}, "default_prompt_name": "passage"}"#, "p: "),
            (r#"{"prompts": {"query": "q: ", "passage": "p: "}, "default_prompt_name": null}"#, "q: "),
            (r#"{"prompts": {"query": "q: "}}"#, "q: "),
            (r#"{"prompts": {"passage": "p: "}}"#, ""),
            (r#"{"prompts": {"query": null, "passage": "p: "}}"#, ""),
            (r#"{"prompts": {"query": "q: ", "text": ""}, "default_prompt_name": "text"}"#, ""),
            (r#"{"prompts": null, "default_prompt_name": null}"#, ""),
            (r#"{"__version__": {"pytorch": "2.0"}}"#, ""),
        ];
        for (text, prefix) in cases {
            assert_eq!(prefix_from_json(text).as_deref(), Ok(prefix), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (r#"{"prompts": ["query: "]}"#, "prompts: "),
            (r#"{"prompts": {"query": 7}}"#, "prompts.query: "),
            (r#"{"prompts": {}, "default_prompt_name": 1}"#, "default_prompt_name: "),
            (r#"{"prompts": {"query": "q"}, "default_prompt_name": "text"}"#, "default_prompt_name is \"text\""),
            (r#"{"prompts": {}} and more"#, "trailing"),
        ];
        for (text, expected) in cases {
            let error = prefix_from_json(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
