"""Real processes with a secret in their mouths: what reaches their logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.settings import Settings
from tests.fakes.loud_worker import TASK
from workers.app import build_app

pytestmark = pytest.mark.integration

SECRET = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"
PART = SECRET[4:14]


def test_a_task_that_fails_inside_celery_says_where_and_not_what(redis_url: str, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.loud_worker", redis_url, str(tmp_path)],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # as `cloister up` starts it
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        build_app(Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)).send_task(TASK, args=[SECRET])
        deadline = time.monotonic() + 180
        while not all(words in log.read_text() for words in ("ValueError", "printed")):
            assert time.monotonic() < deadline, log.read_text().replace(PART, "…")
            assert worker.poll() is None, log.read_text().replace(PART, "…")
            time.sleep(0.1)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    said = log.read_text()
    assert PART not in said
    assert "a.library: asked with [" in said
    assert "printed [" in said
    assert "Traceback" in said
    assert "KeyError" in said


_ACCESS = """
import asyncio, socket, sys, threading, urllib.request
from assistant import logging_guard
logging_guard.install_in_service("INFO")
import uvicorn

async def page(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/fails":
        raise ValueError("asked with " + scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

listener = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(page, lifespan="off", loop="asyncio"))  # its own handlers, its own formats
thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
thread.start()
for path in ("/chat", "/fails"):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{listener.getsockname()[1]}{path}?token=" + sys.argv[1]).read()
    except urllib.error.HTTPError:
        pass
server.should_exit = True
thread.join()
"""


def test_an_access_log_and_a_failing_page_do_not_say_what_was_in_the_address() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ACCESS, SECRET], capture_output=True, text=True, check=False, timeout=60
    )
    said = done.stdout + done.stderr
    assert PART not in said
    assert '"GET /chat?token=[' in said, said
    assert "200 OK" in said
    assert "ValueError: asked with token=[" in said


_COMMAND = """
import sys
from assistant.commands import app as cloister

@cloister.app.command("boom")
def boom() -> None:
    raise ValueError("asked with " + TOKEN)

sys.argv = ["cloister", "boom"]
cloister.run()
"""


def test_a_command_that_fails_by_surprise_does_not_say_with_what() -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=f"TOKEN = {SECRET!r}{_COMMAND}",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert PART not in done.stdout + done.stderr
    assert "ValueError: asked with [" in done.stderr


_LIBRARIES = """
import logging, sys, warnings
from pathlib import Path
from assistant import logging_guard
logging_guard.install_in_service("INFO")
warnings.simplefilter("ignore")
from assistant.settings import Settings
from assistant.web.chat.configuration import prepare
from connectors.model_hosts.router import _import_litellm
_import_litellm()
prepare(Path(sys.argv[1]), Settings())
import celery.app.log, celery.app.trace, chainlit.server, uvicorn.config, workers.app
names = [name for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)]
for name in ("root", *names):
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.propagate = True
    logger.error("%s says %s", name, TOKEN)
    try:
        {}[TOKEN]
    except KeyError:
        logger.exception("and fails")
print(len(names), "loggers")
"""


def test_no_library_takes_the_guard_off_its_own_logger(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-", str(tmp_path / "chainlit")],
        input=f"TOKEN = {SECRET!r}{_LIBRARIES}",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:].replace(PART, "…")
    assert PART not in said
    for name in ("chainlit", "httpx", "asyncio", "celery.app.trace", "LiteLLM"):
        assert f"{name} says [" in said, name
