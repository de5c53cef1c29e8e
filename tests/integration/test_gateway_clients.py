"""The gateway by other clients than the Python one: the official JavaScript client, and litellm."""

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

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

JAVASCRIPT_CLIENT: Final = "openai@6.30.1"
SAID: Final = "Hello from the model."
VECTORS: Final = [[4.0, 0.25, -1.5, 0.5], [7.0, 0.25, -1.5, 0.5]]
_INSTALL_SECONDS: Final = 120
_RUN_SECONDS: Final = 60


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
filled = litellm.text_completion(model="text-completion-openai/starcoder", prompt="def f():", suffix="x", **to)
vectors = litellm.embedding(model="openai/general/nomic-embed", input=["four", "seven77"], **to)
try:
    litellm.completion(**asked | {"model": "openai/nobody"})
except litellm.NotFoundError as error:
    refused = error.status_code
print(json.dumps({
    "whole": whole.choices[0].message.content,
    "streamed": "".join(piece.choices[0].delta.content or "" for piece in pieces),
    "filled": filled.choices[0].text,
    "vectors": [row["embedding"] for row in vectors.data],
    "refused": refused,
}))
"""


def test_every_route_by_litellm_as_a_client(site: GatewaySite, token: str) -> None:
    """Without tools: with them this version of litellm imports its proxy, which needs packages that are not there."""
    told = _run([sys.executable, "-c", _LITELLM, f"{site.url}/v1", token])
    assert told == {
        "whole": SAID,
        "streamed": SAID,
        "filled": SAID,
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
