//! A provider that speaks Amazon Bedrock's Converse API, behind the real gateway: clients speak OpenAI's and cannot tell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use common::plans::{self, assert_cost, chain, escalate, labels, send as ask, stream, whole};
use common::router::{TestRouter, error_of, header, model_at};
use common::upstream::{Piece, Received, Reply, Upstream};
use common::{completion, soon};
use semroute::chat::Usage;
use semroute::config::Config;
use semroute::gateway::{Answer, Gateway, GatewayError, StreamEnd};
use semroute::routing::AnswerGate;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const KIND: &str = "kind = \"bedrock\"";
/// The value of `PROVIDER_KEY` where the router is tested.
const KEY: &str = "sk-provider-secret";
const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const VARIABLES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "ASIATESTKEYID"),
    ("AWS_SECRET_ACCESS_KEY", "very/secret+key\n"),
    ("AWS_SESSION_TOKEN", "session/token+of=a=while"),
];

/// A model of a provider of this kind.
fn model(base_url: &str, more: &str) -> String {
    named("m", base_url, more)
}

fn named(name: &str, base_url: &str, more: &str) -> String {
    // The helper writes `/v1` for OpenAI's kind; here it is a path below the host like any other.
    model_at(name, base_url, 1.0, &format!("{KIND}\n{more}")).replace(&format!("upstream-{name}"), CLAUDE)
}

fn with_key(base_url: &str) -> String {
    model(base_url, "api_key_env = \"PROVIDER_KEY\"")
}

fn signing(name: &str, base_url: &str) -> String {
    named(name, base_url, "aws_region = \"eu-central-1\"")
}

fn built(toml: &str, variables: &[(&str, &str)]) -> Result<Gateway, GatewayError> {
    let config = Config::from_toml(toml, "test").unwrap();
    let read = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Gateway::build(&config.providers, &config.build_registry("test").unwrap(), read)
}

fn gateway_of(toml: &str) -> Gateway {
    built(toml, &VARIABLES).unwrap()
}

fn refusal_of(toml: &str, variables: &[(&str, &str)]) -> String {
    built(toml, variables).err().expect("it should be refused").to_string()
}

fn message(blocks: &Value, stop_reason: &str) -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop_reason,
        "usage": {"inputTokens": 500, "outputTokens": 100, "totalTokens": 1100, "cacheReadInputTokens": 200, "cacheWriteInputTokens": 300},
        "metrics": {"latencyMs": 5},
    })
}

fn says(text: &str) -> Value {
    message(&json!([{"text": text}]), "end_turn")
}

fn refusal(status: u16, kind: &str, text: &str) -> Reply {
    let headers = vec![("content-type", "application/json".into()), ("x-amzn-ErrorType", format!("{kind}:http://x/"))];
    Reply::Raw { status, headers, body: json!({"message": text}).to_string().into_bytes() }
}

async fn refusing(status: u16, kind: &'static str, text: &'static str) -> Upstream {
    Upstream::start(move |_| refusal(status, kind, text)).await
}

fn frame(headers: &[(&'static str, &str)], payload: &Value) -> Vec<u8> {
    let message = headers.iter().fold(Message::new(payload.to_string()), |message, (name, value)| {
        message.add_header(Header::new(*name, HeaderValue::String((*value).to_owned().into())))
    });
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn event(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload)
}

fn start() -> Vec<u8> {
    event("messageStart", &json!({"role": "assistant", "p": "abc"}))
}

fn word(text: &str) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abcdef"}))
}

fn stop(reason: &str) -> Vec<u8> {
    let usage = json!({"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100});
    [
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        event("messageStop", &json!({"stopReason": reason})),
        event("metadata", &json!({"usage": usage, "metrics": {"latencyMs": 5}})),
    ]
    .concat()
}

fn exception(kind: &str, text: &str) -> Vec<u8> {
    frame(&[(":exception-type", kind), (":message-type", "exception")], &json!({"message": text}))
}

fn send(sender: &UnboundedSender<Piece>, bytes: Vec<u8>) {
    sender.send(Piece::Binary(bytes)).expect("nobody reads the stream");
}

/// A provider that streams these frames, and more as they are handed in.
async fn streaming(frames: &[Vec<u8>]) -> (Upstream, UnboundedSender<Piece>) {
    let (sender, receiver) = unbounded_channel();
    let mut receiver = Some(receiver);
    let upstream = Upstream::start(move |_| Reply::Frames(receiver.take().expect("asked for a second stream"))).await;
    frames.iter().for_each(|frame| send(&sender, frame.clone()));
    (upstream, sender)
}

/// The deltas' words, and everything that is no chunk of words, in order.
fn read(events: &str) -> (String, Vec<String>) {
    let (mut words, mut rest) = (String::new(), Vec::new());
    for payload in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let chunk: Value = serde_json::from_str(payload).unwrap_or_else(|_| payload.into());
        let choice = &chunk["choices"][0];
        words += choice["delta"]["content"].as_str().unwrap_or_default();
        if let Some(reason) = choice["finish_reason"].as_str() {
            rest.push(reason.to_owned());
        } else if let Some(code) = chunk["error"]["code"].as_str() {
            rest.push(code.to_owned());
        } else if chunk["usage"].is_object() {
            rest.push(format!("usage {}", chunk["usage"]["total_tokens"]));
        } else if choice.is_null() {
            rest.push(payload.to_owned());
        }
    }
    (words, rest)
}

#[tokio::test]
async fn a_whole_answer_comes_as_a_completion_and_an_api_key_goes_as_a_bearer_token() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let router = TestRouter::start(&with_key(upstream.base_url())).await;
    let body = json!({"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "max_tokens": 50, "seed": 1});
    let response = router.chat(body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "x-semroute-dropped"), "seed");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.001100000");
    assert!(response.headers().values().all(|value| !value.to_str().unwrap().contains(KEY)));
    let answer: Value = response.json().await.unwrap();
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!(CLAUDE)));
    assert_eq!(answer["choices"][0]["message"], json!({"role": "assistant", "content": "Hello."}));
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let details = json!({"cached_tokens": 200, "cache_write_tokens": 300});
    assert_eq!(
        (&answer["usage"]["prompt_tokens"], &answer["usage"]["prompt_tokens_details"]),
        (&json!(1000), &details)
    );
    assert!(answer["created"].as_u64().unwrap() > 1_600_000_000);
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"), "{answer}");

    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
    assert_eq!(received.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(received.headers["content-type"], "application/json");
    assert!(!received.headers.contains_key("x-amz-date"), "a key needs no signature");
    let sent = json!({
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}], "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 50},
    });
    assert_eq!(received.json(), sent);
}

/// The signature over a request as it arrived, from the time that it names.
fn signature_over(received: &Received, variables: &[(&str, &str); 3]) -> (SystemTime, String) {
    let text = |name: &str| received.headers[name].to_str().unwrap().to_owned();
    let stamp = text("x-amz-date");
    let number = |range: std::ops::Range<usize>| stamp[range].parse::<u8>().unwrap();
    let month = time::Month::try_from(number(4..6)).unwrap();
    let date = time::Date::from_calendar_date(stamp[..4].parse().unwrap(), month, number(6..8)).unwrap();
    let at = date.with_hms(number(9..11), number(11..13), number(13..15)).unwrap().assume_utc();
    let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap());
    let [id, secret, token] = variables.map(|(_, value)| value.trim());
    let token = (!token.is_empty()).then(|| token.to_owned());
    let identity = aws_credential_types::Credentials::new(id, secret, token, None, "test").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("bedrock")
        .time(at)
        .settings(SigningSettings::default());
    let params: SigningParams<'_> = params.build().unwrap().into();
    let url = format!("http://{}{}", text("host"), received.path);
    let content_type = text("content-type");
    let headers = [("content-type", content_type.as_str())].into_iter();
    let request = SignableRequest::new("POST", url, headers, SignableBody::Bytes(&received.body)).unwrap();
    (at, sign(request, &params).unwrap().into_parts().1)
}

#[tokio::test]
async fn a_request_is_signed_over_what_arrives_with_the_credentials_of_the_environment() {
    let upstream = Upstream::always(200, says("Hello.")).await;
    let arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12";
    let segment = "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fab12";
    let default = signing("m", upstream.base_url());
    let named_ones = "access_key_id_env = \"PROVIDER_ID\"\nsecret_access_key_env = \"PROVIDER_SECRET\"";
    let other = [VARIABLES[0], VARIABLES[1], VARIABLES[2], ("PROVIDER_ID", "AKIAOTHER"), ("PROVIDER_SECRET", "other")];
    let of_names =
        model(upstream.base_url(), &format!("{named_ones}\naws_region = \"eu-central-1\"")).replace(CLAUDE, arn);
    for (toml, path, credentials) in [
        (default, "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0", VARIABLES),
        (of_names, segment, [("", "AKIAOTHER"), ("", "other"), ("", "")]),
    ] {
        let gateway = built(&toml, &other).unwrap();
        let answer = ask(&gateway, &chain(&["m"]), json!({"user": "é"})).await.unwrap();
        assert_eq!(answer.status, 200);
        let received = upstream.received().pop().unwrap();
        assert_eq!(received.path, format!("/v1/model/{path}/converse"));
        let [(_, id), _, (_, token)] = credentials;
        let (at, signature) = signature_over(&received, &credentials);
        assert!(SystemTime::now().duration_since(at).unwrap() < Duration::from_secs(300));
        let authorization = received.headers["authorization"].to_str().unwrap();
        let day = &received.headers["x-amz-date"].to_str().unwrap()[..8];
        let begins = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{day}/eu-central-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date"
        );
        assert!(authorization.starts_with(&begins), "{authorization}");
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
        let sent = received.headers.get("x-amz-security-token").map_or("", |token| token.to_str().unwrap());
        assert_eq!(sent, token, "the default token belongs to the default credentials");
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let url = "https://bedrock-runtime.eu-central-1.amazonaws.com";
    let session = "session_token_env = \"SESSION\"";
    let toml = named("a", url, "") + &named("b", url, session) + &named("c", url, "api_key_env = \"BEDROCK_KEY\"");
    let said = refusal_of(&toml, &VARIABLES[..1]);
    let expected = "missing environment variables: AWS_SECRET_ACCESS_KEY (the key of provider \"a-provider\"), \
                    AWS_SECRET_ACCESS_KEY (the key of provider \"b-provider\"), SESSION (the key of provider \"b-provider\"), \
                    BEDROCK_KEY (the key of provider \"c-provider\"); set each to its key before semroute starts";
    assert_eq!(said, expected);
    built(&named("a", url, ""), &VARIABLES[..2])
        .map(drop)
        .expect("a session token is there for temporary credentials only");
}

#[test]
fn fields_that_do_not_fit_together_are_refused_by_name() {
    let at = "http://127.0.0.1:9";
    for (toml, field) in [
        (model(at, ""), "aws_region: missing, and the host of base_url names no region"),
        (model(at, "aws_region = \"Frankfurt\""), "aws_region: not the name of a region"),
        (
            model(at, "api_key_env = \"K\"\naccess_key_id_env = \"I\""),
            "api_key_env: credentials to sign with are named as well",
        ),
        (model(at, "access_key_id_env = \"I\""), "secret_access_key_env: missing; access_key_id_env is named"),
        (model(at, "secret_access_key_env = \"S\""), "access_key_id_env: missing; secret_access_key_env is named"),
        (
            model(at, "aws_region = \"eu-central-1\"\nauth = \"api-key\""),
            "auth: only a provider of kind = \"openai\" has it",
        ),
        (
            model_at("m", at, 1.0, "aws_region = \"eu-central-1\""),
            "aws_region: only a provider of kind = \"bedrock\" has it",
        ),
    ] {
        let said = refusal_of(&toml, &[]);
        assert!(said.starts_with(&format!("providers[0].{field}")), "{said}");
    }
    let odd = [VARIABLES[0], VARIABLES[1], ("AWS_SESSION_TOKEN", "a\nb")];
    let said = refusal_of(&signing("m", at), &odd);
    assert!(said.starts_with("providers[0].session_token_env: ") && !said.contains("a\nb"), "{said}");
}

#[tokio::test]
async fn settings_reach_the_provider_and_tool_calls_come_back_as_openai_has_them() {
    let call = json!([{"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Rome"}}}]);
    let upstream = Upstream::always(200, message(&call, "tool_use")).await;
    let more = "settings = { guardrailConfig = { guardrailIdentifier = \"ab12\", guardrailVersion = \"1\" } }\n";
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]);
    let gateway = gateway_of(&(signing("m", upstream.base_url()) + more));
    let answer = ask(&gateway, &chain(&["m"]), json!({"tools": tools, "tool_choice": "required"})).await.unwrap();
    let answer: Value = serde_json::from_str(&whole(answer).0).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let function = json!({"name": "weather", "arguments": "{\"city\":\"Rome\"}"});
    assert_eq!(choice["message"]["tool_calls"], json!([{"id": "tooluse_1", "type": "function", "function": function}]));
    let sent = upstream.received()[0].json();
    assert_eq!(sent["guardrailConfig"], json!({"guardrailIdentifier": "ab12", "guardrailVersion": "1"}));
    assert_eq!(sent["toolConfig"]["toolChoice"], json!({"any": {}}));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_tells_nothing_of_a_secret() {
    let said = "no good: sk-provider-secret";
    for (status, kind, code) in
        [(400, "ValidationException", Value::Null), (413, "RequestTooLargeException", "request_too_large".into())]
    {
        let upstream = refusing(status, kind, said).await;
        let response = TestRouter::start(&with_key(upstream.base_url())).await.ask("m").await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "content-type"), "application/json");
        let told = error_of(response).await;
        assert_eq!((&told["message"], &told["code"]), (&json!("no good: [redacted]"), &code), "{kind}");
    }
    // Where a signature does not fit, Amazon says over what it should have been made.
    let said = "should have been 'x-amz-security-token:session/token+of=a=while' for ASIATESTKEYID and very/secret+key";
    let upstream = refusing(400, "InvalidSignatureException", said).await;
    let answer = ask(&gateway_of(&signing("m", upstream.base_url())), &chain(&["m"]), json!({})).await.unwrap();
    assert_eq!(answer.status, 400);
    let told: Value = serde_json::from_str(&whole(answer).0).unwrap();
    let expected = "should have been 'x-amz-security-token:[redacted]' for [redacted] and [redacted]";
    assert_eq!(told["error"]["message"], expected);
}

/// A model of this kind that fails so, and one of OpenAI's kind after it.
async fn falls_back(base_url: &str, more: Value, label: &str) -> Answer {
    let other = Upstream::always(200, completion("from the other one")).await;
    let gateway = gateway_of(&(signing("claude", base_url) + &model_at("other", other.base_url(), 10.0, "")));
    let answer = ask(&gateway, &chain(&["claude", "other"]), more).await.unwrap();
    assert_eq!(labels(&answer), [format!("claude {label}"), "other 200".into()]);
    answer
}

#[tokio::test]
async fn its_own_trouble_and_what_it_cannot_do_are_left_to_another_model() {
    for (status, kind) in [
        (403, "ExpiredTokenException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ] {
        let upstream = refusing(status, kind, "trouble").await;
        falls_back(upstream.base_url(), json!({}), &status.to_string()).await;
    }
    // What answers where the path is none of its own.
    let odd = json!({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"});
    let upstream = Upstream::always(200, odd).await;
    falls_back(upstream.base_url(), json!({}), "unreadable").await;
    let upstream = Upstream::always(200, says("Hello.")).await;
    let answer = falls_back(upstream.base_url(), json!({"n": 2, "seed": 7}), "unsupported").await;
    assert_eq!(upstream.calls(), 0);
    assert!(answer.dropped.is_empty(), "the one that serves was given everything");
}

#[tokio::test]
async fn a_stream_comes_as_it_arrives_and_its_counts_are_known_without_being_asked_for() {
    let (upstream, sender) = streaming(&[start(), word("word 0 ")]).await;
    let answer =
        ask(&gateway_of(&signing("m", upstream.base_url())), &chain(&["m"]), json!({"stream": true})).await.unwrap();
    assert_eq!(answer.content_type.as_ref().unwrap(), "text/event-stream");
    let (mut events, mut receipt) = stream(answer);
    let mut begun = String::new();
    while !begun.contains("word 0") {
        begun += &plans::next(&mut events).await;
    }
    assert!(begun.starts_with("data: ") && begun.contains("\"role\":\"assistant\""), "{begun}");
    for n in 1..4 {
        // In two pieces, neither of which is a frame.
        let mut head = word(&format!("word {n} "));
        let tail = head.split_off(7 * n);
        send(&sender, head);
        send(&sender, tail);
        let next = plans::next(&mut events).await;
        assert_eq!(read(&next).0, format!("word {n} "), "before the next is made");
    }
    send(&sender, stop("end_turn"));
    let rest = plans::rest(events).await;
    assert_eq!(read(&rest), (String::new(), vec!["stop".into(), "[DONE]".into()]));
    let receipt = receipt.take().unwrap();
    assert_eq!(receipt.end, StreamEnd::Complete);
    assert_eq!(receipt.usage, Some(Usage { input: 1000, output: 100, ..Usage::default() }));
    assert_cost(receipt.cost_usd, 0.0011);
    let received = upstream.received().remove(0);
    assert_eq!(received.path, "/v1/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream");
    assert_eq!(received.json().get("stream"), None, "the path says it");
    let (_, signature) = signature_over(&received, &VARIABLES);
    assert!(received.headers["authorization"].to_str().unwrap().ends_with(&signature));
}

#[tokio::test]
async fn a_stream_through_the_router_tells_its_counts_where_they_are_wanted() {
    let (upstream, _sender) = streaming(&[start(), word("Hi"), stop("max_tokens")]).await;
    let router = TestRouter::start(&with_key(upstream.base_url())).await;
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "Hello"}]});
    let response = router.chat(body).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    let said = soon("the stream ends", response.text()).await.unwrap();
    assert_eq!(read(&said), ("Hi".into(), vec!["length".into(), "usage 1100".into(), "[DONE]".into()]));
}

#[tokio::test]
async fn an_error_before_the_first_word_is_left_to_another_model() {
    let mut damaged = word("Hi");
    *damaged.last_mut().unwrap() ^= 1;
    for frames in [
        vec![exception("throttlingException", "Too many tokens.")],
        vec![start(), exception("serviceUnavailableException", "Later.")],
        vec![start(), damaged],
        vec![b"<html>Not here</html>".to_vec()],
    ] {
        let (upstream, _sender) = streaming(&frames).await;
        falls_back(upstream.base_url(), json!({"stream": true}), "error_event").await;
    }
    let (upstream, sender) = streaming(&[start()]).await;
    drop(sender);
    falls_back(upstream.base_url(), json!({"stream": true}), "broken").await;
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_with_a_typed_error() {
    let frames = [start(), word("Half"), exception("modelStreamErrorException", &format!("Overloaded {KEY}"))];
    let (upstream, _sender) = streaming(&frames).await;
    let router = TestRouter::start(&with_key(upstream.base_url())).await;
    let said = soon("the stream ends, though the provider holds on", router.ask_streaming("m").await.text()).await;
    let said = said.unwrap();
    assert_eq!(read(&said), ("Half".into(), vec!["upstream_stream_broken".into(), "[DONE]".into()]));
    assert!(said.contains("Overloaded [redacted] (modelStreamErrorException)"), "{said}");
}

#[tokio::test]
async fn a_stream_that_breaks_or_forgets_its_counts_ends_properly() {
    let without_counts = [event("messageStop", &json!({"stopReason": "end_turn"}))].concat();
    for (last, ends) in [
        (Piece::Break, vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Binary(Vec::new()), vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Binary(word("lost")[..30].to_vec()), vec!["upstream_stream_broken", "[DONE]"]),
        (Piece::Binary(without_counts), vec!["stop", "[DONE]"]),
    ] {
        let (upstream, sender) = streaming(&[start(), word("Half")]).await;
        let gateway = gateway_of(&signing("m", upstream.base_url()));
        let answer = ask(&gateway, &chain(&["m"]), json!({"stream": true})).await.unwrap();
        let (mut events, mut receipt) = stream(answer);
        let mut said = String::new();
        while !said.contains("Half") {
            said += &plans::next(&mut events).await;
        }
        sender.send(last).unwrap();
        drop(sender);
        said += &plans::rest(events).await;
        assert_eq!(read(&said), ("Half".into(), ends.into_iter().map(str::to_owned).collect()));
        assert_eq!(receipt.take().unwrap().cost_usd, None, "nobody told the counts");
    }
}

#[tokio::test]
async fn a_cascade_judges_its_streams() {
    let sorry = [start(), word("I'm sorry, "), word("but I can't help with that."), stop("end_turn")];
    let (upstream, _sender) = streaming(&sorry).await;
    let dear = Upstream::always(200, completion("good")).await;
    let gateway = gateway_of(&(signing("claude", upstream.base_url()) + &model_at("dear", dear.base_url(), 10.0, "")));
    let plan = escalate(&["claude", "dear"], AnswerGate::default());
    let answer = ask(&gateway, &plan, json!({"stream": true})).await.unwrap();
    assert_eq!(labels(&answer), ["claude gate_refusal", "dear 200"]);
    assert_cost(answer.unused_cost_usd, 0.0011);
}
