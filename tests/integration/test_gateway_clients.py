"""The gateway by other clients than the Python one: the official JavaScript client, litellm and LangChain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.gateway_scene import GatewaySite

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

JAVASCRIPT_CLIENT: Final = "openai@6.30.1"
SAID: Final = "Hello from the model."
VECTORS: Final = [[4.0, 0.25, -1.5, 0.5], [7.0, 0.25, -1.5, 0.5]]
_INSTALL_SECONDS: Final = 120
_RUN_SECONDS: Final = 180  # litellm alone imports for seconds, and for many more on a busy machine


@pytest.fixture
def site(served: GatewaySite) -> GatewaySite:
    served.reset()
    served.vllm.calls = (("send", json.dumps({"to": "all"})),)
    return served


@pytest.fixture
def token(site: GatewaySite) -> str:
    return site.token("chat", "completions", "embeddings", "model:*")


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script beside the installed client; a machine without Node.js has none, and CI must have it."""
    if shutil.which("npm") is None and not os.environ.get("CI"):
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("javascript")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", ".", JAVASCRIPT_CLIENT]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    return shutil.copy(Path(__file__).with_name("openai_client.mjs"), folder)


def test_every_route_by_the_official_javascript_client(site: GatewaySite, token: str, javascript: Path) -> None:
    told = _run(["node", str(javascript), f"{site.url}/v1", token])
    assert "general/nomic-embed" in told.pop("models")
    assert told == {
        "whole": SAID,
        "streamed": SAID,
        "tokens": 4,
        "call": ["send", '{"to": "all"}'],
        "followed": SAID,
        "filled": SAID,
        "vectors": VECTORS,
        "refused": [404, "model_not_found"],
    }


_LITELLM: Final = """
import json, sys, warnings
warnings.simplefilter("ignore")
import litellm
base, key = sys.argv[1:]
litellm.suppress_debug_info = True
to = {"api_base": base, "api_key": key, "max_retries": 0}
asked = {"model": "openai/general/deepseek/coder", "messages": [{"role": "user", "content": "Hello?"}], **to}
whole = litellm.completion(**asked)
pieces = list(litellm.completion(**asked, stream=True))
gap = {"model": "text-completion-openai/starcoder", "prompt": "def f():", "suffix": "x", **to}
filled = litellm.text_completion(**gap)
filling = list(litellm.text_completion(**gap, stream=True))
vectors = litellm.embedding(model="openai/general/nomic-embed", input=["four", "seven77"], **to)
# What it imports for tools otherwise is of its proxy, and needs another version of a package than Chainlit does.
tools = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {}}}}]
offered = asked | {"tools": tools, "_skip_mcp_handler": True}
called = litellm.completion(**offered).choices[0]
streamed_call = litellm.stream_chunk_builder(list(litellm.completion(**offered, stream=True))).choices[0]
result = {"role": "tool", "tool_call_id": called.message.tool_calls[0].id, "content": "sent"}
followed = litellm.completion(**offered | {"messages": [*asked["messages"], called.message.model_dump(), result]})
try:
    litellm.completion(**asked | {"model": "openai/nobody"})
except litellm.NotFoundError as error:
    refused = error.status_code
print(json.dumps({
    "whole": whole.choices[0].message.content,
    "streamed": "".join(piece.choices[0].delta.content or "" for piece in pieces),
    "filled": filled.choices[0].text,
    "filled in pieces": "".join(piece.choices[0].text or "" for piece in filling),
    "calls": [
        [choice.finish_reason, call.function.name, call.function.arguments]
        for choice in (called, streamed_call)
        for call in choice.message.tool_calls
    ],
    "followed": followed.choices[0].message.content,
    "vectors": [row["embedding"] for row in vectors.data],
    "refused": refused,
}))
"""


def test_every_route_by_litellm_as_a_client(site: GatewaySite, token: str) -> None:
    told = _run([sys.executable, "-c", _LITELLM, f"{site.url}/v1", token])
    assert told == {
        "whole": SAID,
        "streamed": SAID,
        "filled": SAID,
        "filled in pieces": SAID,
        "calls": [["tool_calls", "send", '{"to": "all"}']] * 2,
        "followed": SAID,
        "vectors": VECTORS,
        "refused": 404,
    }


_LANGCHAIN: Final = """
import json, sys, openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
base, key = sys.argv[1:]
to = {"base_url": base, "api_key": key, "max_retries": 0}
plain = ChatOpenAI(model="general", **to)
question = HumanMessage("Hello?")
pieces = list(plain.stream([question], stream_usage=True))
tool = {"name": "send", "description": "Send", "parameters": {"type": "object", "properties": {}}}
agent = ChatOpenAI(model="general/deepseek/coder", temperature=0, **to).bind_tools([tool])
called = agent.invoke([question])
streamed = None
for piece in agent.stream([question]):
    streamed = piece if streamed is None else streamed + piece
followed = agent.invoke([question, called, ToolMessage("sent", tool_call_id=called.tool_calls[0]["id"])])
gap = OpenAI(model="starcoder", max_tokens=64, **to)
vectors = OpenAIEmbeddings(model="general/nomic-embed", check_embedding_ctx_length=False, **to)
try:
    ChatOpenAI(model="nobody", **to).invoke([question])
except openai.NotFoundError as error:
    refused = error.status_code
print(json.dumps({
    "whole": plain.invoke([question]).content,
    "streamed": "".join(piece.content for piece in pieces),
    "tokens": sum((piece.usage_metadata or {}).get("output_tokens", 0) for piece in pieces),
    "calls": [[call["name"], call["args"]] for answer in (called, streamed) for call in answer.tool_calls],
    "followed": followed.content,
    "filled": gap.invoke("def f():", suffix="x"),
    "filled in pieces": "".join(gap.stream("def f():", suffix="x")),
    "vectors": vectors.embed_documents(["four", "seven77"]),
    "refused": refused,
}))
"""


def test_every_route_by_langchain(site: GatewaySite, token: str) -> None:
    told = _run([sys.executable, "-c", _LANGCHAIN, f"{site.url}/v1", token])
    assert told == {
        "whole": SAID,
        "streamed": SAID,
        "tokens": 4,
        "calls": [["send", {"to": "all"}]] * 2,
        "followed": SAID,
        "filled": SAID,
        "filled in pieces": SAID,
        "vectors": VECTORS,
        "refused": 404,
    }


def _run(command: list[str]) -> Any:
    """Return what a client printed last; it reaches nobody but the gateway."""
    environment = os.environ | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_SECONDS, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
