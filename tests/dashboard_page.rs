//! The dashboard's page in a real Chromium, as people and their assistive technology meet it: the scripts in `dashboard_page/` drive it against the
//! real router. Where Chromium or its driver cannot be had the tests say so loudly, and fail in CI. Pictures are left in `target/screenshots`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::installation::{installed, or_skip, succeed, text_of};
use common::obliging_provider::obliging_provider;
use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::{deserted_base_url, soon};

/// Raised on purpose and with their changelogs read.
const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dashboard_page");

/// Asks for administrators' keys, which the page and its files do without.
const LOCKED: &str = "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n";

async fn locked_router() -> TestRouter {
    TestRouter::start(&format!("{LOCKED}{}", model_at("m", &deserted_base_url(), 1.0, ""))).await
}

#[tokio::test]
async fn the_page_is_open_and_lets_the_browser_load_nothing_else() {
    let router = locked_router().await;
    for (path, content_type) in [
        ("/ui", "text/html; charset=utf-8"),
        ("/ui/assets/main.js", "text/javascript; charset=utf-8"),
        ("/ui/assets/chart.js", "text/javascript; charset=utf-8"),
        ("/ui/assets/theme.css", "text/css; charset=utf-8"),
        ("/ui/assets/icon.svg", "image/svg+xml"),
    ] {
        let response = soon(path, router.get(path).send()).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-type").as_str()),
            (200, content_type),
            "{path}"
        );
        let policy = header(&response, "content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {part} is not in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    }
    let moved = soon("the other spelling", router.get("/ui/").send()).await.unwrap();
    assert!(moved.url().path() == "/ui" || header(&moved, "location") == "/ui", "{moved:?}");
}

#[tokio::test]
async fn only_the_page_is_open() {
    let router = locked_router().await;
    for path in ["/ui/api/overview", "/ui/assets/../api/overview", "/ui/other", "/ui/assets/a/b"] {
        let response = soon(path, router.get(path).send()).await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
    }
    for path in ["/ui/assets/none.js", "/ui/assets/..%2fpage.rs", "/ui/assets/%00"] {
        let response = soon(path, router.get(path).send()).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(error_of(response).await["code"], "unknown_url");
    }
}

#[tokio::test]
async fn files_are_kept_by_their_tag_and_sent_compressed() {
    let router = locked_router().await;
    let path = "/ui/assets/chart.js";
    let plain =
        soon("the file", router.get(path).header("accept-encoding", "identity, gzip;q=0").send()).await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    assert_eq!(
        (header(&plain, "cache-control"), header(&plain, "vary")),
        ("no-cache".into(), "accept-encoding".into())
    );
    let tag = header(&plain, "etag");
    let whole = plain.bytes().await.unwrap();

    let packed = soon("the file", router.get(path).header("accept-encoding", "br, gzip").send()).await.unwrap();
    assert_eq!((header(&packed, "content-encoding"), header(&packed, "etag")), ("gzip".into(), tag.clone()));
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() * 2 < whole.len(), "{} of {} bytes", packed.len(), whole.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert!(unpacked == whole, "what is compressed is the same file");

    let known =
        soon("the tag", router.get(path).header("if-none-match", format!("\"other\", {tag}")).send()).await.unwrap();
    assert_eq!((known.status().as_u16(), header(&known, "etag")), (304, tag));
    assert!(known.bytes().await.unwrap().is_empty());
}

/// One test a script, so that a failure has a name.
macro_rules! in_the_browser {
    ($($script:ident)*) => {$(
        /// The browser blocks a thread; the router answers on another.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $script() {
            let router = locked_router().await;
            run(stringify!($script), &router, &[]);
        }
    )*};
}

in_the_browser! { figures choices tail playground phone keyboard hostile_text troubles accessibility usable }

/// The page against the router's own API, a real store and requests that were really made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn served() {
    let upstream = obliging_provider().await;
    let folder = tempfile::tempdir().unwrap();
    let store = format!("[store]\nurl = \"sqlite://{}\"\n", folder.path().join("log.db").display());
    let router =
        TestRouter::start(&format!("{store}{}", cheap_and_dear(upstream.base_url(), upstream.base_url()))).await;
    for model in ["auto", "auto:best", "auto:cheapest", "cheap"] {
        assert_eq!(router.ask(model).await.status(), 200);
    }
    let rows = router.remembers(4).await.len();
    run("served", &router, &[("REQUESTS", &rows.to_string())]);
}

/// Runs a script of `dashboard_page/`, which must find everything as it should be.
fn run(script: &str, router: &TestRouter, variables: &[(&str, &str)]) {
    let Some(node_folder) = or_skip("the dashboard's page in Chromium", browser()) else { return };
    let output = Command::new("node")
        .arg(format!("{SCRIPTS}/{script}.mjs"))
        .env("SEMROUTE_URL", format!("http://{}", router.addr()))
        .env("NODE_FOLDER", node_folder)
        .env("SEMROUTE_SCREENSHOTS", screenshots())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = text_of(&output);
    assert!(output.status.success() && told.contains("all ok"), "{told}");
    // Not `println!`: what it writes is only shown for tests that fail, and how long the page took is worth knowing.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{script}: {}", told.trim()).unwrap();
}

/// Where Playwright and axe-core are; Chromium is the system's.
fn browser() -> Result<PathBuf, String> {
    succeed(Command::new("chromium").arg("--version"))?;
    installed("dashboard-browser", &PACKAGES.join(" "), |folder| {
        succeed(Command::new("node").arg("--version"))?;
        let npm = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        succeed(Command::new("npm").args(npm).arg(folder).args(PACKAGES))
    })
}

/// The pictures' folder: `SEMROUTE_SCREENSHOTS`, or `screenshots` beside the test programs' own folder.
fn screenshots() -> PathBuf {
    let beside = || Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    std::env::var_os("SEMROUTE_SCREENSHOTS").map_or_else(beside, PathBuf::from)
}
