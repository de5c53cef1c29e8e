"""The gateway by the official client: every route, streaming and not, over a real web process and fake hosts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import openai
import pytest

from tests.fakes.model_host import Fault, echo
from tests.integration.gateway_scene import GatewaySite, environment_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

MAIL = "anna.berger@corp.example"
KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"


@pytest.fixture
def site(served: GatewaySite) -> GatewaySite:
    served.reset()
    return served


def said(*texts: str) -> list[dict[str, str]]:
    """Return texts as messages: the last is the user's, and they take turns before it."""
    roles = ("user", "assistant")
    return [{"role": roles[(len(texts) - 1 - number) % 2], "content": text} for number, text in enumerate(texts)]


def test_the_models_of_a_token_are_its_personas_and_what_stands_behind_them(site: GatewaySite) -> None:
    client = site.client(site.token("chat", "persona:starcoder", "model:qwen2.5:instruct"))
    assert [model.id for model in client.models.list()] == ["starcoder", "starcoder/qwen2.5:instruct"]
    everything = site.client()
    ids = [model.id for model in everything.models.list()]
    assert ids[:3] == ["general", "general/deepseek/coder", "general/nomic-embed"]
    assert {"starcoder", "operations/deepseek/coder"} < set(ids)
    assert all(everything.models.retrieve(wanted).id == wanted for wanted in ids)
    assert [model.id for model in site.client(site.token("chat", name="tom")).models.list()] == ["general"]


def test_a_whole_answer(site: GatewaySite) -> None:
    answer = site.client().chat.completions.create(model="general", messages=said("Hello?"))
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == "Hello from the model."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 4


@pytest.mark.parametrize("has_usage", [True, False])
def test_a_streamed_answer(site: GatewaySite, *, has_usage: bool) -> None:
    site.ollama.token_seconds = 0.05
    options = {"stream_options": {"include_usage": True}} if has_usage else {}
    stream = site.client().chat.completions.create(model="general", messages=said("Hello?"), stream=True, **options)
    pieces = list(stream)
    assert len({piece.id for piece in pieces}) == 1
    assert pieces[0].choices[0].delta.role == "assistant"
    texts = [piece.choices[0].delta.content or "" for piece in pieces if piece.choices]
    assert "".join(texts) == "Hello from the model."
    assert len(texts) > 2
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == "stop"
    assert [piece.usage.completion_tokens for piece in pieces if piece.usage] == ([4] if has_usage else [])


def test_a_named_model_answers_with_its_persona(site: GatewaySite) -> None:
    site.client().chat.completions.create(model="starcoder/deepseek/coder", messages=said("Hello?"))
    (prompt,) = site.vllm.prompts
    assert prompt["model"] == "deepseek/coder"
    assert prompt["messages"][0]["content"].startswith("You are StarCoder")
    assert site.ollama.prompts == []


def test_the_conversation_is_the_clients_and_every_instruction_follows_the_personas(site: GatewaySite) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *said("one", "two", "three"),
        {"role": "developer", "content": [{"type": "text", "text": "Say it"}, {"type": "text", "text": "in French."}]},
    ]
    site.client().chat.completions.create(model="general", messages=messages)  # type: ignore[arg-type]
    (prompt,) = site.ollama.prompts
    assert [(message["role"], message["content"]) for message in prompt["messages"][1:]] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    assert prompt["messages"][0]["content"].endswith("\n\nBe brief.\n\nSay it\nin French.")


def test_values_are_held_back_from_the_host_and_given_back_to_the_person(site: GatewaySite) -> None:
    site.ollama.reply = echo
    client = site.client()
    asked = said(f"My key is {KEY}", f"Noted: {KEY}", f"Write to {MAIL} with {KEY}")
    answer = client.chat.completions.create(model="general", messages=asked)
    told = json.dumps(site.ollama.prompts)
    assert KEY not in told
    assert MAIL not in told
    content = answer.choices[0].message.content or ""
    assert content.startswith(f"Write to {MAIL} with [")
    assert KEY not in content
    streamed = client.chat.completions.create(model="general", messages=asked, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in streamed) == content


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_blocked_prompt_is_a_well_formed_refusal(site: GatewaySite, place: int) -> None:
    texts = ["one", "two", "three"]
    texts[place] = PEM
    client = site.client()
    answer = client.chat.completions.create(model="general", messages=said(*texts))
    assert answer.choices[0].finish_reason == "content_filter"
    words = answer.choices[0].message.content or ""
    assert "Nothing was sent" in words
    stream = client.chat.completions.create(model="general", messages=said(*texts), stream=True)
    pieces = list(stream)
    assert "Nothing was sent" in "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert pieces[-1].choices[0].finish_reason == "content_filter"
    assert site.ollama.prompts == site.vllm.prompts == []


def test_a_blocked_answer_ends_with_the_reason(site: GatewaySite) -> None:
    site.ollama.reply = f"Here it is: {PEM}"
    answer = site.client().chat.completions.create(model="general", messages=said("Give me a key"))
    content = answer.choices[0].message.content or ""
    assert answer.choices[0].finish_reason == "content_filter"
    assert "MIIEpAIBAAKCAQEA7bq1" not in content


def test_sampling_reaches_every_kind_of_host(site: GatewaySite) -> None:
    client = site.client()
    wished = {"temperature": 0, "top_p": 0.5, "seed": 7, "stop": ["END", "\n\n"], "frequency_penalty": 0.25}
    for model in ("general/qwen2.5:instruct", "general/deepseek/coder"):
        client.chat.completions.create(model=model, messages=said("x"), max_tokens=9, **wished)  # type: ignore[call-overload]
    options = site.ollama.prompts[0]["options"]
    assert options["num_predict"] == 9
    assert {name: options[name] for name in ("temperature", "top_p", "seed", "stop")} == {
        name: wished[name] for name in ("temperature", "top_p", "seed", "stop")
    }
    assert site.vllm.prompts[0].items() >= (wished | {"max_tokens": 9}).items()


def test_an_answer_that_is_cut_says_so(site: GatewaySite) -> None:
    answer = site.client().chat.completions.create(model="general", messages=said("x"), max_completion_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello from", "length")


def test_one_reference_stands_in_header_log_and_audit(site: GatewaySite) -> None:
    token = site.token("chat")
    raw = site.client(token).chat.completions.with_raw_response.create(model="general", messages=said(f"Hi {MAIL}"))
    events = site.events(raw.headers["x-request-id"])
    assert [event["type"] for event in events] == ["turn:accepted", "turn:guarded", "turn:routed", "turn:answered"]
    assert raw.parse().id == f"chatcmpl-{UUID(events[0]['turn_id']).hex}"
    accepted = events[0]["data"]
    assert (accepted["door"], events[0]["persona"]) == ("gateway", "general")
    assert site.run("SELECT id::text FROM api_token ORDER BY created_at DESC LIMIT 1") == [(accepted["token_id"],)]
    assert events[1]["data"]["guard"]["held_back"] == 1
    assert site.run("SELECT (SELECT count(*) FROM thread) + (SELECT count(*) FROM message)") == [(0,)]


def test_a_host_that_fails_is_a_status_and_in_mid_answer_an_error(site: GatewaySite) -> None:
    client = site.client()
    site.ollama.fault = site.vllm.fault = Fault("status", status=500)
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="general", messages=said("Hello?"))
    assert failed.value.status_code == 503
    assert f"(ref {failed.value.request_id})" in failed.value.message
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="general", messages=said("Hello?"), stream=True)
    site.vllm.fault = Fault("cut", after_tokens=3)
    site.vllm.token_seconds = 0.1
    stream = client.chat.completions.create(model="general/deepseek/coder", messages=said("Hello?"), stream=True)
    pieces = []
    with pytest.raises(openai.APIError):
        pieces += [piece.choices[0].delta.content or "" for piece in stream]


def test_a_conversation_that_fits_no_window_is_refused_by_the_name_that_editors_know(site: GatewaySite) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        site.client().chat.completions.create(
            model="general/deepseek/coder", messages=said("one", "two", "word " * 15_000)
        )
    assert refused.value.code == "context_length_exceeded"
    assert site.vllm.prompts == []


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_client_that_leaves_stops_the_host(site: GatewaySite, *, is_stream: bool) -> None:
    site.ollama.reply, site.ollama.token_seconds = "word " * 500, 0.05
    aborts, sent, token = site.ollama.client_aborts, site.ollama.tokens_sent, await asyncio.to_thread(site.token)
    client = openai.AsyncOpenAI(
        base_url=f"{site.url}/v1",
        api_key=token,
        max_retries=0,
        http_client=httpx.AsyncClient(trust_env=False),
    )
    asking = asyncio.create_task(_read(client, is_stream=is_stream))
    await until(lambda: site.ollama.tokens_sent > sent + 3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: site.ollama.client_aborts > aborts)
    await until(lambda: site.run("SELECT type FROM audit.event ORDER BY id DESC LIMIT 1") == [("turn:interrupted",)])
    await client.close()


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(3000):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be in 60 s")


async def _read(client: openai.AsyncOpenAI, *, is_stream: bool) -> None:
    if not is_stream:
        await client.chat.completions.create(model="general", messages=[{"role": "user", "content": "Hello?"}])
        return
    async with await client.chat.completions.create(
        model="general", messages=[{"role": "user", "content": "Hello?"}], stream=True
    ) as stream:
        async for _ in stream:
            pass


def test_a_token_has_no_more_answers_running_than_it_may(site: GatewaySite) -> None:
    site.vllm.reply, site.vllm.token_seconds = "word " * 300, 0.1
    client, asked = site.client(), said("Hello?")
    model = "general/deepseek/coder"
    running = [client.chat.completions.create(model=model, messages=asked, stream=True) for _ in range(8)]
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model=model, messages=asked)
    assert refused.value.response.headers["retry-after"] == "1"
    assert "'one-token' allows 8 answers at once" in refused.value.message
    assert int(refused.value.response.headers["x-ratelimit-remaining-requests"]) < 600
    assert site.run("SELECT count(*) FROM audit.event WHERE type = 'turn:refused'") == [(1,)]
    assert site.client().chat.completions.create(model="general", messages=asked).choices
    for stream in running:
        stream.close()
    site.vllm.token_seconds = 0
    for _ in range(600):
        try:
            client.chat.completions.create(model=model, messages=asked)
        except openai.RateLimitError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("no place became free")


TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "send",
            "description": f"Sends with {KEY}.",
            "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
        },
    }
]


@pytest.mark.parametrize("model", ["qwen2.5:instruct", "deepseek/coder"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_tool_is_called_and_its_result_answered(site: GatewaySite, model: str, *, is_stream: bool) -> None:
    """The model sees placeholders, the caller its own values, and neither the secret."""
    host = site.ollama if model.startswith("qwen") else site.vllm
    host.calls = (("send", json.dumps({"to": "[EMAIL_1]"})), ("send", "{}"))
    asked: list[Any] = said(f"Write to {MAIL}")
    client = site.client()
    fields: dict[str, Any] = {"model": f"general/{model}", "tools": TOOLS}
    if is_stream:
        with client.chat.completions.stream(messages=asked, **fields) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(messages=asked, **fields).choices[0]
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("send", {"to": MAIL}),
        ("send", {}),
    ]
    newest = "SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,calls}' FROM audit.event WHERE type = 'turn:called'"
    assert site.run(f"{newest} ORDER BY id DESC LIMIT 1") == [("2",)]
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"sent to {MAIL}"} for call in calls]
    followed = [*asked, choice.message.model_dump(exclude_none=True, exclude={"parsed"}), *results]
    for call in followed[1]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    host.reply = echo
    answer = client.chat.completions.create(messages=followed, **fields).choices[0]
    assert (answer.message.content, answer.finish_reason) == (f"sent to {MAIL}", "stop")
    told = json.dumps(host.prompts)
    assert KEY not in told
    assert MAIL not in told
    assert [message["role"] for message in host.prompts[-1]["messages"][1:]] == ["user", "assistant", "tool", "tool"]


@pytest.mark.parametrize("is_stream", [True, False])
def test_chances_of_tokens_come_from_hosts_that_can_tell(site: GatewaySite, *, is_stream: bool) -> None:
    def chances(reply: str) -> tuple[str, list[Any]]:
        site.vllm.reply = reply
        asked: dict[str, Any] = {"model": "general", "messages": said("Hello?"), "logprobs": True, "top_logprobs": 0}
        if not is_stream:
            choice = site.client().chat.completions.create(**asked).choices[0]
            return choice.message.content or "", (choice.logprobs.content or []) if choice.logprobs else []
        pieces = [each.choices[0] for each in site.client().chat.completions.create(**asked, stream=True)]
        told = [row for piece in pieces if piece.logprobs for row in piece.logprobs.content or []]
        return "".join(piece.delta.content or "" for piece in pieces), told

    text, told = chances("Hello from the model.")
    assert "".join(row.token for row in told) == text == "Hello from the model."
    assert {row.logprob for row in told} == {-0.5}
    assert site.ollama.prompts == []
    text, told = chances(f"The key is {KEY} indeed.")
    assert KEY not in text
    assert KEY not in str(told)
    assert not any("indeed" in row.token for row in told)
    assert is_stream or told == []


def test_the_command_prints_the_token_alone_and_what_it_revokes_is_refused(site: GatewaySite, tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "assistant", "users", "token", *arguments],
            env=environment_of(site.settings),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    token = command("create", "maria", "--scope", "chat", "--days", "2", "--label", "laptop").removesuffix("\n")
    client = site.client(token)
    assert client.models.list().data
    (line,) = [line for line in command("list", "maria", "--json").splitlines() if json.loads(line)["label"]]
    assert token not in line
    command("revoke", json.loads(line)["id"])
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
