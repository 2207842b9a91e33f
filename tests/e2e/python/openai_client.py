"""What OpenAI's Python client gets from the port at the first argument; one line of JSON for each check.

http_python.test.mjs says what is expected; nothing is judged here.
"""

import json
import sys

import openai

HELLO = [{"role": "user", "content": "Hello, GitHub Copilot!"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
client = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="not-needed", max_retries=0)
chat = client.chat.completions


def tell(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def error_of(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "kind": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "message": error.message,
            "request_id": error.request_id,
        }
    return None


def with_stream():
    with client.chat.completions.stream(model="gpt-4.1", messages=HELLO) as stream:
        for _ in stream:
            pass
        return stream.get_final_completion().choices[0].message.content


whole = chat.create(model="gpt-4.1", messages=HELLO)
tell("whole", whole.model_dump())
chunks = list(
    chat.create(
        model="claude-sonnet-4.5", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
)
tell("stream", [one.model_dump() for one in chunks])
tell("stream helper", with_stream())
called = chat.create(
    model="gpt-4.1", messages=[{"role": "user", "content": "weather in Rome"}], tools=[WEATHER]
)
tell("tool", called.choices[0].message.tool_calls[0].function.model_dump())
raw = chat.with_raw_response.create(model="gpt-4.1", messages=HELLO)
tell("request id", [raw.headers["x-request-id"], raw.parse()._request_id])
tell("models", [one.id for one in client.models.list()])
tell("model", client.models.retrieve("gpt-4.1").id)
tell("unknown model", error_of(lambda: chat.create(model="gpt-9", messages=HELLO)))
tell("bad request", error_of(lambda: chat.create(model="gpt-4.1", messages=[])))
vectors = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
tell("embeddings", [len(one.embedding) for one in vectors.data])
legacy = client.completions.create(model="gpt-4.1", prompt="Once upon a time", max_tokens=20)
tell("completion", legacy.model_dump())
