"""Uses semroute as a program written against OpenAI would: nothing here knows that it is not OpenAI. Exits with 1 on the
first difference. SEMROUTE_BASE_URL and SEMROUTE_KEY say where it is; the models are those of tests/openai_sdk.rs."""

import os

import openai
from openai import OpenAI

client = OpenAI(base_url=os.environ["SEMROUTE_BASE_URL"], api_key=os.environ["SEMROUTE_KEY"], max_retries=0, timeout=20)
HELLO = [{"role": "user", "content": "Hello"}]


def check(what, condition):
    if not condition:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok: {what}")


def raises(what, error_class, call):
    """The class exactly: a parent of it would hide that an SDK user's `except` no longer fits."""
    try:
        call()
    except openai.OpenAIError as error:
        check(f"{what} raises {error_class.__name__}, got {type(error).__name__}: {error}", type(error) is error_class)
        return error
    raise SystemExit(f"FAILED: {what} raised nothing")


def chat(model, **more):
    return client.chat.completions.create(model=model, messages=HELLO, **more)


answer = chat("good")
check("chat", answer.choices[0].message.content == "Hello yourself" and answer.usage.total_tokens == 1100)
raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
check("auto", raw.parse().choices[0].finish_reason == "stop")
check("headers", raw.headers["x-semroute-model"] and raw.headers["x-semroute-task"] and raw.headers["x-request-id"])
check("unknown fields", chat("good", extra_body={"x_unknown": {"a": 1}}).id == "chatcmpl-1")

words = [chunk.choices[0].delta.content for chunk in chat("streaming", stream=True)]
check("stream", words == ["one ", "two ", "three", None])
with client.chat.completions.with_streaming_response.create(model="streaming", messages=HELLO, stream=True) as response:
    check("stream headers", response.headers["content-type"] == "text/event-stream")

error = raises("a stream that breaks", openai.APIError, lambda: list(chat("breaking", stream=True)))
check("a stream that breaks says so", "broke" in error.message and error.code == "upstream_stream_broken")

names = [model.id for model in client.models.list()]
check("models.list", names[0] == "auto" and "auto:cheapest" in names and "good" in names)
check("models.retrieve", client.models.retrieve("good").owned_by == "provider")

error = raises("an unknown model", openai.NotFoundError, lambda: chat("good-1"))
check("an unknown model is named", error.code == "model_not_found" and "did you mean good?" in error.message)
error = raises("a wrong type", openai.BadRequestError, lambda: chat("good", extra_body={"stream": "yes"}))
check("a wrong type names the field", error.param == "stream")
raises("a wrong key", openai.AuthenticationError, lambda: client.with_options(api_key="wrong").models.list())
error = raises("a rate limit", openai.RateLimitError, lambda: chat("limited"))
check("a rate limit says how long", error.response.headers["retry-after"] == "9")
error = raises("a provider that fails", openai.InternalServerError, lambda: chat("failing"))
check("a provider that fails is a bad gateway", isinstance(error, openai.APIStatusError) and error.status_code == 502)
raises("a refusal by the provider", openai.UnprocessableEntityError, lambda: chat("refusing"))
print("all ok")
