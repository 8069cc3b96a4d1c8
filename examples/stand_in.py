"""A stand-in for an LLM, where there is no key: it speaks OpenAI's chat completions on this machine, for the examples.

It knows nothing and believes what comes first: of numbered sources, `[1] title`, an empty line and a text, it quotes
the first sentence of the first one and names it. Where it is given tools, it asks the first before it answers; where
LlamaIndex wants a question that stands for itself, it puts the one that the conversation began with in front.
"""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SOURCE = re.compile(r"^ *\[(\d+)\] ([^\n]+)\n\n(.+?)(?:(?<=[.:!?])(?=\s)|\n\n|\Z)", re.MULTILINE | re.DOTALL)
FOLLOW_UP = re.compile(r"^ *user: ([^\n]+).*Follow Up Input: ([^\n]+)\s+Standalone question:", re.MULTILINE | re.DOTALL)


@contextmanager
def chat_model(live: str | None = None) -> Generator[dict[str, Any]]:
    """How to reach an LLM: `model`, `base_url` and `api_key` for OpenAI's SDK and all that is built on it.

    Args:
        live: The name of a model of OpenAI's, or of whoever is at `OPENAI_BASE_URL`, with the key in `OPENAI_API_KEY`;
            by default the stand-in is started.
    """
    if live is not None:
        yield {"model": live}
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), Completions) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        yield {"model": "stand-in", "base_url": url, "api_key": "stand-in"}
        server.shutdown()


def completed(settings: dict[str, Any], prompt: str) -> tuple[str, int]:
    """What an LLM answers to a prompt, over OpenAI's SDK, and how many tokens it read."""
    from openai import OpenAI

    others = {name: value for name, value in settings.items() if name != "model"}
    with OpenAI(**others) as client:
        done = client.chat.completions.create(model=settings["model"], messages=[{"role": "user", "content": prompt}])
    return done.choices[0].message.content or "", done.usage.prompt_tokens if done.usage else 0


class Completions(BaseHTTPRequestHandler):
    """The server's side of OpenAI's chat completions."""

    def do_POST(self) -> None:
        """Answer a conversation."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = [str(each["content"]) for each in asked["messages"]]
        last = asked["messages"][-1]["role"]
        message: dict[str, Any] = {"role": "assistant", "content": written(texts[-1])}
        if "tools" in asked and last == "user":
            name = asked["tools"][0]["function"]["name"]
            call = {"name": name, "arguments": json.dumps({"query": texts[-1]})}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": call}],
            }
        read, wrote = sum(len(each.split()) for each in texts), len(str(message["content"]).split())
        self.answer(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 0,
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote},
            }
        )

    def answer(self, value: dict[str, Any]) -> None:
        """Send JSON."""
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it has in the base class
        """Say nothing."""


def written(text: str) -> str:
    """What the stand-in writes."""
    follow_up = FOLLOW_UP.search(text)
    if follow_up is not None:
        return f"{follow_up[1]} {follow_up[2]}"
    found = SOURCE.search(text)
    return "I don't know." if found is None else f"{found[2]}: {' '.join(found[3].split())} [{found[1]}]"
