"""Uses semroute as a LangChain program would, through its packages for OpenAI and for Anthropic. Exits with 1 on the first
difference. SEMROUTE_URL says where it is; the provider behind it is tests/common/obliging_provider.rs."""

import json
import os
import urllib.request

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

URL = os.environ["SEMROUTE_URL"]
HELLO = [("system", "Be brief."), ("human", "Hello")]
TEXTS = ["The cat sleeps on the sofa.", "A kitten is napping on the couch."]


class Weather(BaseModel):
    city: str
    degrees: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


def check(what, condition):
    if not condition:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok: {what}")


def joined(chunks):
    chunks = list(chunks)
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


def talks(name, chat):
    """What a chat model of LangChain does, whatever the API behind it."""
    answer = chat.invoke(HELLO)
    check(f"{name}: invoke", answer.text == "Hello yourself")
    check(f"{name}: usage", (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (10, 5))
    chunks = list(chat.stream(HELLO))
    check(f"{name}: stream", "".join(chunk.text for chunk in chunks) == "Hello yourself")
    check(f"{name}: a stream comes in pieces", sum(bool(chunk.text) for chunk in chunks) == 2)
    usage = joined(chunks).usage_metadata
    check(f"{name}: usage of a stream, got {usage}", (usage["input_tokens"], usage["output_tokens"]) == (10, 5))

    with_tools = chat.bind_tools([weather])
    question = HumanMessage("How warm is it in Paris?")
    call = with_tools.invoke([question])
    check(f"{name}: tool call", called(call) == [("weather", {"city": "Paris"}, "call_1")])
    check(f"{name}: tool call in a stream", called(joined(with_tools.stream([question]))) == called(call))
    result = weather.invoke(call.tool_calls[0])
    check(f"{name}: the tool runs", isinstance(result, ToolMessage) and result.content == "21 degrees in Paris")
    check(f"{name}: tool result", with_tools.invoke([question, call, result]).text == "Hello yourself")


def called(message):
    return [(call["name"], call["args"], call["id"]) for call in message.tool_calls]


openai_chat = ChatOpenAI(model="m", base_url=f"{URL}/v1", api_key="any", max_retries=0, timeout=20, stream_usage=True)
talks("openai", openai_chat)
extracted = openai_chat.with_structured_output(Weather, method="json_schema").invoke("How warm is it in Paris?")
check("openai: structured output", extracted == Weather(city="Paris", degrees=21))
responses_chat = ChatOpenAI(
    model="m", base_url=f"{URL}/v1", api_key="any", max_retries=0, timeout=20, use_responses_api=True
)
talks("responses", responses_chat)

talks("anthropic", ChatAnthropic(model="m", base_url=URL, api_key="any", max_retries=0, timeout=20, max_tokens=100))

embeddings = OpenAIEmbeddings(
    model="semroute/builtin", base_url=f"{URL}/v1", api_key="any", check_embedding_ctx_length=False, max_retries=0
)
asked = urllib.request.Request(
    f"{URL}/v1/embeddings",
    json.dumps({"model": "semroute/builtin", "input": TEXTS}).encode(),
    {"content-type": "application/json"},
)
listed = json.load(urllib.request.urlopen(asked, timeout=20))["data"]
check("embed_documents", embeddings.embed_documents(TEXTS) == [each["embedding"] for each in listed])
check("embed_query", embeddings.embed_query(TEXTS[1]) == listed[1]["embedding"])
print("all ok")
