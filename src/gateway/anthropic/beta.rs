//! The header `anthropic-beta`, by which a client asks for what the API does not give to everybody. Inside the gateway it is the field
//! `anthropic_beta` of the body: a list of names, which a model's settings may hold too.

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::chat::ChatRequest;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Fields, invalid};

/// The field.
pub(super) const FIELD: &str = "anthropic_beta";

const HEADER: HeaderName = HeaderName::from_static("anthropic-beta");

/// Far more and far longer than there are.
const MOST_NAMES: usize = 32;
const LONGEST_NAME: usize = 64;

/// The header with all names; `None` where there are none.
pub(super) fn header(
    fixed: &[(&str, Value)],
    request: &ChatRequest,
) -> Result<Option<(HeaderName, HeaderValue)>, Unwritten> {
    let names: Vec<String> = Fields::new(fixed, request).read(FIELD)?.unwrap_or_default();
    if names.is_empty() {
        return Ok(None);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_name = |name: &String| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_plain);
    if names.len() > MOST_NAMES || !names.iter().all(is_name) {
        let expected = format!(
            "expected at most {MOST_NAMES} names of letters, digits, - and _, none longer than {LONGEST_NAME} characters"
        );
        return Err(invalid(FIELD, expected));
    }
    let value = HeaderValue::try_from(names.join(",")).map_err(|error| invalid(FIELD, error))?;
    Ok(Some((HEADER, value)))
}
