//! Whether a tool's result says that the tool failed, by what shells, compilers, test runners and agents write at the start or
//! end of it. Doubtful results did not fail: one that only speaks of errors, such as a search or a document, has none of its own.

use std::borrow::Cow;

/// Bytes read at the start and at the end of a result.
const HEAD_BYTES: usize = 2048;
const TAIL_BYTES: usize = 4096;
/// Lines at the end that may tell, and those in which a plain `error:` does.
const TAIL_LINES: usize = 12;
const LAST_LINES: usize = 6;
/// A longer line is data.
const LINE_BYTES: usize = 400;

/// The first line of a result that failed begins so; in lower case.
const OPENINGS: &[&str] = &[
    "error:",
    "error[",
    "errors:",
    "fatal:",
    "fatal error",
    "exception:",
    "traceback (most recent call last)",
    "panic:",
    "uncaught ",
    "unhandled ",
    "exception in thread",
    "<tool_use_error>",
    "<error>",
    "tool error",
    "[tool error",
    "[error]",
    "npm err!",
    "npm error",
    "failed to ",
    "failure:",
    "command failed",
    "request failed",
    "tool execution failed",
    "execution failed",
    "command timed out",
    "operation timed out",
    "timed out",
    "error executing",
    "error running",
    "error calling",
    "error reading",
    "error while",
    "file not found",
    "file does not exist",
    "no such file",
    "permission denied",
    "access denied",
    "string to replace not found",
    "old_string not found",
    "no replacement was performed",
    "no match found for",
    "unknown command",
    "unknown tool",
    "command not found",
    "could not find ",
    "cannot find ",
    "curl: (",
];

/// A line among the last ones begins so, as it is.
const LAST_OPENINGS: &[&str] = &[
    "error: ",
    "Error: ",
    "error[E",
    "fatal: ",
    "npm ERR!",
    "npm error",
    "FAIL\t",
    "--- FAIL",
    "FAIL ",
    "FAILED ",
    "FAILED (",
    "panic: ",
    "BUILD FAILED",
    "BUILD FAILURE",
    "[INFO] BUILD FAILURE",
    "[ERROR] Failed to execute goal",
    "FAILURE: Build failed",
    "ERROR: Could not",
    "ERROR: failed to",
    "ERROR: No matching",
    "test result: FAILED",
    "Segmentation fault",
    "Automatic merge failed",
    "Exception in thread",
    "Unhandled exception",
    "Uncaught ",
    "ninja: build stopped",
    "Error response from daemon",
    "Error from server",
    "curl: (",
];

/// A short line right at the end, or all there is, ends so; in lower case.
const LAST_ENDINGS: &[&str] = &[
    "no such file or directory",
    "command not found",
    ": not found",
    "permission denied",
    "is not recognized as an internal or external command,",
    "operable program or batch file.",
    "(core dumped)",
    "is a directory",
    "connection refused",
    "no space left on device",
];

/// Words before the number of an exit status, in lower case.
const EXITS: &[&str] = &[
    "exit code",
    "exited with code",
    "exited with status",
    "exit status",
    "return code",
    "returncode",
    "exited with",
    "exitcode",
];
/// What may stand on the line before them.
const BEFORE_EXITS: &[&str] = &[
    "",
    "process",
    "command",
    "the command",
    "program",
    "script",
    "shell",
    "error: process completed with",
    "command failed with",
    "process finished with",
    "finished with",
    "failed with",
    "command finished with",
    "process completed with",
    "error: command failed with",
    "bash",
    "exit",
    "terminated with",
    "returned non-zero",
    "with",
];

/// Fields of a result in JSON that say it failed, and those that hold an exit status.
const FIELDS: &[&str] =
    &["\"is_error\":true", "\"isError\":true", "\"success\":false", "\"status\":\"error\"", "\"status\":\"failed\""];
const STATUS_FIELDS: &[&str] =
    &["\"exit_code\":", "\"exitCode\":", "\"returncode\":", "\"return_code\":", "\"exit_status\":"];

/// Whether the tool that gave this result failed.
pub(super) fn has_failed(result: &str) -> bool {
    let result = result.trim();
    let head = without_colours(&result[..result.floor_char_boundary(HEAD_BYTES)]);
    let tail = without_colours(&result[result.ceil_char_boundary(result.len().saturating_sub(TAIL_BYTES))..]);
    let first: Vec<&str> = head.lines().map(content).filter(|line| !line.is_empty()).take(3).collect();
    let last: Vec<&str> = tail.lines().rev().map(content).filter(|line| !line.is_empty()).take(TAIL_LINES).collect();
    let Some(opening) = first.first() else { return false };
    if let Some(failed) = by_json(&head, &tail).or_else(|| by_exit_status(&first, &last)) {
        return failed;
    }
    let opening = opening.trim_start().to_ascii_lowercase();
    OPENINGS.iter().any(|sign| opening.starts_with(sign))
        || has_error_ending(&last)
        || has_failed_by_its_end(&head, &last)
}

/// A line without white space and without the tag that a harness puts around a result.
fn content(line: &str) -> &str {
    let line = line.trim_end();
    let tags =
        ["<tool_result>", "</tool_result>", "<output>", "</output>", "<stdout>", "<stderr>", "</stderr>", "</stdout>"];
    let line = tags.iter().fold(line, |line, tag| line.trim_start_matches(tag).trim_end_matches(tag));
    line.strip_prefix("Observation:").map_or(line, str::trim_start)
}

/// Text without the escape sequences that colour it on a terminal.
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for (place, piece) in text.split("\u{1b}[").enumerate() {
        let letters =
            if place == 0 { piece } else { piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';') };
        plain.push_str(if place == 0 { letters } else { letters.get(1..).unwrap_or("") });
    }
    Cow::Owned(plain)
}

/// What a result in JSON says of itself in its outermost fields.
fn by_json(head: &str, tail: &str) -> Option<bool> {
    if !head.starts_with('{') {
        return None;
    }
    let packed = |text: &str| text.replace([' ', '\n'], "");
    let (head, tail) = (
        packed(&head[..head.floor_char_boundary(256)]),
        packed(&tail[tail.ceil_char_boundary(tail.len().saturating_sub(256))..]),
    );
    let both = [&head, &tail];
    let status = STATUS_FIELDS.iter().find_map(|field| {
        let text = both.iter().find(|text| text.contains(field))?;
        number_at(&text[text.find(field)? + field.len()..])
    });
    if let Some(status) = status {
        return Some(status != 0);
    }
    let fails = both.iter().any(|text| FIELDS.iter().any(|field| text.contains(field)));
    let is_error = ["{\"error\":\"", "{\"error\":{", "{\"errors\":[{"].iter().any(|start| head.starts_with(start))
        && !head.starts_with("{\"error\":\"\"");
    Some(fails || is_error)
}

/// What a line of its own says of the exit status, among the first or the last ones.
fn by_exit_status(first: &[&str], last: &[&str]) -> Option<bool> {
    let near = first.iter().take(2).chain(last.iter().take(3));
    near.filter_map(|line| exit_status(line)).map(|status| status != 0).next()
}

fn exit_status(line: &str) -> Option<i64> {
    if line.len() > LINE_BYTES {
        return None;
    }
    let line = line.trim_matches(|c: char| "[](){}<>*-=` \t".contains(c)).replace(['_', '`'], " ").to_ascii_lowercase();
    EXITS.iter().find_map(|words| {
        let at = line.find(words)?;
        let before = line[..at].trim().trim_end_matches([':', '(']).trim();
        if !BEFORE_EXITS.contains(&before) && !before.starts_with("error: command failed") {
            return None;
        }
        number_at(line[at + words.len()..].trim_start_matches([':', '=', ' ', '>', '#']))
    })
}

fn number_at(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    text[..digits].parse().ok()
}

/// `cat: a.txt: No such file or directory` as the last line, or as one of few.
fn has_error_ending(last: &[&str]) -> bool {
    let ends = |line: &&&str| {
        let line = line.to_ascii_lowercase();
        let short = line.len() <= 200 && line.contains([':', ' ']) && !is_located(&line);
        short && LAST_ENDINGS.iter().any(|ending| line.ends_with(ending))
    };
    last.iter().take(2).any(|line| ends(&line))
}

/// `src/a.rs:12: text`: a line that a search found.
fn is_located(line: &str) -> bool {
    let mut parts = line.split(':').skip(1);
    let number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    number(parts.next())
}

/// What compilers, test runners and interpreters write last.
fn has_failed_by_its_end(head: &str, last: &[&str]) -> bool {
    let traced = || {
        head.contains("Traceback (most recent call last)")
            || last.iter().any(|line| line.starts_with("Traceback (most recent"))
    };
    let short = || last.iter().filter(|line| line.len() <= LINE_BYTES);
    last.iter().take(LAST_LINES).any(|line| LAST_OPENINGS.iter().any(|sign| line.starts_with(sign)) || *line == "FAIL")
        || short().any(|line| is_compiler_error(line) || counts_failures(line) || is_make_error(line) || is_crash(line))
        || (last.first().is_some_and(|line| is_exception(line)) && traced())
        || is_stack_of_script(last)
}

/// `main.c:3:5: error: ...`, `a.ts(3,5): error TS2322: ...`, `a.ts:3:5 - error TS2322: ...`. One number alone is a search's.
fn is_compiler_error(line: &str) -> bool {
    let numbered = |place: &str| {
        let mut parts = place.rsplit([':', ',', '(']);
        let mut is_number =
            || parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        is_number() && is_number()
    };
    [": error: ", ": fatal error: ", "): error TS", " - error TS"]
        .iter()
        .any(|sign| line.find(sign).is_some_and(|at| numbered(&line[..at])))
}

/// `2 failed, 3 passed in 0.12s`, `Tests: 1 failed, 2 passed`, `Found 3 errors.`, `1 error generated.`, `✖ 3 problems (2 errors, 1 warning)`.
fn counts_failures(line: &str) -> bool {
    let line = line.trim_matches(|c: char| "= \t".contains(c));
    let lower = line.to_ascii_lowercase();
    let summary = ["tests:", "test suites:", "test files", "found ", "✖ ", "tests run:", "failures:", "ran "]
        .iter()
        .any(|start| lower.starts_with(start));
    let bare = lower.starts_with(|c: char| c.is_ascii_digit());
    if !summary && !bare {
        return false;
    }
    let words: Vec<&str> =
        lower.split(|c: char| c.is_whitespace() || ",;()|".contains(c)).filter(|word| !word.is_empty()).collect();
    let counted = |pair: &[&str]| {
        let noun = pair[1].trim_end_matches('.');
        pair[0].parse::<u64>().is_ok_and(|count| count > 0)
            && (matches!(noun, "failed" | "failing") || (summary && matches!(noun, "error" | "errors")))
    };
    let labelled = |pair: &[&str]| {
        matches!(pair[0], "failures:" | "errors:") && pair[1].parse::<u64>().is_ok_and(|count| count > 0)
    };
    let generated = bare
        && (lower.ends_with(" error generated.") || lower.ends_with(" errors generated."))
        && !lower.starts_with("0 ");
    // A line that only starts with a number may be prose: "2 failed attempts".
    let listed =
        summary || lower.contains(" passed") || words.len() <= 2 || lower.ends_with('s') && lower.contains(" in ");
    generated || (listed && words.windows(2).any(|pair| counted(pair) || (summary && labelled(pair))))
}

/// `make: *** [Makefile:3: all] Error 1`
fn is_make_error(line: &str) -> bool {
    line.contains("*** ") && (line.starts_with("make") || line.starts_with("gmake"))
}

/// `thread 'main' panicked at src/main.rs:3:5:`
fn is_crash(line: &str) -> bool {
    line.starts_with("thread '") && line.contains("' panicked at ")
        || line.starts_with("goroutine ") && line.ends_with("[running]:")
}

/// `ValueError: x`, `requests.exceptions.ConnectionError`
fn is_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or(line);
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
    named && ["Error", "Exception", "Interrupt", "Exit", "Warning", "Failure"].iter().any(|end| name.ends_with(end))
}

/// A JavaScript error and where it was thrown: `TypeError: x is not a function` above lines of `    at f (a.js:1:2)`.
fn is_stack_of_script(last: &[&str]) -> bool {
    let at_lines = last.iter().filter(|line| line.starts_with("    at ")).count();
    at_lines >= 2 && last.iter().any(|line| is_exception(line) || line.starts_with("Node.js v"))
}

#[cfg(test)]
mod tests;
