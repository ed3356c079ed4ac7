//! Results as tools write them, and whether the tool failed.

use super::*;

#[test]
fn failures_are_seen() {
    for result in [
        "Exit code 1\nls: cannot access 'x': No such file or directory",
        "Chunk ID: a1\nProcess exited with code 101\nOutput:\nsome text",
        "{\"output\":\"\",\"metadata\":{\"exit_code\":2,\"duration_seconds\":0.1}}",
        "{\"error\": {\"code\": 404, \"message\": \"not found\"}}",
        "{\"success\": false, \"message\": \"no such user\"}",
        "<tool_use_error>File has not been read yet. Read it first.</tool_use_error>",
        "Error: String to replace not found in file.",
        "bash: cargoo: command not found",
        "/bin/sh: 1: pythn: not found",
        "cat: notes.txt: No such file or directory",
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    1/0\nZeroDivisionError: division by zero",
        "loading\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nrequests.exceptions.ConnectionError: refused",
        "   Compiling app v0.1.0\nerror[E0308]: mismatched types\n --> src/main.rs:2:5\n\nerror: could not compile `app` (bin \"app\") due to 1 previous error",
        "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n\nerror: test failed, to rerun pass `--lib`",
        "thread 'main' panicked at src/main.rs:3:5:\nindex out of bounds\nnote: run with `RUST_BACKTRACE=1`",
        "FAILED tests/test_a.py::test_b - AssertionError\n=== 1 failed, 3 passed in 0.12s ===",
        "Ran 3 tests in 0.01s\n\nFAILED (failures=1, errors=1)",
        "Test Suites: 1 failed, 2 passed, 3 total\nTests:       2 failed, 9 passed, 11 total\nTime: 3 s",
        "--- FAIL: TestAdd (0.00s)\n    add_test.go:9: got 3\nFAIL\nFAIL\texample.com/add\t0.003s",
        "main.c: In function 'main':\nmain.c:3:5: error: 'x' undeclared\n    3 |     x = 1;",
        "src/app.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.",
        "src/app.ts:3:5 - error TS2322: Type 'string' is wrong.\n\nFound 1 error in src/app.ts:3",
        "/app/a.js\n  1:1  error  'x' is not defined  no-undef\n\n✖ 3 problems (2 errors, 1 warning)",
        "cc -c a.c\nmake: *** [Makefile:3: all] Error 1",
        "> app@1.0.0 test\nnpm ERR! Test failed.  See above for more details.",
        "npm error code ENOENT\nnpm error path /app/package.json",
        "fatal: not a git repository (or any of the parent directories): .git",
        "/app/a.js:3\n    throw new TypeError('x');\n\nTypeError: x\n    at f (/app/a.js:3:11)\n    at main (/app/a.js:9:1)\n\nNode.js v20.1.0",
        "[INFO] Scanning\n[ERROR] Failed to execute goal compile on project app",
        "ERROR: Could not find a version that satisfies the requirement nopkg",
        "curl: (7) Failed to connect to localhost port 80",
        "\u{1b}[31merror\u{1b}[0m: unused variable",
        "partial output\n\nCommand timed out\nExit code: 124",
        "<exit_code>3</exit_code>\n<stdout></stdout>",
    ] {
        assert!(has_failed(result), "{result:?}");
    }
}

#[test]
fn other_results_did_not_fail() {
    for result in [
        "",
        "ok",
        "Exit code 0\nerror: this line is of the program's own output",
        "Process exited with code 0\nOutput:\nwarning: 3 errors were ignored",
        "{\"output\":\"error: none\",\"metadata\":{\"exit_code\":0}}",
        "{\"error\": null, \"data\": [1, 2]}",
        "{\"errors\": [], \"data\": {\"user\": {\"id\": 7}}}",
        "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured",
        "=== 14 passed, 2 warnings in 1.20s ===",
        "Tests:       11 passed, 11 total\nSnapshots:   0 total",
        "Found 0 errors. Watching for file changes.",
        "ok  \texample.com/add\t0.003s",
        "src/log.rs:12:    error: String,\nsrc/log.rs:40:        return Err(\"error: no such file\".into());",
        "./a.py:3: raise ValueError('error: bad')\n./b.py:9: # Traceback (most recent call last)",
        "docs/errors.md:10: bash: command not found",
        "# Error handling\n\nA function that failed returns an error. Exit code 1 means failure, exit code 2 misuse.",
        "     1\tfn main() {\n     2\t    panic!(\"error: x\");\n     3\t}",
        "error.rs\nfailed_tools.rs\nmain.rs",
        "warning: unused variable: `x`\n\n    Finished `dev` profile in 0.4s",
        "2024-01-31 10:00:01 ERROR payment failed for order 7\n2024-01-31 10:00:02 INFO retried",
        "The file src/main.rs has been updated.",
        "[main 4f2a1b9] Fix the error: message\n 1 file changed, 2 insertions(+)",
        "BUILD SUCCESSFUL in 3s\n5 actionable tasks: 5 executed",
        "added 120 packages in 3s\n\nfound 0 vulnerabilities",
        "2 failed attempts were logged by the user in the last week, none of them recent",
        "✖ 3 problems (0 errors, 3 warnings)",
        "find: '/root': Permission denied\n./a.txt\n./b.txt\n./c.txt",
        "No errors found. 0 failed.",
    ] {
        assert!(!has_failed(result), "{result:?}");
    }
}

#[test]
fn both_ends_of_a_long_result_are_read() {
    let output = "a line of output\n".repeat(100_000);
    assert!(has_failed(&format!("Exit code 1\n{output}")));
    assert!(has_failed(&format!("{output}error: aborting due to 2 previous errors")));
    assert!(!has_failed(&format!("{output}error: somewhere within\n{output}")));
}

proptest::proptest! {
    #[test]
    fn any_result_is_read(result in "\\PC{0,200}", colour in "(\u{1b}\\[[0-9;]{0,3}.?){0,3}") {
        has_failed(&format!("{colour}{result}\n{result}{colour}"));
    }
}
