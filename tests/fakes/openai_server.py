"""A local endpoint that speaks OpenAI's chat completions as its reference describes them.

It answers from a script: each answer is the texts of one call's choices, or a status with headers.
Requests are kept. ``n``, ``seed``, ``stop`` and ``logprobs`` are honoured.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[dict[str, Any]], list[str] | tuple[int, dict[str, str], str]]


@dataclass
class OpenAIServer:
    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    busiest: int = 0
    busy: int = 0


def _choice(index: int, text: str, body: dict[str, Any]) -> dict[str, Any]:
    stops = [text.find(stop) for stop in body.get("stop") or [] if stop in text]
    text = text[: min(stops)] if stops else text
    words = text.split()
    logprobs = {"content": [{"token": w, "logprob": -0.5, "bytes": None} for w in words]}
    return {
        "index": index,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": logprobs if body.get("logprobs") else None,
        "finish_reason": "stop",
    }


def _completion(texts: list[str], body: dict[str, Any]) -> dict[str, Any]:
    prompt = sum(len(message["content"].split()) for message in body["messages"])
    spoken = sum(len(text.split()) for text in texts)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [_choice(i, text, body) for i, text in enumerate(texts)],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": spoken,
            "total_tokens": prompt + spoken,
        },
    }


@contextlib.contextmanager
def openai_server(script: Script, *, delay_s: float = 0.0) -> Iterator[OpenAIServer]:
    """Serve until the block ends."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                state.requests.append(body)
                state.headers.append(dict(self.headers))
                state.busy += 1
                state.busiest = max(state.busiest, state.busy)
            time.sleep(delay_s)
            if self.path == "/v1/chat/completions":
                answer = script(body)
            else:
                answer = (404, {}, '{"error": {"message": "no such route"}}')
            with lock:
                state.busy -= 1
            if isinstance(answer, tuple):
                self._send(*answer)
            else:
                self._send(200, {}, json.dumps(_completion(answer, body)))

        def _send(self, status: int, headers: dict[str, str], text: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = OpenAIServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
