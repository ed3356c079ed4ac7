//! The files of the dashboard's page, embedded in the binary and compressed once, when the first of them is asked for. What is served and
//! under which name stands here; with which headers, in `page.rs`.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::HeaderValue;
use flate2::Compression;
use flate2::write::GzEncoder;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page itself.
pub(super) const PAGE: &str = "index.html";

macro_rules! embedded {
    ($($name:literal: $content_type:expr),* $(,)?) => {
        &[$(($name, $content_type, include_str!(concat!("assets/", $name)))),*]
    };
}

/// Name, content type and text.
const OURS: &[(&str, &str, &str)] = embedded! {
    "index.html": "text/html; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "theme.css": STYLE,
    "frame.css": STYLE,
    "panels.css": STYLE,
    "tables.css": STYLE,
    "decisions.css": STYLE,
    "main.js": SCRIPT,
    "api.js": SCRIPT,
    "elements.js": SCRIPT,
    "format.js": SCRIPT,
    "choices.js": SCRIPT,
    "notices.js": SCRIPT,
    "key_prompt.js": SCRIPT,
    "appearance.js": SCRIPT,
    "charts.js": SCRIPT,
    "figures.js": SCRIPT,
    "overview.js": SCRIPT,
    "savings.js": SCRIPT,
    "traffic.js": SCRIPT,
    "routing.js": SCRIPT,
    "providers.js": SCRIPT,
    "budgets.js": SCRIPT,
    "decisions.js": SCRIPT,
    "decision_row.js": SCRIPT,
    "explanation.js": SCRIPT,
    "playground.js": SCRIPT,
};

/// A file as it goes out.
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) plain: Bytes,
    pub(super) gzipped: Bytes,
    /// Changes with the content.
    pub(super) etag: HeaderValue,
}

static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    // Chart.js is not ours, so it comes by the way that other people's code comes: a crate, at a pinned version.
    let chart_js = ("chart.js", SCRIPT, rustlavel_chart::plugin::CHART_JS);
    let all = OURS.iter().copied().chain([chart_js]);
    all.map(|(name, content_type, text)| (name, Asset::new(content_type, text))).collect()
});

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.get(name)
}

impl Asset {
    fn new(content_type: &'static str, text: &'static str) -> Self {
        let hash = blake3::hash(text.as_bytes()).to_hex();
        // Weak, because the compressed and the plain file share it. Hexadecimal digits are always a header's value.
        let etag = HeaderValue::from_str(&format!("W/\"{}\"", &hash[..16]));
        Self {
            content_type,
            plain: Bytes::from_static(text.as_bytes()),
            gzipped: gzipped(text).map_or_else(|_| Bytes::from_static(text.as_bytes()), Bytes::from),
            etag: etag.unwrap_or_else(|_| HeaderValue::from_static("W/\"\"")),
        }
    }
}

fn gzipped(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{OURS, PAGE, find};

    /// Of `dist/chart.umd.js` in `chart.js` 4.5.1 on the npm registry.
    const PUBLISHED: &str = "ecc3cd1eeb8c34d2178e3f59fd63ec5a3d84358c11730af0b9958dc886d7652a";

    #[test]
    fn chart_js_is_the_published_file() {
        let served = find("chart.js").unwrap();
        let hash: String = Sha256::digest(&served.plain).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, PUBLISHED);
    }

    #[test]
    fn every_file_that_the_page_names_is_served() {
        let named = |text: &'static str, before| text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        for (name, _, text) in OURS {
            let mut missing =
                named(text, "\"/ui/assets/").chain(named(text, "from \"./")).filter(|named| find(named).is_none());
            assert_eq!(missing.next(), None, "{name}");
        }
        let (_, _, page) = OURS.iter().find(|(name, ..)| *name == PAGE).unwrap();
        for (name, ..) in OURS.iter().filter(|(name, ..)| *name != PAGE) {
            assert!(
                page.contains(&format!("\"/ui/assets/{name}\"")),
                "{name} is loaded late: index.html does not name it"
            );
        }
    }

    #[test]
    fn no_file_makes_markup_of_text_or_grows_beyond_reading() {
        for (name, _, text) in OURS {
            for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://"] {
                assert!(!text.contains(forbidden), "{name}: {forbidden}");
            }
            assert!(text.lines().count() <= 400, "{name} wants splitting");
        }
    }
}
