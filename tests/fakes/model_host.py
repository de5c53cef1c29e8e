"""A model host for tests, over real HTTP on loopback: every kind, at a set pace, with faults on request.

In a test::

    with FakeModelHost("ollama", reply="Hello there") as host:
        ...            # host.address, host.requests, host.client_aborts

By hand: `python -m tests.fakes.model_host --kind ollama --port 11434 --token-ms 50`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.host_controls import carry_out

KINDS = ("ollama", "lmstudio", "exo", "vllm", "llamacpp", "openai", "stranger")
_WORD = re.compile(r"\s*\S+")
_WORD_AND_BLANK = re.compile(r"\S+\s*")
_BYTES_PER_TOKEN = 4
_BROKEN = ("garbage", "torn")
_NO_ANSWERS: dict[str, Any] = {
    "html": "<html>Welcome to the intranet</html>",
    "sorry": {"error": {"message": "injected", "code": 500}},
}
_SLOW_SECONDS = 0.5
_STARTS = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
_FILLINGS = {"/api/generate": "ollama", "/infill": "llamacpp", "/v1/completions": ""}  # and who alone has the path
_LONG_ORDERS = {"/api/generate", "/api/pull"}
_EMBEDDINGS = {"/api/embed", "/v1/embeddings"}
_ANSWERS = {"/api/chat", "/v1/chat/completions", *_FILLINGS}
_GARBAGE = b"data: \x00\xff\xfe<html>}{" * 3
MODEL_BYTES = 5 << 30  # what each host says that a loaded model takes
PROCESSOR_BYTES = 1 << 30  # what Ollama says of it that is not on the card


@dataclass(slots=True)
class FakeModel:
    """A model that the host has."""

    name: str
    context_tokens: int = 32768
    is_loaded: bool = True
    is_remote: bool = False
    capabilities: tuple[str, ...] = ("completion",)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong.

    Attributes:
        kind: `status`, `refuse` (closes without a word), `hang`, `cut`, `empty`, `blank` (lines, to its
            limit or as many as `after_tokens`), `error` (in the stream), `redirect`,
            `slow` (half a second), `wrong` (answers as the second of its models), `garbage` (bytes of no protocol),
            `crash` (the server outlives its model's process),
            `html` and `sorry` (200 with a page, or with an error in JSON), `torn` (JSON that ends too early).
        after_tokens: how much of the answer comes first, for all that can happen within it.
        status: for `status`, and for the code in an `error`.
        location: for `redirect`.
    """

    kind: str
    after_tokens: int = 0
    status: int = 500
    location: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `500`, `hang`, `cut@5` and the like."""
        kind, _, after = text.partition("@")
        if kind.isdigit():  # a status within an answer is an error in its stream
            return cls("error" if after else "status", int(after or 0), status=int(kind))
        return cls(kind, after_tokens=int(after or 0))


@dataclass(slots=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    query: str = ""


def _v0_row(model: FakeModel) -> dict[str, Any]:
    row = {"id": model.name, "object": "model", "type": "llm", "max_context_length": 131072}
    if model.is_loaded:
        return row | {"state": "loaded", "loaded_context_length": model.context_tokens}
    return row | {"state": "not-loaded"}


class _ClosedError(Exception):
    """The connection is to be closed without another byte."""


def echo(messages: Sequence[dict[str, Any]]) -> str:
    """Reply with the last message: for leaking what a prompt held."""
    return str(messages[-1]["content"])


@dataclass
class FakeModelHost:
    """The host; a context manager that serves from a thread of its own.

    Attributes:
        kind: whose HTTP it speaks; `stranger` answers 200 with a page to everything.
        reply: what the model says: a text, or a function of the messages such as `echo`.
        calls: tools that the model wishes to call, each with its arguments, where it is offered any.
        vector: what an embedding model makes of a text.
        first_token_seconds, token_seconds: its pace.
        fault: what goes wrong; may be changed while it runs.
        requests: all that arrived, newest last.
        has_fim_tokens: what llama.cpp reads out of its model's file.
        cuts_prompts: an Ollama too old to know `truncate`.
        client_aborts: answers whose reader left before their end.
        waiting: what vLLM says of its queue.
        holds_orders: it is told to load or pull a model, and is not done before whoever told it leaves.
        can_sleep: a vLLM that was started so that it can sleep.
        dies_of: a word in a prompt at which its process, which must be its own, is killed: at once, or when its first
            token is due if that takes a while.
        is_router: a llama.cpp that was started without a model.
        is_old: an LM Studio with version 0 of its API alone, which can load nothing.
        has_room: an exo cluster that can place another instance.
        keeps_connections: it takes the next request on the same connection, as vLLM does.
        forwards: an Ollama that answers from somebody else's machines although its list does not say so.
        has_blanks_behind: a token is a word with the blank behind it; models mostly have it before.
        tls: what it listens with; plain HTTP if there is none.
    """

    kind: str = "ollama"
    models: list[FakeModel] = field(default_factory=lambda: [FakeModel("llama3.1:8b")])
    reply: str | Callable[[Sequence[dict[str, Any]]], str] = "This is the answer of a model that is not there."
    first_token_seconds: float = 0.0
    token_seconds: float = 0.0
    fault: Fault | None = None
    port: int = 0
    calls: Sequence[tuple[str, str]] = ()
    vector: Callable[[str], list[float]] = lambda text: [float(len(text)), 0.25, -1.5, 0.5]
    slots: int = 4
    api_key: str = ""
    is_loading: bool = False
    is_cloud_on: bool = False
    cuts_prompts: bool = False
    has_fim_tokens: bool = True
    requests: list[Received] = field(default_factory=list)
    client_aborts: int = 0
    in_flight: int = 0
    waiting: int = 3
    tokens_sent: int = 0
    holds_orders: bool = False
    can_sleep: bool = True
    dies_of: str = ""
    is_router: bool = False
    is_old: bool = False
    has_room: bool = True
    keeps_connections: bool = False
    has_blanks_behind: bool = False
    forwards: bool = False
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def prompts(self) -> list[Any]:
        """Return the bodies of all requests for an answer."""
        return [request.body for request in self.requests if request.path in _ANSWERS]

    @property
    def embedded(self) -> list[list[str]]:
        """Return the texts of all requests for vectors."""
        return [request.body["input"] for request in self.requests if request.path in _EMBEDDINGS]

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name=f"fake {self.kind}", daemon=True)
        self._thread.start()
        if not started.wait(60):
            raise RuntimeError("the fake model host did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self.serve(started.set))

    async def serve(self, on_start: Callable[[], None]) -> None:
        """Serve until `__exit__`, or until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        on_start()
        await self._stop.wait()
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(2):
            await asyncio.sleep(0)  # a connection that was just taken needs its server to be open until it is noted
        server.close()
        for task, writer in self._connections.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection; noted at once, for a task that is cancelled before it began would close nothing."""
        task = asyncio.create_task(self._serve_connection(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = b""  # of the next request
        try:
            while (begun := await self._handle(begun, reader, writer)) is not None:
                pass
        except (_ClosedError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _handle(self, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Serve one request; return what was read of the next one, or None where there is none."""
        head = (begun + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(
            method, path.partition("?")[0], headers, json.loads(raw) if raw else None, path.partition("?")[2]
        )
        self.requests.append(request)
        begun = b""
        if self._is_asked_to_write(request):
            begun = await self._answer(request, reader, writer)
        elif request.path in _EMBEDDINGS:
            await self._embed(request, writer)
        elif self.holds_orders and request.path in _LONG_ORDERS:
            await reader.read(1)
            self.client_aborts += 1
        else:
            status, body = self._look_up(request)
            await self._send(writer, status, body)
        return begun if self.keeps_connections else None

    def _is_asked_to_write(self, request: Received) -> bool:
        """Tell whether it is a prompt; one without words has Ollama load a model or let it go."""
        if request.path == "/api/generate" and "prompt" not in request.body:
            return False
        return request.path in _ANSWERS and _FILLINGS.get(request.path) in {None, "", self.kind}

    async def _embed(self, request: Received, writer: asyncio.StreamWriter) -> None:
        """Give the vectors of all inputs, or go wrong as told to."""
        fault = self.fault or Fault("none")
        self._die_if_poisoned(request)
        if fault.kind == "refuse":
            raise _ClosedError
        if fault.kind == "hang":
            await asyncio.Event().wait()
        if fault.kind in _NO_ANSWERS or fault.kind == "status":
            body = _NO_ANSWERS.get(fault.kind, {"error": f"injected, for the prompt {request.body}"})
            await self._send(writer, fault.status if fault.kind == "status" else 200, body)
            return
        rows = [self.vector(text)[: request.body.get("dimensions")] for text in request.body["input"]]
        count = sum(len(text.encode()) for text in request.body["input"]) // _BYTES_PER_TOKEN
        if request.path == "/api/embed":
            await self._send(writer, 200, {"embeddings": rows, "prompt_eval_count": count})
            return
        data = [{"object": "embedding", "index": number, "embedding": row} for number, row in enumerate(rows)]
        # The order of the rows is the index, not the place in the list.
        await self._send(writer, 200, {"object": "list", "data": data[::-1], "usage": {"prompt_tokens": count}})

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Generate, and notice when the reader leaves; return what was read of its next request."""
        self.in_flight += 1
        generating = asyncio.create_task(self._generate(request, writer))
        leaving = asyncio.create_task(reader.read(1))
        try:
            done, _ = await asyncio.wait({generating, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if generating in done:
                await generating
            else:
                self.client_aborts += 1
        finally:
            self.in_flight -= 1
            for task in (generating, leaving):
                task.cancel()
            await asyncio.gather(generating, leaving, return_exceptions=True)
        return b"" if leaving.cancelled() else leaving.result()

    async def _generate(self, request: Received, writer: asyncio.StreamWriter) -> None:
        prompt_tokens, refusal = self._refuse(request)
        if refusal is not None:
            status, body, extra = refusal
            await self._send(writer, status, body, extra=extra)
            return
        if request.path == "/v1/chat/completions" and not request.body.get("stream"):
            await self._send_whole(request, prompt_tokens, writer)
            return
        shape = _SHAPES.get(request.path, _OpenAIShape)(request)
        if self.forwards:
            shape._base["remote_host"] = "https://ollama.com:443"
        self._start_stream(writer, shape.content_type)
        answer_tokens = 0
        async for word in self._words(request):
            answer_tokens += 1
            if self.fault and self.fault.kind == "wrong" and answer_tokens > self.fault.after_tokens:
                shape.answer_as(self.models[1].name)
            await _write_chunk(writer, shape.token(word))
            self.tokens_sent += 1
        calls = self._wished(request)
        for number, (name, arguments) in enumerate(calls):
            for piece in shape.call(number, name, arguments):
                await _write_chunk(writer, piece)
        if self.fault and self.fault.kind == "error":
            await _write_chunk(writer, shape.error(self.fault.status))
        elif self.fault and self.fault.kind in _BROKEN:
            await _write_chunk(writer, shape.broken(self.fault.kind))
        else:
            reason = "length" if answer_tokens == _limit(request.body) else "tool_calls" if calls else "stop"
            await _write_chunk(writer, shape.end(prompt_tokens, answer_tokens, reason))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _send_whole(self, request: Received, prompt_tokens: int, writer: asyncio.StreamWriter) -> None:
        """Answer a chat at once, as whoever asks for no stream wants it: other gateways do, ours never does."""
        words = [word async for word in self._words(request)]
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": len(words),
            "total_tokens": prompt_tokens + len(words),
        }
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        named = {"id": "1", "object": "chat.completion", "created": 1, "model": request.body["model"]}
        await self._send(writer, 200, named | {"choices": [choice], "usage": usage})

    async def _send(self, writer: asyncio.StreamWriter, status: int, body: Any, *, extra: str = "") -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        kind = "text/plain" if isinstance(body, str) else "application/json"
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(raw)}\r\n{extra}{self._ending}\r\n"
        writer.write(head.encode() + raw)
        await writer.drain()

    def _start_stream(self, writer: asyncio.StreamWriter, content_type: str) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n{self._ending}\r\n"
        writer.write(head.encode())

    @property
    def _ending(self) -> str:
        return "" if self.keeps_connections else "connection: close\r\n"

    def _wished(self, request: Received) -> Sequence[tuple[str, str]]:
        """Return the calls that this request gets: none where it brings the result of one."""
        is_asking = request.body.get("tools") and request.body["messages"][-1]["role"] != "tool"
        return self.calls if is_asking else ()

    def _refuse(self, request: Received) -> tuple[int, tuple[int, Any, str] | None]:  # noqa: C901, PLR0911 - a list of faults
        """Return the prompt's tokens, and the answer if it is a refusal."""
        fault = self.fault or Fault("none")
        if self.is_loading and self.kind == "llamacpp":
            return 0, (503, _STARTS, "")
        if not self.first_token_seconds:
            self._die_if_poisoned(request)
        if fault.kind == "crash":
            return 0, (500, {"error": "model runner has unexpectedly stopped, this may be due to resources"}, "")
        if fault.kind == "refuse":
            raise _ClosedError
        if fault.kind == "status":
            return 0, (fault.status, {"error": f"injected, for the prompt {request.body}"}, "")
        if fault.kind in _NO_ANSWERS:
            return 0, (200, _NO_ANSWERS[fault.kind], "")
        if fault.kind == "redirect":
            return 0, (307, {}, f"location: {fault.location}\r\n")
        if not self._has_key(request):
            return 0, (401, {"error": {"message": "Invalid API key"}}, "")
        if request.path == "/infill":
            if not self.has_fim_tokens:
                return 0, (501, {"error": {"message": "Infill is not supported by this model", "code": 501}}, "")
            request.body["model"] = self.models[0].name
        if not any(model.name == request.body["model"] for model in self.models):
            return 0, (404, {"error": {"message": f"model '{request.body['model']}' not found"}}, "")
        prompt_tokens, overlong = self._fit(request)
        return prompt_tokens, (400, overlong, "") if overlong is not None else None

    def _die_if_poisoned(self, request: Received) -> None:
        if self.dies_of and self.dies_of in json.dumps(request.body):
            os.kill(os.getpid(), signal.SIGKILL)

    def _has_key(self, request: Received) -> bool:
        return not self.api_key or request.headers.get("authorization") == f"Bearer {self.api_key}"

    async def _words(self, request: Received) -> AsyncIterator[str]:
        fault = self.fault or Fault("none")
        text = self.reply if isinstance(self.reply, str) else self.reply(_messages_of(request.body))
        limit = _limit(request.body)
        instead = {"empty": [], "blank": ["\n"] * (fault.after_tokens or limit)}
        words = instead.get(fault.kind, (_WORD_AND_BLANK if self.has_blanks_behind else _WORD).findall(text))
        await asyncio.sleep(self.first_token_seconds)
        self._die_if_poisoned(request)
        for number, word in enumerate([*words[:limit], None]):
            if number == fault.after_tokens and fault.kind == "hang":
                await asyncio.Event().wait()
            if number == fault.after_tokens and fault.kind == "cut":
                await asyncio.sleep(0.05)  # what was sent before arrives before the cut
                raise _ClosedError
            if word is None or (number == fault.after_tokens and fault.kind in {"error", *_BROKEN}):
                return
            if number == fault.after_tokens and fault.kind == "slow":
                await asyncio.sleep(_SLOW_SECONDS)
            if number:
                await asyncio.sleep(self.token_seconds)
            yield word

    def _fit(self, request: Received) -> tuple[int, Any]:
        """Count the prompt; return what the host makes of one that is too long: fewer tokens, or a refusal."""
        body = request.body
        count = sum(len(str(message["content"]).encode()) for message in _messages_of(body)) // _BYTES_PER_TOKEN
        model = next(model for model in self.models if model.name == body["model"])
        if self.kind == "ollama":
            window = int((body.get("options") or {}).get("num_ctx", 4096))
            if count > window and body.get("truncate") is False and not self.cuts_prompts:
                return count, {"error": "the input length exceeds the context length"}
            return min(count, window), None
        if count > model.context_tokens and self.kind in {"vllm", "llamacpp"}:
            words = f"This model's maximum context length is {model.context_tokens} tokens."
            return count, {"error": {"message": words, "type": "BadRequestError", "code": 400}}
        return min(count, model.context_tokens), None

    def _look_up(self, request: Received) -> tuple[int, Any]:
        if self.kind == "stranger":
            return 200, "<html>Welcome to the intranet</html>"
        if request.path != "/health" and not self._has_key(request):
            return 401, {"error": {"message": "Invalid API key"}}
        if self.is_loading and self.kind == "llamacpp":
            return 503, _STARTS
        done = None if self.is_old else carry_out(self, request)
        if done is not None:
            return done
        answers = getattr(self, f"_{self.kind}_answers")()
        if request.path == "/api/show" and self.kind == "ollama":
            answers = {"/api/show": self._show(request.body["model"])}
        # LM Studio really does answer 200 to a path that it does not know.
        status = 200 if request.path in answers or self.kind == "lmstudio" else 404
        words = f"Unexpected endpoint or method. ({request.method} {request.path})"
        return status, answers.get(request.path, {"error": words})

    def _ollama_answers(self) -> dict[str, Any]:
        rows = [
            {"name": model.name, "model": model.name, "digest": f"sha256:{model.name}"}
            | ({"remote_host": "https://ollama.com:443"} if model.is_remote else {})
            for model in self.models
        ]
        loaded = [model for model in self.models if model.is_loaded]
        return {
            "/": "Ollama is running",
            "/api/version": {"version": "0.13.0"},
            "/api/status": {"cloud": {"disabled": not self.is_cloud_on}},
            "/api/tags": {"models": rows},
            "/api/ps": {
                "models": [
                    {
                        "name": model.name,
                        "context_length": model.context_tokens,
                        "size": MODEL_BYTES,
                        "size_vram": MODEL_BYTES - PROCESSOR_BYTES,
                    }
                    for model in loaded
                ]
            },
            "/v1/models": self._openai_models(),
        }

    def _lmstudio_answers(self) -> dict[str, Any]:
        if self.is_old:
            return {"/api/v0/models": {"data": [_v0_row(model) for model in self.models]}}
        rows = [
            {
                "type": "embedding" if "embedding" in model.capabilities else "llm",
                "key": model.name,
                "loaded_instances": [
                    {"id": model.name, "config": {"context_length": model.context_tokens, "parallel": self.slots}}
                ]
                if model.is_loaded
                else [],
                "max_context_length": 131072,
                "size_bytes": MODEL_BYTES,
            }
            for model in self.models
        ]
        return {"/api/v1/models": {"models": rows}, "/v1/models": self._openai_models()}

    def _vllm_answers(self) -> dict[str, Any]:
        return {
            "/health": "",
            "/version": {"version": "0.11.0"},
            **({"/is_sleeping": {"is_sleeping": not self.models[0].is_loaded}} if self.can_sleep else {}),
            "/v1/models": self._openai_models(owned_by="vllm"),
            "/metrics": "# TYPE vllm:num_requests_waiting gauge\n"
            f'vllm:num_requests_waiting{{engine="0"}} {self.waiting:.1f}\n'
            f'vllm:num_requests_running{{engine="0"}} {self.in_flight:.1f}\n'
            'vllm:kv_cache_usage_perc{engine="0"} 0.25\n',
        }

    def _router_answers(self) -> dict[str, Any]:
        rows = [
            {"id": model.name, "object": "model", "status": {"value": "loaded" if model.is_loaded else "unloaded"}}
            for model in self.models
        ]
        listed = {"object": "list", "data": rows}
        props = {"role": "router", "build_info": "b7000-fake"}
        if self.requests[-1].path == "/props" and "model=" in self.requests[-1].query:
            window = self.models[0].context_tokens
            props = {"default_generation_settings": {"n_ctx": window}, "total_slots": self.slots}  # type: ignore[dict-item]
        return {"/health": {"status": "ok"}, "/props": props, "/models": listed, "/v1/models": listed}

    def _llamacpp_answers(self) -> dict[str, Any]:
        if self.is_router:
            return self._router_answers()
        window = self.models[0].context_tokens
        return {
            "/health": {"status": "ok"},
            "/props": {
                "default_generation_settings": {"n_ctx": window},
                "total_slots": self.slots,
                "build_info": "b7000-fake",
            },
            "/slots": [{"id": number, "is_processing": number < self.in_flight} for number in range(self.slots)],
            "/v1/models": self._openai_models(owned_by="llamacpp"),
        }

    def _openai_answers(self) -> dict[str, Any]:
        rows = [{"id": model.name, "object": "model", "owned_by": "library"} for model in self.models]
        return {"/v1/models": {"object": "list", "data": rows}}

    def _exo_answers(self) -> dict[str, Any]:
        instances = {
            f"instance-{number}": {"MlxRingInstance": {"shardAssignments": {"modelId": model.name}}}
            for number, model in enumerate(self.models)
            if model.is_loaded
        }
        state = {
            "instances": instances,
            "tasks": {str(number): {} for number in range(self.in_flight)},
            "lastSeen": {"gone": "2026-01-01T00:00:00Z"},
            "nodeMemory": {"node-1": {"ramAvailable": {"inBytes": 8 << 30}}},
            "nodeSystem": {
                "node-1": {"gpuUsage": 0.5, "temp": 61.0, "sysPower": 38.5, "pcpuUsage": 0.1, "ecpuUsage": 0.2},
                "gone": {"gpuUsage": 1.0, "sysPower": 90.0},
            },
        }
        return {"/node_id": "node-1", "/state": state, "/v1/models": self._openai_models()}

    def _openai_models(self, *, owned_by: str = "library") -> dict[str, Any]:
        rows = [
            {
                "id": model.name,
                "object": "model",
                "owned_by": owned_by,
                "max_model_len": model.context_tokens,
                "meta": {"size": MODEL_BYTES, "n_ctx_train": 131072},
            }
            for model in self.models
        ]
        return {"object": "list", "data": rows}

    def _show(self, name: str) -> dict[str, Any]:
        model = next(model for model in self.models if model.name == name)
        info = {"general.architecture": "llama", "llama.context_length": 131072}
        return {"model_info": info, "capabilities": list(model.capabilities)}


class _OpenAIShape:
    content_type = "text/event-stream"

    def __init__(self, request: Received) -> None:
        self._base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": request.body["model"]}
        self._has_chances = bool(request.body.get("logprobs"))

    def token(self, text: str) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        if self._has_chances:
            rows = [{"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}]
            choice["logprobs"] = {"content": rows}
        return self._event({"choices": [choice]})

    def call(self, number: int, name: str, arguments: str) -> Iterator[bytes]:
        """Yield a call as vLLM sends it: its name, then its arguments in pieces."""
        pieces = [{"name": name, "arguments": ""}, *({"arguments": letter} for letter in arguments)]
        for place, function in enumerate(pieces):
            named = {"id": f"call-{number}", "type": "function"} if place == 0 else {}
            calls = [{"index": number, **named, "function": function}]
            yield self._event({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": None}]})

    def error(self, status: int) -> bytes:
        error = {"error": {"message": "injected", "type": "InternalServerError", "code": status}}
        return b"data: " + json.dumps(error).encode() + b"\n\ndata: [DONE]\n\n"

    def broken(self, kind: str) -> bytes:
        return (b'data: {"choices":[{"delta":{"con' if kind == "torn" else _GARBAGE) + b"\n\n"

    def answer_as(self, model: str) -> None:
        self._base["model"] = model

    def end(self, prompt_tokens: int, answer_tokens: int, reason: str) -> bytes:
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        }
        stop = self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        return stop + self._event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"

    def _event(self, fields: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(self._base | fields).encode() + b"\n\n"


class _OllamaShape:
    content_type = "application/x-ndjson"

    def __init__(self, request: Received) -> None:
        self._base = {"model": request.body["model"], "created_at": "2026-01-01T00:00:00Z"}

    def token(self, text: str) -> bytes:
        return self._line({"message": {"role": "assistant", "content": text}, "done": False})

    def call(self, number: int, name: str, arguments: str) -> Iterator[bytes]:
        """Yield a call as Ollama sends it: whole, and its arguments as an object."""
        function = {"index": number, "name": name, "arguments": json.loads(arguments)}
        message = {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
        yield self._line({"message": message, "done": False})

    def error(self, status: int) -> bytes:
        return json.dumps({"error": f"injected {status}"}).encode() + b"\n"

    def broken(self, kind: str) -> bytes:
        return (b'{"message":{"role":"assistant","con' if kind == "torn" else _GARBAGE) + b"\n"

    def answer_as(self, model: str) -> None:
        self._base["model"] = model

    def end(self, prompt_tokens: int, answer_tokens: int, reason: str) -> bytes:
        counts = {"prompt_eval_count": prompt_tokens, "eval_count": answer_tokens}
        ending = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
        return self._line(ending | counts)

    def _line(self, fields: dict[str, Any]) -> bytes:
        return json.dumps(self._base | fields).encode() + b"\n"


class _CompletionShape(_OpenAIShape):
    def token(self, text: str) -> bytes:
        return self._event({"choices": [{"index": 0, "text": text, "finish_reason": None}]})

    def end(self, prompt_tokens: int, answer_tokens: int, reason: str) -> bytes:
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens}
        stop = self._event({"choices": [{"index": 0, "text": "", "finish_reason": reason}]})
        return stop + self._event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"


class _InfillShape(_OpenAIShape):
    def token(self, text: str) -> bytes:
        return b"data: " + json.dumps({"index": 0, "content": text, "stop": False}).encode() + b"\n\n"

    def end(self, prompt_tokens: int, answer_tokens: int, reason: str) -> bytes:
        end = {"index": 0, "content": "", "stop": True, "stop_type": {"length": "limit"}.get(reason, "eos")}
        counts = {"tokens_evaluated": prompt_tokens, "tokens_predicted": answer_tokens}
        return b"data: " + json.dumps(end | counts).encode() + b"\n\n"


class _GenerateShape(_OllamaShape):
    def token(self, text: str) -> bytes:
        return self._line({"response": text, "done": False})

    def end(self, prompt_tokens: int, answer_tokens: int, reason: str) -> bytes:
        counts = {"prompt_eval_count": prompt_tokens, "eval_count": answer_tokens}
        return self._line({"response": "", "done": True, "done_reason": reason} | counts)


_SHAPES: dict[str, type[_OpenAIShape | _OllamaShape]] = {
    "/api/chat": _OllamaShape,
    "/api/generate": _GenerateShape,
    "/infill": _InfillShape,
    "/v1/completions": _CompletionShape,
}


def _messages_of(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the messages of a request, or what it wants completed as one."""
    if "messages" in body:
        return list(body["messages"])
    parts = (body.get(name, "") for name in ("input_prefix", "prompt", "suffix", "input_suffix"))
    return [{"role": "user", "content": "".join(parts)}]


def _limit(body: dict[str, Any]) -> int:
    options = (body.get("options") or {}).get("num_predict")
    limit = options or body.get("max_tokens") or body.get("n_predict") or 10_000
    return int(limit)


async def _write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


def main() -> None:
    """Serve one host until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, default="ollama")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", action="append", help="may be given more than once")
    parser.add_argument("--context", type=int, default=32768, help="tokens")
    parser.add_argument("--reply", default="This is the answer of a model that is not there.")
    parser.add_argument("--echo", action="store_true", help="reply with the last message")
    parser.add_argument("--first-token-ms", type=float, default=0)
    parser.add_argument("--token-ms", type=float, default=0)
    parser.add_argument("--fault", help="500, refuse, hang, hang@5, cut@5, error@5, empty")
    parser.add_argument("--dies-of", default="", help="a word in a prompt")
    parser.add_argument("--keep-alive", action="store_true", help="take many requests on one connection")
    parser.add_argument("--blanks-behind", action="store_true", help="send words with the blank behind them")
    options = parser.parse_args()
    host = FakeModelHost(
        kind=options.kind,
        models=[FakeModel(name, options.context) for name in options.model or ["llama3.1:8b"]],
        reply=echo if options.echo else options.reply,
        first_token_seconds=options.first_token_ms / 1000,
        token_seconds=options.token_ms / 1000,
        fault=Fault.parse(options.fault) if options.fault else None,
        port=options.port,
        dies_of=options.dies_of,
        keeps_connections=options.keep_alive,
        has_blanks_behind=options.blanks_behind,
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(host.serve(lambda: print(f"ready {host.address}", flush=True)))


if __name__ == "__main__":
    main()
