//! Why an answer ended, in Gemini's words and in OpenAI's.

/// The end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Of its own accord, or for a reason that says nothing of the answer.
    Stop,
    /// At a length limit.
    Length,
    /// A filter stopped it.
    Filter,
    /// The model wrote something that is no answer, such as a call that cannot be parsed.
    Failed(&'static str),
}

impl End {
    /// Reads a `finishReason`.
    pub(super) fn read(reason: &str) -> Self {
        match reason {
            "MAX_TOKENS" | "CONTINUATION" => Self::Length,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "MODEL_ARMOR"
            | "ESCALATION"
            | "PUP_LIMITED_DISABLED"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => Self::Filter,
            "MALFORMED_FUNCTION_CALL" => Self::Failed("it wrote a call that cannot be parsed"),
            "UNEXPECTED_TOOL_CALL" => Self::Failed("it called a tool that it was not offered"),
            "TOO_MANY_TOOL_CALLS" => Self::Failed("it called too many tools"),
            "MALFORMED_RESPONSE" => Self::Failed("it wrote an answer that cannot be parsed"),
            "MISSING_THOUGHT_SIGNATURE" => Self::Failed("it misses the signature of its thoughts"),
            // `STOP`, `OTHER`, and whatever else there may be.
            _ => Self::Stop,
        }
    }

    /// OpenAI's word for it. An answer that calls tools stops like any other here.
    pub(super) fn finish_reason(self, has_calls: bool) -> &'static str {
        match self {
            Self::Stop | Self::Failed(_) if has_calls => "tool_calls",
            Self::Stop | Self::Failed(_) => "stop",
            Self::Length => "length",
            Self::Filter => "content_filter",
        }
    }
}
