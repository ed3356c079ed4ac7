# The one list of checks: contributors and .ci/run call the same recipes.

# Show the recipes.
default:
    @just --list --unsorted

# Everything that a change must pass, cheapest first; the tests' own lines come last.
check: fmt-check typos deny clippy doc test

# Format the code.
fmt:
    cargo fmt

# Fail where the code is not formatted.
fmt-check:
    cargo fmt --check

# Spelling in code and documents.
typos:
    typos

# Banned, doubled, badly licensed or foreign dependencies (known vulnerabilities: `just advisories`).
deny:
    cargo deny --locked check --hide-inclusion-graph bans licenses sources

# Known vulnerabilities, from the database already on this machine. `cargo deny fetch` downloads it.
advisories:
    cargo deny --locked --offline check advisories

# Lints, warnings refused. Never with --all-features: `cuda` needs nvcc and `metal` a Mac.
clippy:
    cargo clippy --locked --all-targets -- -D warnings

# Documentation, warnings refused.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# The tests, by the command that the README gives.
test:
    cargo test

# A build with other features than the default one: traces to a collector, and no encoder inside the binary.
features:
    cargo test --locked --no-default-features --features otlp --test telemetry_otlp --test shipped_encoder

# The container image.
image:
    docker build --file deploy/Dockerfile --tag semroute .

# Criterion benches.
bench:
    cargo bench --locked

# Two simulated upstreams and the router.
demo:
    cargo run --release --locked -- demo

# CPU time of a release build from nothing, in a folder of its own.
time-cold-build:
    #!/usr/bin/env bash
    set -euo pipefail
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    time CARGO_TARGET_DIR="$folder" cargo build --release --locked
