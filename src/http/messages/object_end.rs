//! Whether a JSON object that arrives in pieces is whole. Holds where it stands in the text, and nothing of the text.

/// How far an object has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ObjectEnd {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl ObjectEnd {
    /// Reads the next piece.
    pub(super) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.has_begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether its last bracket has closed.
    pub(super) fn is_whole(self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_whole_at_its_last_bracket_however_it_is_cut() {
        let text = r#" {"a": "}\"]\\", "b": [{}, {"c": "é{"}], "d": 1} "#;
        let end = text.rfind('}').unwrap() + 1;
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let mut object = ObjectEnd::default();
            object.read(&text[..at]);
            assert_eq!(object.is_whole(), at >= end, "after {:?}", &text[..at]);
            object.read(&text[at..]);
            assert!(object.is_whole());
        }
        assert!(!ObjectEnd::default().is_whole(), "nothing is no object");
    }
}
