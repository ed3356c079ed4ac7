// Uses semroute as a program written against OpenAI's package for Node would. Exits with 1 on the first difference.
// SEMROUTE_URL says where it is; the provider behind it is tests/common/obliging_provider.rs.

import assert from "node:assert/strict";
import OpenAI from "openai";

const url = process.env.SEMROUTE_URL;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0, timeout: 20_000 });
const messages = [{ role: "user", content: "Hello" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

function check(what, actual, expected) {
  assert.deepEqual(actual, expected, `FAILED: ${what}: ${JSON.stringify(actual)}`);
  console.log(`ok: ${what}`);
}

async function listed(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

const { data: answer, response } = await client.chat.completions.create({ model: "m", messages }).withResponse();
check("chat", answer.choices[0].message.content, "Hello yourself");
check("usage", answer.usage, usage);
check("headers", response.headers.get("x-semroute-model"), "m");

const streamed = { model: "m", messages, stream: true, stream_options: { include_usage: true } };
const chunks = await listed(await client.chat.completions.create(streamed));
const words = chunks.map((chunk) => chunk.choices[0]?.delta?.content).filter(Boolean);
check("stream", words, ["Hello ", "yourself"]);
check("usage of a stream", [chunks.at(-1).usage.prompt_tokens, chunks.at(-1).usage.completion_tokens], [10, 5]);

const tools = [{ type: "function", function: { name: "weather", parameters } }];
const calling = (await client.chat.completions.create({ model: "m", messages, tools })).choices[0];
check("tool call", calling.message.tool_calls[0].function, { name: "weather", arguments: '{"city": "Paris"}' });
check("finish reason", calling.finish_reason, "tool_calls");
// The package puts the pieces together, runs the tool and sends its result.
const cities = [];
const weather = ({ city }) => (cities.push(city), "21 degrees");
const tool = { type: "function", function: { name: "weather", parameters, function: weather, parse: JSON.parse } };
const runner = client.chat.completions.runTools({ model: "m", messages, tools: [tool], stream: true });
check("tools that run", await runner.finalContent(), "Hello yourself");
check("arguments of a stream", cities, ["Paris"]);

const whole = await client.responses.create({ model: "m", input: "Hello" });
check("responses", [whole.status, whole.output_text], ["completed", "Hello yourself"]);
check("usage of responses", [whole.usage.input_tokens, whole.usage.output_tokens], [10, 5]);
const flat = [{ type: "function", name: "weather", parameters, strict: false }];
const call = (await client.responses.create({ model: "m", input: "Hello", tools: flat })).output[0];
check("tool call of responses", [call.type, call.name, call.arguments], ["function_call", "weather", '{"city": "Paris"}']);
const events = await listed(await client.responses.create({ model: "m", input: "Hello", stream: true }));
const deltas = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
check("stream of responses", deltas, ["Hello ", "yourself"]);
check("its numbering", events.map((event) => event.sequence_number), [...events.keys()]);
// The package keeps a snapshot from the events and refuses those that do not fit.
const final = await client.responses.stream({ model: "m", input: "Hello" }).finalResponse();
check("stream put together", [final.status, final.output_text], ["completed", "Hello yourself"]);

// Without `encoding_format` the package asks for base64 and decodes it; told so, it hands the text on.
const input = ["The cat sleeps on the sofa.", "A kitten is napping on the couch."];
const headers = { "content-type": "application/json" };
const body = JSON.stringify({ model: "semroute/builtin", input });
const plain = await (await fetch(`${url}/v1/embeddings`, { method: "POST", headers, body })).json();
const decoded = await client.embeddings.create({ model: "semroute/builtin", input });
const nearest = (vector) => [...new Float32Array(vector)];
check("embeddings", decoded.data.map((each) => nearest(each.embedding)), plain.data.map((each) => nearest(each.embedding)));
const asText = await client.embeddings.create({ model: "semroute/builtin", input, encoding_format: "base64" });
check("base64", asText.data.map((each) => typeof each.embedding), ["string", "string"]);

const names = (await listed(client.models.list())).map((model) => model.id);
check("models", [names[0], names.includes("m")], ["auto", true]);
await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), OpenAI.NotFoundError);
console.log("all ok");
