"""Serve one GGUF file with the real llama.cpp, as a child process of its owner.

The owner writes one line of JSON to standard input and keeps it open; the child answers with one line on standard
output, `{"address": …}` or `{"error": …}`, and ends when standard input does. The API key travels there too, because
arguments and environments can be read by others.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Final, TextIO

from connectors.network import install

COMMAND: Final = (sys.executable, "-m", "connectors.model_hosts.bundled_server")  # and the owner's process id

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Run the server until the owner goes away."""
    install(lambda _: False)  # it is connected to, and reaches nothing itself; llama.cpp is loaded after this
    _die_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the owner too, which ends us in order
    report = _keep_standard_output()
    order = json.loads(sys.stdin.readline())
    try:
        address = _serve(order)
    except Exception as error:  # noqa: BLE001  # whatever it was, the owner shows it to the administrator
        _say(report, {"error": str(error) or type(error).__name__})
        os._exit(1)
    _say(report, {"address": address})
    sys.stdin.read()
    os._exit(0)  # llama.cpp's threads have no other end


def _serve(order: dict[str, object]) -> object:
    import xllamacpp  # noqa: PLC0415  # only this process loads llama.cpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = order["path"]
    parameters.model_alias = {order["alias"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0  # the system picks a free one
    parameters.api_keys = [order["api_key"]]
    parameters.n_parallel = order["slots"]
    parameters.n_ctx = order["context_tokens"] * order["slots"]  # type: ignore[operator]  # written by our own parent
    parameters.cpuparams.n_threads = order["threads"]
    parameters.cpuparams_batch.n_threads = order["threads"]
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False  # it would show prompts
    parameters.use_jinja = True
    parameters.verbosity = 0
    # The server's threads live as long as this object: the module keeps it.
    globals()["_server"] = server = xllamacpp.Server(parameters)
    return server.listening_address


def _die_with(owner: int) -> None:
    """Have the kernel end this process when its owner dies, even by kill -9; standard input tells elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner:  # it died before the line above
        os._exit(1)


def _keep_standard_output() -> TextIO:
    """Keep standard output for our one line; llama.cpp writes to it as it likes."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return report


def _say(report: TextIO, message: dict[str, object]) -> None:
    report.write(json.dumps(message) + "\n")
    report.flush()


if __name__ == "__main__":
    main()
