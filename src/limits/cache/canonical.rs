//! JSON in one form whichever way it was written: keys sorted, no space, strings and numbers in one spelling. Numbers that no reader holds exactly
//! stay as they were written, so that two of them are never taken for one.

use std::fmt;
use std::io::Write;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is nested deeper goes in as it was written: two spellings of it are two.
const DEEPEST: usize = 24;

/// Integers up to here are exact as floating-point numbers, too.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a value in its one form. Writing to a hash or a vector does not fail.
pub(super) fn write(value: &RawValue, out: &mut impl Write) {
    // Neither of the places that it is written to can fail.
    let _written = write_at(value.get(), 0, out);
}

fn write_at(text: &str, depth: usize, out: &mut impl Write) -> std::io::Result<()> {
    let text = text.trim();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == DEEPEST => out.write_all(text.as_bytes()),
        Some(b'{') => match serde_json::from_str::<Fields<'_>>(text) {
            Ok(Fields(mut fields)) => {
                // Stable: what stands twice stays in its order, since readers differ in which one they take.
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                out.write_all(b"{")?;
                for (name, value) in fields {
                    serde_json::to_writer(&mut *out, &name)?;
                    out.write_all(b":")?;
                    write_at(value.get(), depth + 1, out)?;
                    out.write_all(b",")?;
                }
                out.write_all(b"}")
            }
            Err(_) => out.write_all(text.as_bytes()),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) => {
                out.write_all(b"[")?;
                for item in items {
                    write_at(item.get(), depth + 1, out)?;
                    out.write_all(b",")?;
                }
                out.write_all(b"]")
            }
            Err(_) => out.write_all(text.as_bytes()),
        },
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(words) => Ok(serde_json::to_writer(out, &words)?),
            Err(_) => out.write_all(text.as_bytes()),
        },
        Some(b'-' | b'0'..=b'9') => out.write_all(number(text).as_bytes()),
        _ => out.write_all(text.as_bytes()),
    }
}

/// One spelling of a number: `1`, `1.0` and `10e-1` are one.
fn number(text: &str) -> String {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.to_string();
    }
    let is_decimal = text.contains(['.', 'e', 'E']);
    match text.parse::<f64>() {
        Ok(value) if is_decimal && value.fract() == 0.0 && value.abs() < MOST_EXACT => {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            let whole = value as i64;
            whole.to_string()
        }
        Ok(value) if is_decimal && value.is_finite() => value.to_string(),
        _ => text.to_owned(),
    }
}

/// The fields of an object, repeated ones among them.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;

        impl<'de> Visitor<'de> for OfObject {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(OfObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        write(&RawValue::from_string(text.to_owned()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn spellings_of_one_value_are_one() {
        for (one, other) in [
            ("{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [ true , null ], \"a\" : 1 }"),
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("0.7", "7E-1"),
            ("\"a\"", "\"\\u0061\""),
            ("\"\\/\"", "\"/\""),
            ("{\"\\u0061\":1}", "{\"a\":1}"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} and {other}");
        }
    }

    #[test]
    fn different_values_stay_different() {
        let values = [
            "null",
            "false",
            "0",
            "1",
            "\"1\"",
            "\"\"",
            "[]",
            "{}",
            "[1]",
            "[[1]]",
            "[1,1]",
            "{\"a\":1}",
            "{\"a\":\"1\"}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":2,\"a\":1}",
            "{\"a\":2}",
            "[\"a\",\"b\"]",
            "[\"a,b\"]",
            "0.1",
            "0.10000000000000002",
            "123456789012345678901234567890",
            "123456789012345678901234567891",
            "9007199254740993",
            "9007199254740992.0",
            "-1",
            "1e400",
            "1e401",
            "\" \"",
            "\"\\u0000\"",
            "{\"a\":null}",
        ];
        for (at, one) in values.iter().enumerate() {
            for other in &values[..at] {
                assert_ne!(canonical(one), canonical(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn any_depth_is_read() {
        let deep = |inner: &str| "[".repeat(100_000) + inner + &"]".repeat(100_000);
        assert_ne!(canonical(&deep("1")), canonical(&deep("2")));
    }
}
