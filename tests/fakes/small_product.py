"""Run `cloister up` with real servers and small stand-ins for migrations, page, worker and scheduler.

    python -m tests.fakes.small_product

The stand-ins are started, watched and ended exactly as the real ones are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from assistant.embedded.plan import Service, Task
from assistant.embedded.processes import Addresses, FirstAdministrator, child_environment
from assistant.embedded.program import Program
from assistant.embedded.ready import PageProbe
from assistant.embedded.up import run_up
from assistant.settings import Settings, read_settings

_PAGE = """
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
http.server.HTTPServer(("127.0.0.1", int(os.environ["CLOISTER_PORT"])), Page).serve_forever()
"""
# Like a Celery worker: it starts processes of its own, and a kill -9 of it must not leave them behind.
_WORKER = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.environ.get("SMALL_SAYS", ""), flush=True)
print("2026-01-01 WARNING the stand-in works", flush=True)
time.sleep(600)
"""
_STUBBORN = """
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
_ADMINISTRATOR = """
import os, sys, pathlib
mark = pathlib.Path(os.environ["CLOISTER_DATA_DIR"], "somebody")
print("exists" if mark.exists() else "created")
mark.write_text(str(len(sys.stdin.readline())))
"""
_MIGRATE = """
import os, psycopg
with psycopg.connect(os.environ["CLOISTER_DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS kept (starts int)")
    connection.execute("INSERT INTO kept VALUES (1)")
"""
_BROKEN = "import sys; print('CLOISTER_FLEET: fleet.yaml line 3: no such kind'); sys.exit(2)"


def small_steps(
    settings: Settings, addresses: Addresses, administrator: FirstAdministrator
) -> tuple[Service | Task, ...]:
    env = child_environment(settings, database_url=addresses.owner)
    page = _BROKEN if os.environ.get("SMALL_PAGE") == "broken" else _PAGE
    told = f"password {administrator.password.get_secret_value()}"
    password = f"{administrator.password.get_secret_value()}\n".encode()
    scheduler = _STUBBORN if os.environ.get("SMALL_SCHEDULER") == "stubborn" else "import time; time.sleep(600)"
    grace = float(os.environ.get("SMALL_GRACE", "1"))
    probe = PageProbe("127.0.0.1", settings.port, "/health/ready")
    return (
        Task(_python("migrate", _MIGRATE, env), "Bringing the database up to date"),
        Service(_python("web", page, env), "the page", probe=probe),
        Task(_python("bootstrap-admin", _ADMINISTRATOR, env), "Looking", stdin=password, notices={"created": told}),
        Service(_python("worker", _WORKER, env), "the worker"),
        Service(_python("scheduler", scheduler, env, grace_seconds=grace), "the scheduler"),
    )


def _python(name: str, code: str, env: Mapping[str, str], *, grace_seconds: float = 5.0) -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code), env=env, grace_seconds=grace_seconds)


if __name__ == "__main__":
    sys.exit(run_up(read_settings(), small_steps))
