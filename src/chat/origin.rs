//! Which API a request came by. Its body has the shape of chat completions whichever it was; what else it may hold is said here, and read only
//! where the provider's API is the same one.

/// The API that a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// OpenAI's chat completions: the body is the client's own, as it was written.
    #[default]
    ChatCompletions,
    /// Anthropic's Messages. What a chat has no word for stands where it belongs, as it was written: fields of the body (`thinking`,
    /// `container`, ...), further keys of content parts, tool calls, tool messages and tools (`cache_control`, `citations`, `is_error`, ...),
    /// content parts and tools of other types than a chat has, and `thinking_blocks` on the assistant's messages. A text that was a document
    /// has the rest of that document in its part, as `document`. Providers of another API are given none of it.
    Messages,
}
