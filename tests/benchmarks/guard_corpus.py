"""How well the guard finds what it should and passes what it should: `python tests/benchmarks/guard_corpus.py`.

Prints one table: secrets and personal data found and redacted, benign text hit, every disguise beside its plain form,
speed, and streams beside whole texts. The corpus is made by seed (tests/data/guard), its author has not read the rules.

A value is *found* if a finding touches it, and *redacted* if findings cover 95 % of its characters. `--filter` measures
any program that reads lines `{"id","text"}` and answers each with `{"id","spans":[[start,end,"TYPE"],…]}`.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).parents[2]))

from policies.detectors.compiled import PLACEHOLDER_RULE
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import OUTSIDE, Direction
from tests.data.guard import blind, matrix, personal, secrets
from tests.data.guard.benign import Chunk, read_chunks
from tests.data.guard.hostile import FULL_OF_FINDINGS, HOSTILE, LISTS_OF_FINDINGS, make_list
from tests.data.guard.labelled import Labelled
from tests.data.guard.near_misses import NEAR_MISSES, make_near_miss
from tests.data.guard.variants import DISGUISED, RETOLD, VARIANTS

Found = tuple[int, int, str]
Finder = Callable[[str], list[Found]]

REDACTED_SHARE = 0.95
"""The share of a value's characters that findings must cover."""

PERSONA, ROLES = "general", frozenset({"employee"})
HOSTILE_CHARS = 1_000_000
FULL_CHARS = 100_000  # of texts that are full of findings


class Kind(Protocol):
    """A type of value that can be made."""

    @property
    def name(self) -> str:
        """The type's name in the score."""

    def make(self, rng: random.Random) -> Labelled:
        """Make one value in one plain place."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    cases: int
    personal: int
    benign: int
    retold: int
    misses: int
    streams: int


FULL = Sizes(cases=12_000, personal=4_000, benign=5_600, retold=1_000, misses=100, streams=800)
QUICK = Sizes(cases=2_500, personal=800, benign=1_500, retold=150, misses=25, streams=150)


@dataclass(slots=True)
class Tally:
    """What was found of many values."""

    cases: int = 0
    found: int = 0
    redacted: int = 0
    chars: int = 0
    leaked: int = 0

    def add(self, labelled: Labelled, spans: Sequence[Found]) -> None:
        """Count one value."""
        size, covered, touched = coverage(labelled, spans)
        self.cases += 1
        self.found += touched
        self.redacted += covered >= REDACTED_SHARE * size
        self.chars += size
        self.leaked += size - covered

    @property
    def found_share(self) -> float:
        """The share found."""
        return self.found / max(1, self.cases)

    @property
    def redacted_share(self) -> float:
        """The share redacted."""
        return self.redacted / max(1, self.cases)


@dataclass(slots=True)
class Score:
    """Tallies of one kind of value: over all, by type, by source."""

    total: Tally = field(default_factory=Tally)
    types: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    sources: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    missed: dict[str, Labelled] = field(default_factory=dict)
    partly: dict[str, Labelled] = field(default_factory=dict)

    def add(self, labelled: Labelled, spans: Sequence[Found]) -> None:
        """Count one value, and keep one example of each type that was missed."""
        for tally in (self.total, self.types[labelled.type], self.sources[labelled.source]):
            tally.add(labelled, spans)
        size, covered, touched = coverage(labelled, spans)
        if not touched:
            self.missed.setdefault(labelled.type, labelled)
        elif covered < REDACTED_SHARE * size:
            self.partly.setdefault(labelled.type, labelled)

    def mean_types(self, share: Callable[[Tally], float]) -> float:
        """Return the mean over types."""
        return statistics.fmean(map(share, self.types.values()))

    def mean_sources(self, share: Callable[[Tally], float]) -> float:
        """Return the mean over sources."""
        return statistics.fmean(map(share, self.sources.values()))


def coverage(labelled: Labelled, spans: Sequence[Found]) -> tuple[int, int, bool]:
    """Return how many characters the value has, how many of them findings cover, and whether any touches it."""
    size = sum(end - start for start, end in labelled.spans)
    places: set[int] = set()
    for first, last in labelled.spans:
        for start, end, _ in spans:
            places.update(range(max(first, start), min(last, end)))
    return size, len(places), bool(places)


def shipped_guard() -> Guard:
    """Build the guard with the rules as shipped."""
    return Guard(parse_policy({name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}))


def guard_finder(guard: Guard) -> Finder:
    """Find in this process."""
    return lambda text: [
        (finding.start, finding.end, finding.rule)
        for finding in guard.find(text)
        if finding.rule != PLACEHOLDER_RULE.name and not finding.rule.startswith(OUTSIDE)  # no values; only warned of
    ]


class Filter:
    """A program that speaks lines of JSON, asked one text at a time."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._count = 0

    def __call__(self, text: str) -> list[Found]:
        """Ask for the findings in a text.

        Raises:
            EOFError: The program ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count += 1
        self._process.stdin.write(json.dumps({"id": self._count, "text": text}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("the filter ended before it answered; run it by itself to see why")
        return [(start, end, name) for start, end, name, *_ in json.loads(line)["spans"]]

    def close(self) -> None:
        """End the program by ending its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def by_type(types: Sequence[Kind], count: int) -> Iterable[Kind]:
    """Yield types in turn until there are that many, each at least twice."""
    rounds = max(2, count // len(types))
    return (one for _ in range(rounds) for one in types)


def row(name: str, figures: str, mark: str = "") -> None:
    """Print a line of the table."""
    print(f"{name:<52} {figures:<34} {mark}".rstrip())


def measure_values(find: Finder, sizes: Sizes, seed: int, only: str = "") -> tuple[Score, Score]:
    """Measure secrets and personal data in plain places."""
    rng = random.Random(seed)  # noqa: S311 - a benchmark repeats itself
    secret, private = Score(), Score()
    for score, types, count in ((secret, secrets.TYPES, sizes.cases), (private, personal.TYPES, sizes.personal)):
        chosen = [kind for kind in types if only in kind.name]
        for kind in by_type(chosen, count) if chosen else ():
            labelled = kind.make(rng)
            score.add(labelled, find(labelled.text))
    return secret, private


def print_values(secret: Score, private: Score) -> None:
    """Print the rows of what was found."""
    found, redacted = (lambda tally: tally.found_share), (lambda tally: tally.redacted_share)
    if secret.types:
        row(
            "secrets found: sources / cases / types",
            f"{secret.mean_sources(found):6.1%} / {secret.total.found_share:6.1%} / {secret.mean_types(found):6.1%}",
            "97 / 99 / 97 %",
        )
        row(
            "secrets redacted: cases / types",
            f"{secret.total.redacted_share:6.1%} / {secret.mean_types(redacted):6.1%}",
            "98 / 95 %",
        )
        row("secret characters leaked", f"{secret.total.leaked / secret.total.chars:6.2%}", "≤ 1 %")
    if private.types:
        row(
            "personal found: cases / types",
            f"{private.total.found_share:6.1%} / {private.mean_types(found):6.1%}",
            "98 / 97 %",
        )
        row(
            "personal redacted: cases / types",
            f"{private.total.redacted_share:6.1%} / {private.mean_types(redacted):6.1%}",
        )
    for source, tally in sorted(secret.sources.items()):
        row(
            f"  {source} ({tally.cases} cases)", f"{tally.found_share:6.1%} found, {tally.redacted_share:6.1%} redacted"
        )


def measure_blind(find: Finder, seed: int) -> None:
    """Measure the cases whose authors had not seen the rules."""
    rng = random.Random(seed + 5)  # noqa: S311 - a benchmark repeats itself
    for name in blind.NAMES:
        score = Score()
        for case in blind.read_cases(name):
            labelled = case.make(rng)
            score.add(labelled, find(labelled.text))
        row(
            f"blind {name}: found cases / types, redacted",
            f"{score.total.found_share:6.1%} / {score.mean_types(lambda tally: tally.found_share):6.1%}, "
            f"{score.total.redacted_share:6.1%}",
        )
    sentences = blind.read_benign()
    hits = sum(bool(find(sentence)) for sentence in sentences)
    row(f"blind benign sentences hit ({len(sentences)})", f"{hits / len(sentences):6.2%} ({hits})")


def measure_matrix(find: Finder, sizes: Sizes, seed: int) -> None:
    """Measure what lies crosswise: shapes, names and carriers of secrets; carriers and types of personal data."""
    rng = random.Random(seed + 6)  # noqa: S311 - a benchmark repeats itself
    rounds = max(1, sizes.personal // 2_000)
    parts = {"secrets": matrix.secret_cells(rng, sizes.cases), "personal": matrix.personal_cells(rng, rounds)}
    for name, cells in parts.items():
        total = Tally()
        axes: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        for cell in cells:
            spans = find(cell.labelled.text)
            for tally in (total, *(axes[axis] for axis in cell.axes)):
                tally.add(cell.labelled, spans)
        row(
            f"matrix of {name}: found, redacted ({total.cases})",
            f"{total.found_share:6.1%} {total.redacted_share:6.1%}",
        )
        weakest = sorted((tally.found_share, kind, value) for (kind, value), tally in axes.items())
        row("  weakest", ", ".join(f"{kind} {value} {share:.0%}" for share, kind, value in weakest[:8]))


def print_missed(score: Score, count: int) -> None:
    """Print the types most often missed, with an example each."""
    worst = sorted(
        (tally.found_share, tally.redacted_share, name)
        for name, tally in score.types.items()
        if tally.redacted < tally.cases
    )
    for found, redacted, name in worst[:count]:
        example = score.missed.get(name) or score.partly[name]
        print(f"  {name}: found {found:.0%}, redacted {redacted:.0%}; value {example.value[:60]!r}")
        print(f"      {example.text[:220]!r}")


def measure_variants(find: Finder, sizes: Sizes, seed: int, show: int) -> None:
    """Measure each variant beside the plain form of the same values, and print a row each."""
    rng = random.Random(seed + 1)  # noqa: S311 - a benchmark repeats itself
    kinds: list[Kind] = [
        *rng.sample(secrets.TYPES, min(sizes.retold, len(secrets.TYPES))),
        *rng.sample(personal.TYPES, min(sizes.retold // 3, len(personal.TYPES))),
    ]
    plain = [(labelled, find(labelled.text)) for labelled in (kind.make(rng) for kind in kinds)]
    for name, variant in VARIANTS.items():
        mark = "≥ 95 %" if name in RETOLD and name != "alone" else "≥ 97 %" if name in DISGUISED else ""
        figures = []
        lost: list[Labelled] = []
        for part in ("secret", "personal"):
            before, after = Tally(), Tally()
            for labelled, spans in plain:
                changed = variant(labelled, rng) if labelled.kind == part else None
                if changed is None or not changed.spans:
                    continue
                seen = find(changed.text)
                before.add(labelled, spans)
                after.add(changed, seen)
                if (
                    coverage(labelled, spans)[1]
                    and coverage(changed, seen)[1] < REDACTED_SHARE * coverage(changed, seen)[0]
                ):
                    lost.append(changed)
            figures.append(f"{after.found / max(1, before.found):4.0%} {after.redacted / max(1, before.redacted):4.0%}")
        row(f"  {name}", " | ".join(figures), mark)
        for labelled in lost[:show]:
            print(f"      {labelled.type}: {labelled.text[:200]!r}")


def measure_benign(find: Finder, chunks: Sequence[Chunk], show: int) -> None:
    """Count the chunks hit, with and without those that truly hold an address or number."""
    rules: Counter[str] = Counter()
    examples: defaultdict[str, list[str]] = defaultdict(list)
    hits, clean, clean_hits = 0, 0, 0
    for chunk in chunks:
        spans = find(chunk.text)
        hits += bool(spans)
        if chunk.has_contact:
            continue
        clean += 1
        clean_hits += bool(spans)
        for start, end, rule in spans:
            rules[rule] += 1
            examples[rule].append(
                f"{chunk.text[max(0, start - 30) : start]!r} → {chunk.text[start:end][:80]!r}  {chunk.origin}"
            )
    row(f"benign chunks with any hit (all {len(chunks)})", f"{hits / len(chunks):6.2%} ({hits})")
    row(f"benign without mail or telephone ({clean})", f"{clean_hits / max(1, clean):6.2%} ({clean_hits})", "≤ 0.5 %")
    for rule, count in rules.most_common(12 if show else 6):
        print(f"    {count:4} {rule}")
        for example in examples[rule][:show]:
            print(f"           {example}")


def measure_near_misses(find: Finder, sizes: Sizes, seed: int, show: int) -> None:
    """Count the near misses hit, by kind."""
    rng = random.Random(seed + 2)  # noqa: S311 - a benchmark repeats itself
    hits: Counter[str] = Counter()
    examples: defaultdict[str, list[str]] = defaultdict(list)
    for kind in NEAR_MISSES:
        for _ in range(sizes.misses):
            text = make_near_miss(kind, rng).text
            spans = find(text)
            if spans:
                hits[kind] += 1
                examples[kind].append(f"{spans[0][2]}: {text[:120]!r}")
    row("near misses hit", f"{sum(hits.values()) / (sizes.misses * len(NEAR_MISSES)):6.2%}")
    for kind, count in hits.most_common():
        print(f"    {count / sizes.misses:5.0%} {kind}")
        for example in examples[kind][:show]:
            print(f"           {example}")


def measure_speed(open_finder: Callable[[], Finder], chunks: Sequence[Chunk], seed: int) -> None:
    """Time texts of 1.3 KB and texts made to be slow, each round by a finder that remembers no text."""
    texts = [chunk.text for chunk in chunks[:1000]]
    rounds: list[list[float]] = []
    for _ in range(3):
        rounds.append([])
        find = open_finder()
        for text in texts:
            start = time.perf_counter()
            find(text)
            rounds[-1].append(time.perf_counter() - start)
    # Automata are built as they are needed: what is said for the first time costs more.
    times = [min(of_text) for of_text in zip(*rounds, strict=True)]
    for name, measured in (("at first sight", rounds[0]), ("best of three", times)):
        row(
            f"1.3 KB text {name}, p50 / p95",
            f"{percentile(measured, 0.5) * 1e3:.2f} / {percentile(measured, 0.95) * 1e3:.2f} ms",
            "≤ 0.5 / 1.2 ms",
        )
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    row("speed on benign text", f"{size / sum(times) / 1e6:.2f} MB/s", "≥ 1.5 MB/s")
    long = (("1 MB", "≤ 1 s", name, repeated(unit, HOSTILE_CHARS)) for name, unit in HOSTILE.items())
    full = (("100 KB", "≤ 0.1 s", name, repeated(unit, FULL_CHARS)) for name, unit in FULL_OF_FINDINGS.items())
    lists = (
        ("100 KB, all different,", "≤ 0.1 s", name, make_list(name, FULL_CHARS, seed)) for name in LISTS_OF_FINDINGS
    )
    for words, goal, name, text in (*long, *full, *lists):
        find = open_finder()
        start = time.perf_counter()
        find(text)
        row(f"  {words} of {name}", f"{time.perf_counter() - start:.2f} s", goal)


def repeated(unit: str, chars: int) -> str:
    """Repeat a piece to so many characters."""
    return (unit * (chars // len(unit) + 1))[:chars]


def stream_texts(sizes: Sizes, seed: int, chunks: Sequence[Chunk]) -> list[tuple[Labelled | None, str]]:
    """Put values, plain and disguised, into the middle of benign text; add benign text alone."""
    rng = random.Random(seed + 3)  # noqa: S311 - a benchmark repeats itself
    texts: list[tuple[Labelled | None, str]] = []
    variants = [*VARIANTS.values()]
    kinds: list[Kind] = [*secrets.TYPES, *personal.TYPES]
    for _ in range(sizes.streams):
        chunk = rng.choice(chunks).text[:600]
        labelled: Labelled | None = rng.choice(kinds).make(rng)
        if labelled and rng.random() < 0.4:
            labelled = rng.choice(variants)(labelled, rng) or labelled
        middle = chunk.find("\n", len(chunk) // 2)
        texts.append((labelled, chunk[:middle] + "\n" + (labelled.text if labelled else "") + "\n" + chunk[middle:]))
    texts += [(None, chunk.text) for chunk in chunks[: sizes.streams // 2]]
    return texts


def measure_streams(guard: Guard, texts: Sequence[tuple[Labelled | None, str]], seed: int, show: int) -> None:
    """Feed texts in pieces of one to eight characters and compare with the whole text's redaction."""
    rng = random.Random(seed + 4)  # noqa: S311 - a benchmark repeats itself
    held: list[int] = []
    times: list[float] = []
    different: list[tuple[str, str, str]] = []
    leaks, values = 0, 0
    for labelled, text in texts:
        whole = guard.check(text, direction=Direction.ANSWER, persona=PERSONA, roles=ROLES, pseudonyms=Pseudonyms())
        stream = guard.open_stream(persona=PERSONA, roles=ROLES, pseudonyms=Pseudonyms())
        out, at = [], 0
        while at < len(text):
            step = rng.randint(1, 8)
            start = time.perf_counter()
            out.append(stream.feed(text[at : at + step]))
            times.append(time.perf_counter() - start)
            at += step
            if labelled is None:
                held.append(stream.held_chars)
        out.append(stream.close())
        streamed = "".join(out)
        if labelled is not None:
            values += 1
            leaks += labelled.value in streamed and labelled.value not in whole.text
        if streamed != whole.text and not whole.is_blocked:
            different.append((labelled.type if labelled else "benign", whole.text, streamed))
    row(f"streams unlike the whole text ({len(texts)})", f"{len(different)}", "0")
    row("leak beyond the whole text", f"{leaks / max(1, values):+.2%}", "+0")
    row(
        "held back on benign text, mean / p95",
        f"{statistics.fmean(held):.1f} / {percentile(held, 0.95)} characters",
        "≤ 12 / 48",
    )
    row(
        "a chunk, mean / p95",
        f"{statistics.fmean(times) * 1e3:.3f} / {percentile(times, 0.95) * 1e3:.3f} ms",
        "≤ 0.05 / 0.3 ms",
    )
    for name, whole_text, streamed in different[:show]:
        at = next((place for place, (one, two) in enumerate(zip(whole_text, streamed, strict=False)) if one != two), 0)
        print(
            f"      {name}: whole {whole_text[at - 20 : at + 80]!r}\n          stream {streamed[at - 20 : at + 80]!r}"
        )


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--cases", type=int, help="secrets to make (every type at least twice)")
    parser.add_argument(
        "--filter", metavar="COMMAND", help="measure this program in place of the guard in this process"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under a minute")
    parser.add_argument(
        "--show-missed", type=int, default=0, metavar="N", help="list that many missed types, with examples"
    )
    parser.add_argument("--show", type=int, default=0, metavar="N", help="show that many examples of each hit or loss")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="measure only types whose name contains this, and only plain"
    )
    parser.add_argument(
        "--parts", default="values,blind,matrix,variants,benign,near,speed,streams", help="which parts to run"
    )
    return parser.parse_args()


def measure_recall(find: Finder, parts: set[str], sizes: Sizes, arguments: argparse.Namespace) -> None:
    """Run the parts that ask what is found."""
    if "values" in parts:
        secret, private = measure_values(find, sizes, arguments.seed, arguments.only)
        print_values(secret, private)
        for score in (secret, private):
            print_missed(score, arguments.show_missed)
    if "blind" in parts:
        measure_blind(find, arguments.seed)
    if "matrix" in parts:
        measure_matrix(find, sizes, arguments.seed)


def main() -> None:
    """Run the parts asked for."""
    arguments = parse_arguments()
    sizes = QUICK if arguments.quick else FULL
    if arguments.cases:
        sizes = Sizes(arguments.cases, sizes.personal, sizes.benign, sizes.retold, sizes.misses, sizes.streams)
    parts = {"values"} if arguments.only else set(arguments.parts.split(","))
    guard = None if arguments.filter else shipped_guard()
    find: Finder = Filter(arguments.filter) if guard is None else guard_finder(guard)
    find("warm")
    row("corpus", f"{len(secrets.TYPES)} secret, {len(personal.TYPES)} personal types", "goal")
    measure_recall(find, parts, sizes, arguments)
    if "variants" in parts:
        row("of the plain form: found redacted", "secrets   | personal")
        measure_variants(find, sizes, arguments.seed, arguments.show)
    chunks = read_chunks(sizes.benign, arguments.seed) if parts & {"benign", "speed", "streams"} else []
    if "benign" in parts:
        measure_benign(find, chunks, arguments.show)
    if "near" in parts:
        measure_near_misses(find, sizes, arguments.seed, arguments.show)
    if "speed" in parts:
        measure_speed(
            (lambda: find) if guard is None else lambda: guard_finder(Guard(guard.policy)), chunks, arguments.seed
        )
    if "streams" in parts and guard is not None:
        measure_streams(guard, stream_texts(sizes, arguments.seed, chunks), arguments.seed, arguments.show)
    if isinstance(find, Filter):
        find.close()


if __name__ == "__main__":
    main()
