"""What LiteLLM's SDK gets from the port at the first argument; one line of JSON for each check."""

import json
import sys

import litellm

HELLO = [{"role": "user", "content": "Hello, GitHub Copilot!"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
port = {"api_base": f"{sys.argv[1]}/v1", "api_key": "not-needed", "num_retries": 0, "max_retries": 0}


def tell(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def error_of(**request):
    try:
        litellm.completion(**request, **port)
    except Exception as error:  # its kind is what is asked for
        return {
            "kind": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error),
        }
    return None


whole = litellm.completion(model="openai/gpt-4.1", messages=HELLO, **port)
tell("whole", whole.choices[0].message.content)
tell("usage", whole.usage.total_tokens)
pieces = list(
    litellm.completion(
        model="openai/claude-sonnet-4.5",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
        **port,
    )
)
tell("stream", [one.choices[0].delta.content for one in pieces if one.choices])
tell("stream usage", [one.usage.total_tokens for one in pieces if getattr(one, "usage", None)])
called = litellm.completion(
    model="openai/gpt-4.1",
    messages=[{"role": "user", "content": "weather in Rome"}],
    tools=[WEATHER],
    **port,
)
tell("tool", json.loads(called.choices[0].message.tool_calls[0].function.arguments))
tell("unknown model", error_of(model="openai/gpt-9", messages=HELLO))
tell("bad request", error_of(model="openai/gpt-4.1", messages=[]))
tell("rate limit", error_of(model="openai/gpt-4o", messages=HELLO))
vectors = litellm.embedding(model="openai/text-embedding-3-small", input=["one", "two"], **port)
tell("embeddings", [len(one["embedding"]) for one in vectors.data])
