"""How fast the guard is, and how much it holds back: `python tests/benchmarks/guard.py`.

Prints figures and ratios beside their budgets (DESIGN.md section 13). The benign text is the licence texts and the
docstrings of the standard library, which nobody wrote for this.
"""

from __future__ import annotations

import inspect
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import Direction

MODULES = (
    "argparse",
    "asyncio.events",
    "collections",
    "email.message",
    "http.client",
    "logging",
    "pathlib",
    "subprocess",
)
LONG_CHARS = 300_000
PERSONA, ROLES = "general", frozenset({"employee"})


def prose() -> str:
    """Gather docstrings: sentences about software, as an assistant writes them."""
    texts = []
    for name in MODULES:
        module = import_module(name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            texts.append(inspect.getdoc(member) or "")
            texts += [inspect.getdoc(method) or "" for _, method in inspect.getmembers(member, inspect.isfunction)]
    return "\n".join(dict.fromkeys(texts))


def sources() -> str:
    """Gather source code."""
    return "\n".join(inspect.getsource(import_module(name)) for name in MODULES)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def seconds(run: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    policy = parse_policy({name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED})
    guard = Guard(policy)
    pseudonyms = Pseudonyms()

    def check(text: str) -> object:
        return guard.check(text, direction=Direction.PROMPT, persona=PERSONA, roles=ROLES, pseudonyms=pseudonyms)

    benign = (prose() + sources())[:1_000_000]
    positives = [example.replace("«", "").replace("»", "") for rule in policy.rules for example in rule.found]
    rng = random.Random(1)  # noqa: S311 - a benchmark repeats itself
    pieces = [benign[place : place + 1300] for place in range(0, len(benign) - 1300, 1300)]
    mixed = [piece[:650] + "\n" + rng.choice(positives) + "\n" + piece[650:] for piece in pieces]
    check("\n".join(positives))
    for name, texts in (("1.3 KB benign", pieces), ("1.3 KB with a finding", mixed)):
        times = [seconds(lambda text=text: check(text)) * 1e3 for text in texts]  # type: ignore[misc]  # bound at once
        rate = sum(map(len, texts)) / sum(times) / 1e3
        print(
            f"{name:24} p50 {percentile(times, 0.5):7.3f} ms (0.5)   p95 {percentile(times, 0.95):7.3f} ms (1.2)"
            f"   {rate:6.1f} MB/s (1.5)"
        )

    print()
    words = [word for rule in policy.rules for word in rule.keywords]
    hostile = {
        "benign": benign[:LONG_CHARS],
        "random printable": "".join(rng.choices([chr(code) for code in range(33, 127)], k=LONG_CHARS)),
        "random bytes, base 64": "".join(rng.choices("ABCDEFGHIJabcdefghij0123456789+/", k=LONG_CHARS)),
        "digits": "".join(rng.choices("0123456789 -", k=LONG_CHARS)),
        "a.a.a.": "a." * (LONG_CHARS // 2),
        "1 1 1 ": "1 " * (LONG_CHARS // 2),
        "@ and dots": "a@b." * (LONG_CHARS // 4),
        "keywords": " ".join(rng.choices(words, k=LONG_CHARS))[:LONG_CHARS],
        "heads of keys": "-----BEGIN RSA PRIVATE KEY-----\n" * (LONG_CHARS // 32),
        "password is": "password is " * (LONG_CHARS // 12),
        "AKIA": "AKIA" * (LONG_CHARS // 4),
        "positives": ("\n".join(positives) * 50)[:LONG_CHARS],
        "not Latin": "пароль密码🔑" * (LONG_CHARS // 9),
    }
    for name, text in hostile.items():
        short = min(seconds(lambda text=text: check(text[: LONG_CHARS // 10])) for _ in range(3))  # type: ignore[misc]  # bound at once
        long = min(seconds(lambda text=text: check(text)) for _ in range(3))  # type: ignore[misc]  # bound at once
        print(
            f"{name:24} 30 KB {short * 1e3:8.2f} ms   300 KB {long * 1e3:8.2f} ms   ratio {long / short:6.1f} (10)"
            f"   {len(text) / long / 1e6:6.1f} MB/s (1.5)"
        )

    print()
    for name, text in (("prose", prose()[:150_000]), ("code", sources()[:150_000])):
        stream = guard.open_stream(persona=PERSONA, roles=ROLES, pseudonyms=pseudonyms)
        held: list[float] = []
        times = []
        place = 0
        while place < len(text):
            size = rng.randint(1, 8)
            times.append(seconds(lambda stream=stream, chunk=text[place : place + size]: stream.feed(chunk)) * 1e6)  # type: ignore[misc]  # bound at once
            held.append(stream.held_chars)
            place += size
        stream.close()
        later = times[len(times) // 2 :]
        print(
            f"stream of {name:14} held mean {statistics.mean(held):5.1f} (12)  p95 {percentile(held, 0.95):5.0f} (48)"
            f"  max {max(held):5.0f}   a chunk: mean {statistics.mean(times):6.1f} µs (50), "
            f"second half {statistics.mean(later):6.1f}, p95 {percentile(times, 0.95):6.1f} µs (300)"
        )


if __name__ == "__main__":
    main()
