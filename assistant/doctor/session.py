"""`cloister doctor --egress`: a whole session on an installation made for it, and every attempt to leave meanwhile.

The installation has a folder and servers of its own and takes fleet, policy and personas from the site's settings.
Page, worker, scheduler, the console alone and every command put the lock on, as they always do; what it refused is in
the audit log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import orjson
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.reading.read import LogReader, Search
from assistant.bootstrap.application import Application, build_application
from assistant.conversation import Person, Turn
from assistant.database_roles import AUDIT_READER_ROLE, url_for_role, with_roles_of
from assistant.egress import allow_site
from assistant.embedded.program import tie_to_parent
from assistant.embedded.redis import EmbeddedRedis
from assistant.embedded.running import owner_address
from assistant.errors import CloisterError
from assistant.keys import Keys
from assistant.settings import PREFIX, Settings
from assistant.turn_events import Answered
from connectors.model_hosts.hosts import ModelHosts
from policies.egress import Program

UP: Final = (sys.executable, "-P", "-m", "assistant", "up")
CONSOLE: Final = (sys.executable, "-P", "-m", "assistant", "console")
_OWN: Final = (
    "data_dir",
    "database_url",
    "audit_database_url",
    "redis_url",
    "master_key_file",
    "host",
    "port",
    "console_port",
)
_START_SECONDS: Final = 300.0  # 20 on two idle cores, 70 on two busy ones
_END_SECONDS: Final = 120.0
_PAGE_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 2.0  # what is tried at the end has its event soon
_PAGES: Final = ("/", "/documents", "/tokens", "/console/queue", "/my-log", "/review", "/health/ready")
_CONSOLE_PAGES: Final = ("/console/queue", "/console/integrity", "/my-log", "/health/ready")
_NOTE: Final = b"# Canteen\n\nThe canteen opens at half past eleven.\n"
_QUESTION: Final = "When does the canteen open? Write to anna.berger@corp.example."


class SessionError(CloisterError):
    """The session could not be run to its end; says where it stopped."""


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """An attempt to leave that the lock refused.

    Attributes:
        process: `web`, `worker`, `scheduler` or `command`.
        action: `connect`, `look_up`, `start` and so on.
        port: 0 where there is none.
        caller: the module that asked.
    """

    process: str
    action: str
    host: str
    port: int
    caller: str


async def watch_session(settings: Settings) -> AsyncIterator[str | RefusedAttempt]:
    """Run the session; yield its steps as words, then what was refused meanwhile, best nothing.

    Raises:
        SessionError: it stopped before its end, which proves nothing.
    """
    # Short: sockets have to fit below it.
    folder = Path(tempfile.mkdtemp(prefix="cloister-doctor-"))
    password = SecretStr(secrets.token_urlsafe(16))
    own = settings.model_copy(
        update=dict.fromkeys(_OWN[1:5])
        | {"data_dir": folder / "var", "host": "127.0.0.1", "port": _free_port(), "console_port": _free_port()}
    )
    allow_site(own, programs=[Program.of(UP), Program.of(CONSOLE)])
    try:
        with _running(UP, own, password, folder / "output") as process:
            await _until_ready(own, process)
            yield "the whole installation has started"
            url = owner_address(own)
            own = with_roles_of(own, url).model_copy(update={"redis_url": EmbeddedRedis(own.data_dir).url})
            yield await _use_page(own, password)
            yield await _use_console(own, password, folder / "console-output")
            async with build_application(own, process="doctor") as application:
                person = (
                    await application.access.sign_in(own.admin_name, password.get_secret_value(), "doctor")
                ).person
                yield await _add_document(application, person)
                yield await _chat(application, person)
            await asyncio.sleep(_SETTLE_SECONDS)
            for attempt in await _refused(url_for_role(url, AUDIT_READER_ROLE, Keys.load_or_create(own.master_key))):
                yield attempt
    except (CloisterError, httpx.HTTPError, OSError) as error:
        raise SessionError(f"The session stopped: {str(error) or type(error).__name__}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(
    command: tuple[str, ...], settings: Settings, password: SecretStr, output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as an operator does, with this installation's settings in its environment."""
    replaced = {PREFIX + name.upper() for name in (*_OWN, "admin_password")}
    environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in replaced} | {
        "CLOISTER_DATA_DIR": str(settings.data_dir),
        "CLOISTER_PORT": str(settings.port),
        "CLOISTER_CONSOLE_PORT": str(settings.console_port),
        "CLOISTER_ADMIN_PASSWORD": password.get_secret_value(),
    }
    with output.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=tie_to_parent(signal.SIGTERM),  # noqa: PLW1509 - it does nothing but a system call
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


async def _until_ready(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    async with httpx.AsyncClient(trust_env=False, base_url=_address(settings)) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get("/health/ready")).status_code == httpx.codes.OK:
                    return
            if process.poll() is not None:
                break
            await asyncio.sleep(0.2)
    raise SessionError("the installation did not start. Does `cloister up` work here?")


async def _use_console(settings: Settings, password: SecretStr, output: Path) -> str:
    """Run the console alone, as a company does, and open its pages."""
    alone = settings.model_copy(update={"port": settings.console_port})
    with _running(CONSOLE, settings, password, output) as process:
        await _until_ready(alone, process)
        await _use_page(alone, password, _CONSOLE_PAGES)
    return f"the console alone opened {len(_CONSOLE_PAGES)} pages"


async def _use_page(settings: Settings, password: SecretStr, pages: Sequence[str] = _PAGES) -> str:
    """Sign in over HTTP as a browser does, and open each page."""
    address = _address(settings)
    form = {"name": settings.admin_name, "password": password.get_secret_value()}
    async with httpx.AsyncClient(
        trust_env=False, timeout=_PAGE_SECONDS, base_url=address, headers={"origin": address}
    ) as client:
        answer = await client.post("/sign-in", data=form)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise SessionError(f"the page refused to sign in (status {answer.status_code})")
        for page in pages:
            answer = await client.get(page)
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise SessionError(f"the page {page} failed (status {answer.status_code})")
    return f"signed in and opened {len(pages)} pages"


async def _add_document(application: Application, person: Person) -> str:
    job = await application.documents.add(person, "canteen.md", _NOTE)
    async with asyncio.timeout(_END_SECONDS):
        states = [seen.state async for seen in application.documents.watch(person, job.id)]
    return f"added a document; its job: {states[-1].value}"


async def _chat(application: Application, person: Person) -> str:
    hosts = ModelHosts(
        await application.fleet.open(),
        retriever=application.quotes,
        gguf=application.settings.gguf,
        first_token_timeout_seconds=application.settings.first_token_timeout_seconds,
        stall_timeout_seconds=application.settings.stall_timeout_seconds,
    )
    try:
        await hosts.start()
        persona = application.personas.for_person(person)[0].name
        turn = Turn(uuid4(), uuid4(), uuid4(), uuid4(), person=person, persona=persona, text=_QUESTION, door="doctor")
        events = [event async for event in application.answer_with(hosts)(turn)]
    finally:
        await hosts.close()
    end = events[-1]
    return "a question was answered" if isinstance(end, Answered) else f"a question ended as {type(end).__name__}"


async def _refused(reader_url: SecretStr) -> Sequence[RefusedAttempt]:
    found = []
    async with LogReader(reader_url) as log:
        for event in await log.read_newest(1000, Search(types=frozenset({Tag.EGRESS_REFUSED}))):
            data = {**orjson.loads(event.body)["data"], "host": event.host or ""}
            found.append(RefusedAttempt(**{name: data[name] for name in RefusedAttempt.__slots__}))
    return found


def _address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
