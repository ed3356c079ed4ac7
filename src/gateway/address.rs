//! Addresses that hold a name in their path. Whatever the name is, it stays one segment: ARNs hold `/` and `:`. Hosts come from the base
//! URL alone.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::attempt::Failure;

/// Everything but what RFC 3986 calls unreserved. A signature is made over the same encoding.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `{base_url}/{before}/{name}/{after}`; the base URL ends with a slash.
pub(super) fn with_name(base_url: &Url, before: &str, name: &str, after: &str) -> Result<Url, Failure> {
    if matches!(name, "" | "." | "..") {
        return Err(Failure::Broken(format!("cannot write the request: {name:?} is no name that a path can hold")));
    }
    let path = format!("{before}/{}/{after}", utf8_percent_encode(name, RESERVED));
    base_url.join(&path).map_err(|error| Failure::Broken(format!("cannot write the request: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        let base_url: Url = "https://h/below/".parse().unwrap();
        for (name, segment) in [
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0"),
            ("arn:aws:bedrock:eu-central-1:1:x/y", "arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ax%2Fy"),
            ("https://elsewhere/?a#b", "https%3A%2F%2Felsewhere%2F%3Fa%23b"),
            ("50% of é", "50%25%20of%20%C3%A9"),
            ("../..", "..%2F.."),
        ] {
            let url = with_name(&base_url, "model", name, "converse").unwrap();
            assert_eq!(url.as_str(), format!("https://h/below/model/{segment}/converse"));
        }
        for name in ["", ".", ".."] {
            assert!(with_name(&base_url, "model", name, "converse").is_err());
        }
    }
}
