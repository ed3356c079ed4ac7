//! The names of the blocks that coding agents, editors and retrieval front ends put around or beside a user's words. Names only;
//! when a block of that name counts is decided in `blocks.rs`.

/// What a block of a known name holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of the harness, under a name that nobody else uses.
    Harness,
    /// Text of the harness, under a name that documents and markup use as well.
    Ambiguous,
    /// What a user typed after a slash command: words, if there are no others.
    Arguments,
    /// The user's words; everything around is the harness's.
    Words,
    /// The user's words if only harness text is around; otherwise an ordinary tag.
    WordsInHarness,
}

/// What a tag of this name opens; `None` for a name that is nobody's. Case does not count.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if !(3..=48).contains(&name.len()) {
        None
    } else if is_in(WORDS) {
        Some(Kind::Words)
    } else if is_in(WORDS_IN_HARNESS) {
        Some(Kind::WordsInHarness)
    } else if is_in(ARGUMENTS) {
        Some(Kind::Arguments)
    } else if is_in(HARNESS) {
        Some(Kind::Harness)
    } else if is_in(AMBIGUOUS) {
        Some(Kind::Ambiguous)
    } else {
        None
    }
}

const WORDS: &[&str] = &["user_query", "user-query", "userRequest", "user_request", "user-request"];

const WORDS_IN_HARNESS: &[&str] =
    &["task", "feedback", "user_message", "user_feedback", "user_input", "user_prompt", "user_question", "answer"];

const ARGUMENTS: &[&str] = &["command-args"];

const HARNESS: &[&str] = &[
    // Terminal agents: reminders, slash commands, shell escapes, hooks.
    "system-reminder",
    "system_reminder",
    "system-notification",
    "system_notification",
    "command-name",
    "command-message",
    "command-contents",
    "command-stdout",
    "local-command-stdout",
    "local-command-stderr",
    "local-command-caveat",
    "bash-input",
    "bash-stdout",
    "bash-stderr",
    "task-notification",
    "task-status",
    "teammate-message",
    "agent-message",
    "user-prompt-submit-hook",
    "session-start-hook",
    "post-tool-use-hook",
    "hook_context",
    "new-diagnostics",
    "persisted-output",
    "available-deferred-tools",
    "environment_context",
    "user_instructions",
    "permissions",
    "turn_aborted",
    "user_shell_command",
    "collaboration_mode",
    "skills_instructions",
    "apps_instructions",
    "personality_spec",
    "recommended_plugins",
    "subagent_notification",
    "codex_internal_context",
    "goal_context",
    "model_switch",
    "response-annotations",
    "in-app-browser-context",
    "session_context",
    "loaded_context",
    "extension_context",
    "state_snapshot",
    "info-msg",
    // Editors and their extensions.
    "environment_details",
    "explicit_instructions",
    "workspace_configuration",
    "task_progress",
    "file_content",
    "file_contents",
    "final_file_content",
    "folder_content",
    "ide_opened_file",
    "ide_selection",
    "ide_diagnostics",
    "additional_data",
    "additional_metadata",
    "additional-metadata",
    "ephemeral_message",
    "user_settings_change",
    "user_information",
    "user_info",
    "user_rules",
    "workspace_information",
    "workspace_info",
    "workspaceInfo",
    "environment_info",
    "project_layout",
    "project_memory",
    "repo_map",
    "git_status",
    "git_info",
    "open_and_recently_viewed_files",
    "recently_viewed_files",
    "currently_open_file",
    "attached_files",
    "attached-files",
    "attached_file",
    "image_files",
    "manually_added_selection",
    "linter_errors",
    "diff_history",
    "agent_skills",
    "available_skills",
    "agent_transcripts",
    "mcp_file_system",
    "mcp_instructions",
    "mcp_servers",
    "always_applied_workspace_rules",
    "agent_requestable_workspace_rules",
    "cursor_rules_context",
    "terminal_files_information",
    "terminal_state",
    "attachments",
    "reminderInstructions",
    "editorContext",
    "repoContext",
    "toolReferences",
    "modeInstructions",
    "importantReminders",
    "agentPersistence",
    "conversation-summary",
    "conversation_summary",
    "conversation_summaries",
    "sessionMemory",
    "userMemory",
    "repoMemory",
    "todoList",
    // Agents in a sandbox.
    "runtime_information",
    "repository_info",
    "repository_information",
    "repository_instructions",
    "conversation_instructions",
    "extra_info",
    "workspace_files",
    "cursor_position",
    "uploaded_files",
    // Tools and their results.
    "tool_result",
    "tool_results",
    "tool-result",
    "tool_response",
    "tool_responses",
    "tool_output",
    "tool_use_error",
    "tool_definitions",
    "tool_context",
    "available_tools",
    "function_calls",
    "function_result",
    "function_results",
    "function_response",
    // Retrieval and memory.
    "retrieved_documents",
    "retrieved_context",
    "relevant_context",
    "search_results",
    "web_search_results",
    "user_memories",
    "additional_instructions",
];

const AMBIGUOUS: &[&str] = &[
    "context",
    "rules",
    "file",
    "files",
    "attachment",
    "skill",
    "skills",
    "tools",
    "functions",
    "observation",
    "memory",
    "memories",
    "timestamp",
    "diagnostics",
    "knowledge_base",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_once() {
        assert_eq!(kind_of("USER_REQUEST"), Some(Kind::Words));
        assert_eq!(kind_of("RUNTIME_INFORMATION"), Some(Kind::Harness));
        assert_eq!(kind_of("div"), None);
        let mut names: Vec<String> = [WORDS, WORDS_IN_HARNESS, ARGUMENTS, HARNESS, AMBIGUOUS]
            .concat()
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| kind_of(name).is_some()));
    }
}
