"""The sample of the README, unchanged but for the port, which is the first argument."""

import sys

import openai

client = openai.OpenAI(base_url=f"http://localhost:{sys.argv[1]}/v1", api_key="not-needed")
answer = client.chat.completions.create(
    model="copilot-gpt-4", messages=[{"role": "user", "content": "Hello, GitHub Copilot!"}]
)
print(answer.choices[0].message.content)
