//! Pictures, sounds and files: the content of a `data:` URL goes along, and what lies at an address is fetched by the API itself.

use serde::Serialize;

use super::generation::Generation;
use super::part::Part;
use crate::gateway::attempt::Failure;

/// Content that goes along, as base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    mime_type: String,
    data: String,
}

/// Content that lies elsewhere.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    file_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
}

/// A picture by its content or its address.
pub(super) fn picture(url: String, generation: Generation) -> Result<Part, Failure> {
    if url.starts_with("data:") {
        return file(&url);
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Failure::Unsupported("a picture at an address that is not http"));
    }
    if !generation.reads_addresses() {
        return Err(Failure::Unsupported("a picture by its address"));
    }
    let mime_type = picture_type(&url);
    Ok(Part::File { file_data: Address { file_uri: url, mime_type } })
}

/// A file, as the content of a `data:` URL.
pub(super) fn file(url: &str) -> Result<Part, Failure> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Err(Failure::Unsupported("a file that is no data: URL"));
    };
    let Some((head, data)) = rest.split_once(',') else {
        return Err(Failure::Unsupported("a data: URL without content"));
    };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Err(Failure::Unsupported("a data: URL that is not base64"));
    };
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    // A common slip, and the API knows the right name only.
    let mime_type = if media_type == "image/jpg" { "image/jpeg".to_owned() } else { media_type };
    Ok(Part::Inline { inline_data: Blob { mime_type, data: data.to_owned() } })
}

/// Sound, with its format as OpenAI names it.
pub(super) fn sound(data: String, format: &str) -> Result<Part, Failure> {
    let mime_type = match format {
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "aac" => "audio/aac",
        "aiff" => "audio/aiff",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        _ => return Err(Failure::Unsupported("sound of an unknown format")),
    };
    Ok(Part::Inline { inline_data: Blob { mime_type: mime_type.to_owned(), data } })
}

/// The type of a picture, where its address tells; the API finds it out where not.
fn picture_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        _ => return None,
    })
}
