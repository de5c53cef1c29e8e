"""The scan is for every process, logging included: it must not bring Presidio, spaCy or a socket with it."""

from __future__ import annotations

import json
import subprocess
import sys

FORBIDDEN = ["presidio_analyzer", "spacy", "regex", "socket", "ssl", "http", "urllib.request", "sqlalchemy", "asyncio"]
CODE = f"""
import json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith(("socket.", "subprocess.")) else None)
import policies.detectors.scan, policies.guard, policies.stream, policies.explanation
print(json.dumps([[name for name in {FORBIDDEN!r} if name in sys.modules], opened]))
"""


def test_the_guard_imports_no_model_and_no_network() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [[], []]


def test_presidios_frame_opens_no_socket() -> None:
    code = CODE.replace("import policies.detectors.scan, ", "import policies.detectors.recognizers, ")
    code = code.replace("\nprint", "\npolicies.detectors.recognizers.build_analyzer([])\nprint")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert [event for event in json.loads(done.stdout)[1] if event in {"socket.connect", "socket.getaddrinfo"}] == []
