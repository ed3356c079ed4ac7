"""The OpenAI SDK against semroute: start `semroute demo` first, then `pip install openai` and run this."""

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="none-needed")

for prompt in ["What is the capital of Portugal?", "Prove that the square root of 2 is irrational."]:
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": prompt}]
    )
    answer = raw.parse()
    print(f"{prompt!r} was answered by {answer.model}: {raw.headers['x-semroute-reason']}")

stream = client.chat.completions.create(
    model="auto:best", stream=True, messages=[{"role": "user", "content": "Say something slowly."}]
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
