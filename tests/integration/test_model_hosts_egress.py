"""A whole session in a process whose every connection and look-up is written down."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fakes.model_host import FakeModel, FakeModelHost

ROOT = Path(__file__).parents[2]

# The names are those that make litellm fetch tokenizers and price lists when it is left to itself.
LURES = ("meta-llama-3.1-8b-instruct", "llama-2-7b-chat", "command-r-cohere", "gpt-4o", "claude-3-opus")

SESSION = """
import asyncio, json, sys
seen = []
def note(event, arguments):
    if event in {"socket.connect", "socket.sendto"}:
        seen.append([event, str(arguments[1])])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        seen.append([event, str(arguments[0])])
sys.addaudithook(note)

from connectors.model_hosts.values import Need
from tests.fakes.open_hosts import ask, open_hosts

class Place:
    def __init__(self, kind, port):
        self.kind, self.port = kind, int(port)

async def main():
    places = [Place(*argument.split(":")) for argument in sys.argv[1:]]
    async with open_hosts(*places, look_every_seconds=0.05) as hosts:
        names = [model.name for status in hosts.statuses() for model in status.models]
        texts = []
        for name in names:
            route = hosts.choose(Need((name,)))
            texts.append((await ask(hosts, route))[0])
    print(json.dumps({"seen": seen, "texts": texts}))

asyncio.run(main())
"""


def test_session_contacts_loopback_only() -> None:
    models = [FakeModel(name) for name in LURES]
    with FakeModelHost("ollama", models=models) as ollama, FakeModelHost("vllm", models=models) as vllm:
        places = [f"{host.kind}:{host.port}" for host in (ollama, vllm)]
        run = subprocess.run(
            [sys.executable, "-c", SESSION, *places],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    result = json.loads(run.stdout.splitlines()[-1])
    contacted = {address for _, address in result["seen"]}
    assert len(result["texts"]) == 2 * len(LURES)
    assert all(text == ollama.reply for text in result["texts"])
    assert contacted, "the hook saw nothing, so it proves nothing"
    assert all(address.startswith(("('127.0.0.1'", "127.0.0.1")) for address in contacted), contacted
