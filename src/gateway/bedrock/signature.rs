//! AWS Signature Version 4, over the very address, media type and body that are sent. The library encodes the path once more before it
//! signs it, as every service but S3 has it.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::credentials::Signer;
use crate::gateway::attempt::Failure;

/// The name that Bedrock's requests are signed for.
const SERVICE: &str = "bedrock";

impl Signer {
    /// The headers that prove who sends this POST request. They hold for about five minutes from `at` on.
    pub(super) fn sign(
        &self,
        url: &Url,
        content_type: &str,
        body: &[u8],
        at: SystemTime,
    ) -> Result<HeaderMap, Failure> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .map_err(unsigned)?;
        let params: SigningParams<'_> = params.into();
        let headers = [(CONTENT_TYPE.as_str(), content_type)].into_iter();
        let request =
            SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(body)).map_err(unsigned)?;
        let (instructions, _signature) = sign(request, &params).map_err(unsigned)?.into_parts();
        let (signed, _query) = instructions.into_parts();
        let mut headers = HeaderMap::with_capacity(signed.len());
        for header in signed {
            let mut value = HeaderValue::from_str(header.value()).map_err(unsigned)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(header.name()), value);
        }
        Ok(headers)
    }
}

/// The library's texts hold neither credentials nor bodies.
fn unsigned(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(format!("cannot sign the request: {error}"))
}
