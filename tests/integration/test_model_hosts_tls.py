"""Hosts behind TLS with an authority of the company's own: looks and answers, and who shows a wrong certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import NoRouteError
from connectors.model_hosts.catalogue import Fleet, Host, read_fleet
from connectors.model_hosts.kinds.kind import look_client
from connectors.model_hosts.values import Need
from tests.fakes.authority import Authority
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import ask, open_hosts

pytestmark = pytest.mark.integration


@pytest.fixture
def corp(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def in_fleet(folder: Path, host: FakeModelHost, *lines: str) -> Fleet:
    file = folder / "fleet.yaml"
    models = "models: [{name: 'llama3.1:8b', context_tokens: 8192}]"
    head = ("hosts:", "  - name: Vault", f"    kind: {host.kind}", f"    address: {host.address}", f"    {models}")
    file.write_text("\n".join((*head, *(f"    {line}" for line in lines))) + "\n", encoding="utf-8")
    return read_fleet(file)


@contextmanager
def host_of(kind: str, authority: Authority, *, name: str = "127.0.0.1", days: int = 1) -> Iterator[FakeModelHost]:
    with FakeModelHost(kind, reply="Behind a lock.", api_key="k-1", tls=authority.server(name, days=days)) as host:
        yield host


@pytest.mark.parametrize("kind", ["openai", "ollama"])  # both ways that litellm speaks
async def test_looks_and_answers_go_by_the_companys_authority(
    kind: str, corp: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_KEY", "k-1")
    with host_of(kind, corp) as host:
        fleet = in_fleet(tmp_path, host, f"ca_file: {corp.file}", "api_key_env: VAULT_KEY")
        async with open_hosts(fleet=fleet) as hosts:
            assert hosts.statuses()[0].words == "Vault serves llama3.1:8b"
            text, usage = await ask(hosts)
    assert (text, usage.finish_reason) == ("Behind a lock.", "stop")
    assert {request.headers.get("authorization") for request in host.requests} == {"Bearer k-1"}


async def refusal_of(fleet: Fleet) -> str:
    async with open_hosts(fleet=fleet) as hosts:
        with pytest.raises(NoRouteError) as caught:
            hosts.choose(Need())
    return str(caught.value)


async def test_another_authority_is_refused_in_words_and_gets_no_key(corp: Authority, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k-1\n")
    stranger = Authority(tmp_path, "stranger")
    with host_of("openai", stranger) as host:
        fleet = in_fleet(tmp_path, host, f"ca_file: {corp.file}", "api_key_file: key")
        assert (
            "Vault shows a certificate that no known authority signed; name the authority's file as ca_file"
            in await refusal_of(fleet)
        )
        public = Fleet((replace(fleet.hosts[0], tls=None),))
        assert "no known authority signed" in await refusal_of(public)
    assert host.requests == []


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("other.lan", 1, "shows a certificate of another name"),
        ("127.0.0.1", -1, "shows a certificate that is over; renew it on the host"),
    ],
)
async def test_a_wrong_certificate_is_told_apart(
    corp: Authority, tmp_path: Path, name: str, days: int, words: str
) -> None:
    with host_of("openai", corp, name=name, days=days) as host:
        assert f"Vault {words}" in await refusal_of(in_fleet(tmp_path, host, f"ca_file: {corp.file}"))


async def test_plain_http_behind_https_is_told() -> None:
    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        fleet = Fleet((Host("Vault", "openai", f"https://127.0.0.1:{port}"),))
        assert "Vault does not speak TLS there" in await refusal_of(fleet)


async def test_a_look_that_is_called_off_in_its_handshake_leaves_no_connection() -> None:
    has_begun, has_ended = asyncio.Event(), asyncio.Event()

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        has_begun.set()
        await reader.read()
        writer.close()
        has_ended.set()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    async with server, look_client() as client:
        port = server.sockets[0].getsockname()[1]
        look = asyncio.create_task(client.get(f"https://127.0.0.1:{port}/"))
        await has_begun.wait()
        look.cancel()
        await asyncio.wait([look])
        async with asyncio.timeout(60):
            await has_ended.wait()


async def test_a_host_that_asks_for_a_certificate_gets_ours(corp: Authority, tmp_path: Path) -> None:
    certificate, key = corp.issue("cloister.lan")
    with FakeModelHost("openai", reply="Welcome.", tls=corp.server(asks=corp)) as host:
        bare = in_fleet(tmp_path, host, f"ca_file: {corp.file}")
        assert "Vault hangs up at once; if it asks for a certificate, name one as client_cert_file" in await refusal_of(
            bare
        )
        lines = (f"ca_file: {corp.file}", f"client_cert_file: {certificate}", f"client_key_file: {key}")
        async with open_hosts(fleet=in_fleet(tmp_path, host, *lines)) as hosts:
            assert (await ask(hosts))[0] == "Welcome."
        strange, strange_key = Authority(tmp_path, "stranger").issue("cloister.lan")
        lines = (f"ca_file: {corp.file}", f"client_cert_file: {strange}", f"client_key_file: {strange_key}")
        assert "Vault hangs up at once; it may not take the certificate of client_cert_file" in await refusal_of(
            in_fleet(tmp_path, host, *lines)
        )


def test_a_host_is_another_one_when_its_authority_changes(corp: Authority, tmp_path: Path) -> None:
    with FakeModelHost("openai", tls=corp.server()) as host:
        before: Host = in_fleet(tmp_path, host, f"ca_file: {corp.file}").hosts[0]
        corp.file.write_bytes(Authority(tmp_path, "new").file.read_bytes())
        assert in_fleet(tmp_path, host, f"ca_file: {corp.file}").hosts[0] != before
