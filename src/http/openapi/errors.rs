//! The errors that a route may answer with, by what stands before and behind it.

use std::collections::BTreeMap;

use utoipa::openapi::header::Header;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::chat::ErrorBody;
use crate::http::messages::MessageError;

type Responses = BTreeMap<String, RefOr<Response>>;

/// A status, and when it is the answer.
type Row = (&'static str, &'static str);

/// Of every route.
const ANYWHERE: [Row; 4] = [
    ("400", "The request is wrong in itself, or two readers could take it for two different ones."),
    ("405", "The path has another method; `allow` names it."),
    ("431", "The head of the request is too large. The body is empty."),
    ("500", "A fault of the server."),
];
/// Of a route that asks for a key.
const WITH_KEY: [Row; 3] = [
    ("401", "No key or token, or none that is good."),
    ("403", "The scope of the key or the token does not allow it, or a rule does not."),
    (
        "503",
        "Neither the store of keys nor the token's issuer could be asked yet, the server is shutting down, or nobody could be reached.",
    ),
];
/// Of a route that reads a body and takes a place.
const WITH_BODY: [Row; 4] = [
    ("404", "There is no model of this name."),
    ("408", "The body took too long to arrive."),
    ("413", "The body is larger than `[server] max_body_bytes`."),
    ("429", "Too many requests are under way, or every provider asked met a rate limit."),
];
/// Of a route behind which a model stands.
const WITH_MODEL: [Row; 4] = [
    ("402", "The budget does not allow it."),
    ("502", "No model answered."),
    ("504", "No model answered in time."),
    ("4XX", "A provider's refusal of the request keeps its status and its words."),
];

/// Errors of a route that is open to everybody.
pub(in crate::http) struct OpenErrors;
/// Errors of a route that asks for a key.
pub(in crate::http) struct KeyErrors;
/// Errors of a route that reads a body and asks no model, in the shape `B`.
pub(in crate::http) struct OwnErrors<B = ErrorBody>(std::marker::PhantomData<B>);
/// Errors of a route that reads a body and asks a model, in the shape `B`.
pub(in crate::http) struct ModelErrors<B = ErrorBody>(std::marker::PhantomData<B>);

impl IntoResponses for OpenErrors {
    fn responses() -> Responses {
        written::<ErrorBody>(&[&ANYWHERE])
    }
}

impl IntoResponses for KeyErrors {
    fn responses() -> Responses {
        written::<ErrorBody>(&[&ANYWHERE, &WITH_KEY])
    }
}

impl<B: ErrorShape> IntoResponses for OwnErrors<B> {
    fn responses() -> Responses {
        written::<B>(&[&ANYWHERE, &WITH_KEY, &WITH_BODY])
    }
}

impl<B: ErrorShape> IntoResponses for ModelErrors<B> {
    fn responses() -> Responses {
        written::<B>(&[&ANYWHERE, &WITH_KEY, &WITH_BODY, &WITH_MODEL])
    }
}

/// The body of an error.
pub(in crate::http) trait ErrorShape: ToSchema {}

impl ErrorShape for ErrorBody {}

impl ErrorShape for MessageError {}

fn written<B: ErrorShape>(tables: &[&[Row]]) -> Responses {
    tables
        .iter()
        .copied()
        .flatten()
        .map(|(status, when)| ((*status).to_owned(), response::<B>(status, when).into()))
        .collect()
}

fn response<B: ErrorShape>(status: &str, when: &str) -> Response {
    let response = ResponseBuilder::new().description(when);
    let response = match status {
        "401" => response.header("www-authenticate", text("How to authenticate.")),
        "405" => response.header("allow", text("The methods that the path has.")),
        "429" | "503" => response.header("retry-after", text("Seconds after which another try may do better.")),
        _ => response,
    };
    match status {
        // The parser refuses it before anybody here sees it.
        "431" => response.build(),
        _ => response
            .content("application/json", Content::new(Some(RefOr::Ref(Ref::from_schema_name(B::name())))))
            .build(),
    }
}

fn text(description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(description.to_owned());
    header
}
