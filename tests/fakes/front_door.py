"""The proxy of `compose.yaml` in a network of its own, with the engine's name server, and a page that moves.

`unshare --net --mount python -m tests.fakes.front_door NGINX_CONF`, as root, starts nginx with that file, asks it for
the page, moves the page to another address, asks again, and prints what came: one line of JSON.
"""

from __future__ import annotations

import datetime as dt
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.bait import question_of, reply_to

RESOLVER, PAGE_PORT, CONSOLE_PORT = "127.0.0.11", 8420, 8421  # of the engine, `cloister web`, `cloister console`
FIRST, SECOND = "127.0.1.1", "127.0.1.2"
RUN = Path("/run")
HTTP2_IS_A_DIRECTIVE_SINCE = (1, 25, 1)


class NameServer:
    """Knows every name as the same machine; keeps what it was asked."""

    def __init__(self) -> None:
        self.address = FIRST
        self.asked: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((RESOLVER, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            name, end = question_of(question)
            self.asked.add(name)
            self._socket.sendto(reply_to(question, end, self.address), sender)


class Page(http.server.BaseHTTPRequestHandler):
    """Says at which address it was found, and what it was asked for."""

    def do_GET(self) -> None:
        address, port = self.connection.getsockname()
        body = f"{address}:{port} {self.path} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def serve_page(address: str, port: int = PAGE_PORT) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer((address, port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloister.corp.example")])
    now = dt.datetime.now(dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = built.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    (folder / "tls_certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls_key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def write_configuration(source: Path) -> Path:
    """Copy the file without what Debian's older nginx does not know; its own files go where this test's are."""
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    text = source.read_text(encoding="utf-8").replace(" /tmp/", f" {RUN}/")
    if tuple(map(int, re.findall(r"\d+", said)[:3])) < HTTP2_IS_A_DIRECTIVE_SINCE:
        text = text.replace("http2 on;", "")
    target = RUN / "nginx.conf"
    target.write_text(text, encoding="utf-8")
    return target


def ask(path: str = "/a/b?c=d", *, wanted: str) -> str:
    """Wait until the proxy says what is wanted; return what it said last."""
    said, deadline = "", time.monotonic() + 60
    while wanted not in said and time.monotonic() < deadline:
        try:
            answer = httpx.get(
                f"https://127.0.0.1:8443{path}",
                headers={"Host": "cloister.corp.example"},
                verify=False,  # noqa: S501 - a certificate that was made a moment ago
                trust_env=False,
            )
            said = answer.text
        except httpx.HTTPError as error:
            said = type(error).__name__
        time.sleep(0.2)
    return said


def main(source: Path) -> None:
    for words in (("ip", "link", "set", "lo", "up"), ("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(RUN))):
        subprocess.run(words, check=True)
    (RUN / "secrets").mkdir()
    write_certificate(RUN / "secrets")
    names, page = NameServer(), serve_page(FIRST)
    command = ["nginx", "-e", "/dev/stderr", "-g", "daemon off;", "-c", str(write_configuration(source))]
    with subprocess.Popen(command) as nginx:
        said = {"first": ask(wanted=FIRST)}
        serve_page(FIRST, CONSOLE_PORT)
        said["console"] = " ".join(ask(path, wanted=FIRST) for path in ("/console/queue?a=b", "/my-log", "/review"))
        said["chat"] = ask("/consoles", wanted=FIRST)
        page.shutdown()
        page.server_close()
        names.address = SECOND
        serve_page(SECOND)
        said["second"] = ask(wanted=SECOND)
        nginx.terminate()
    print(json.dumps({**said, "asked": sorted(names.asked)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
