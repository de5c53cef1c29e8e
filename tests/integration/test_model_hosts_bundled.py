"""The real llama.cpp from its wheel, on a model that the test itself writes."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import httpx
import psutil
import pytest

from connectors.errors import NoRouteError
from connectors.model_hosts.values import ChatMessage, Need, Token
from tests.fakes.open_hosts import QUESTION, ask, eventually, open_hosts
from tests.fakes.tiny_gguf import REPLY, write_tiny_gguf

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf")


@pytest.fixture
def half(tiny: Path) -> Path:
    raw = tiny.read_bytes()
    tiny.write_bytes(raw[: len(raw) // 2])
    return tiny


def servers() -> list[psutil.Process]:
    """Return the bundled servers that this process started and that run."""
    return [child for child in psutil.Process().children(recursive=True) if _is_server(child)]


def _is_server(process: psutil.Process) -> bool:
    try:
        return "connectors.model_hosts.bundled_server" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


async def test_real_tokens_stream_end_to_end(tiny: Path) -> None:
    async with open_hosts(gguf=tiny) as hosts:
        route = hosts.choose(Need())  # also while it loads
        text, usage = await ask(hosts, route)
        (status,) = hosts.statuses()
        again = hosts.choose(Need(("tiny",), answer_tokens=200))
    assert text.split() == list(REPLY)
    assert (usage.answer_tokens, usage.finish_reason) == (len(REPLY) + 1, "stop")
    assert usage.prompt_tokens > 0
    assert (status.words, status.origin) == ("bundled serves tiny", "bundled")
    assert again.context_tokens == 2048  # what the model was made for, not what it was started with
    assert again.reason == "bundled tiny: room 200 of 2 048, 0 waiting, warm"
    await eventually(lambda: not servers())


async def test_stop_ends_generation(tmp_path: Path) -> None:
    endless = write_tiny_gguf(tmp_path / "endless.gguf", is_endless=True, context_tokens=8192)
    async with open_hosts(gguf=endless) as hosts:
        stream = hosts.ask(hosts.choose(Need()), QUESTION, max_tokens=8000, temperature=0.0, reader="maria")
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, Token):  # on a busy machine it says first that the model is being loaded
                    break
        # Both slots are free again: the next two answers begin, which they would not behind two endless ones.
        limited = [ask(hosts, max_tokens=5) for _ in range(2)]
        for text, usage in await asyncio.gather(*limited):
            assert len(text.split()) == 5
            assert usage.finish_reason == "length"


async def test_overlong_prompt_is_refused_not_cut(tiny: Path) -> None:
    async with open_hosts(gguf=tiny) as hosts:
        await ask(hosts)
        with pytest.raises(NoRouteError, match="largest window there is has 2 048"):
            hosts.choose(Need(prompt_tokens=20_000))


async def test_server_that_is_killed_returns(tiny: Path) -> None:
    async with open_hosts(gguf=tiny) as hosts:
        await ask(hosts)
        (server,) = servers()
        server.kill()
        await eventually(lambda: [other.pid for other in servers() if other.pid != server.pid] != [])
        text, _ = await ask(hosts, hosts.choose(Need()))
    assert text.split() == list(REPLY)


async def test_server_answers_only_to_its_key(tiny: Path) -> None:
    async with open_hosts(gguf=tiny) as hosts:
        await ask(hosts)
        (status,) = hosts.statuses()
        (server,) = servers()
        arguments = " ".join(server.cmdline())
        environment = " ".join(f"{name}={value}" for name, value in server.environ().items())
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.post(f"{status.address}/v1/chat/completions", json={"model": "tiny", "messages": []})
        key = hosts._bundled.host.api_key  # type: ignore[union-attr]  # it is up
        listening = {connection.laddr.ip for connection in server.net_connections() if connection.status == "LISTEN"}
    assert reply.status_code == 401
    assert key
    assert key not in arguments
    assert key not in environment
    assert key not in repr(status)
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file. Check CLOISTER_GGUF."),
        (b"PK\x03\x04" + b"zip" * 20, "it is not a GGUF file. Name one whose name ends in .gguf."),
        (b"GGUF", "it is not a GGUF file."),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 500, "Is it a complete chat model, and is there memory for it?"),
    ],
)
async def test_file_that_cannot_be_served_is_said_and_hurts_nobody(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "broken.gguf"
    if content is not None:
        file.write_bytes(content)
    async with open_hosts(gguf=file) as hosts:
        await eventually(lambda: not hosts.statuses()[0].is_up)
        (status,) = hosts.statuses()
        with pytest.raises(NoRouteError) as caught:
            hosts.choose(Need())
    assert words in status.words
    assert status.words.startswith("bundled cannot serve broken.gguf: ")
    assert words in str(caught.value)


async def test_half_a_file_is_said(half: Path) -> None:
    async with open_hosts(gguf=half) as hosts:
        await eventually(lambda: not hosts.statuses()[0].is_up)
        assert "cannot serve tiny.gguf" in hosts.statuses()[0].words


OWNER = """
import asyncio, sys
from pathlib import Path
from connectors.model_hosts.bundled import BundledServer

async def main():
    server = BundledServer(Path(sys.argv[1]), on_change=lambda: None)
    server.start()
    assert await server.wait_until_up(60)
    print(server._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_server_dies_with_an_owner_that_is_killed(tiny: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tiny), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    server = int(await owner.stdout.readline())
    assert _runs(server)
    owner.kill()
    await owner.wait()
    await eventually(lambda: not _runs(server))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_text_of_the_prompt_is_in_no_output_of_the_server(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with open_hosts(gguf=tiny) as hosts:
        await ask(hosts, messages=(ChatMessage("user", "the-secret-of-the-prompt"),))
    captured = capfd.readouterr()
    assert "the-secret-of-the-prompt" not in captured.out + captured.err
