# ruff: noqa: S311 - a corpus repeats itself
"""The corpus that measures the guard is right itself: places, checksums, seeds, and the scorer's arithmetic."""

from __future__ import annotations

import base64
import functools
import importlib.util
import random
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tests.data.guard import personal, secrets
from tests.data.guard.benign import Chunk, read_chunks
from tests.data.guard.carriers import CARRIERS, carry, fits
from tests.data.guard.checksums import bech32, iso7064_mod11_10, luhn, mod97, verhoeff
from tests.data.guard.labelled import Labelled
from tests.data.guard.near_misses import NEAR_MISSES, make_near_miss
from tests.data.guard.secrets.code_hosts import BASE62
from tests.data.guard.secrets.table import read_table
from tests.data.guard.secrets.wallets import WORDS
from tests.data.guard.shapes import fill, is_distinctive
from tests.data.guard.variants import VARIANTS

ROUNDS = 2


def load_scorer() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "guard_corpus.py"
    spec = importlib.util.spec_from_file_location("guard_corpus", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scorer = load_scorer()


@functools.cache
def every_value(seed: int = 7) -> list[Labelled]:
    rng = random.Random(seed)
    return [kind.make(rng) for kind in (*secrets.TYPES, *personal.TYPES) for _ in range(ROUNDS)]


def value_of(name: str, seed: int) -> str:
    kinds = [kind for kind in (*secrets.TYPES, *personal.TYPES) if kind.name == name]
    return kinds[0].make(random.Random(seed)).value


def digits_of(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def test_the_corpus_is_as_wide_as_promised() -> None:
    assert len(secrets.TYPES) >= 600
    assert len({kind.source for kind in secrets.TYPES}) >= 8
    assert len(personal.TYPES) >= 72
    assert len({kind.name for kind in secrets.TYPES}) == len(secrets.TYPES)
    assert len({kind.name for kind in personal.TYPES}) == len(personal.TYPES)


def test_spans_lie_in_the_text_and_hold_the_value() -> None:
    for labelled in every_value():
        ((start, end),) = labelled.spans
        assert 0 <= start < end <= len(labelled.text), labelled
        assert labelled.value.strip() == labelled.value, labelled
        assert "\0" not in labelled.text, labelled


def test_no_hole_of_a_shape_is_left_open() -> None:
    for labelled in every_value():
        assert "{hex:" not in labelled.text, labelled
        assert "{dig:" not in labelled.text, labelled
        assert "{UPPER}" not in labelled.text, labelled
        assert "{Service}" not in labelled.text, labelled


def test_the_same_seed_makes_the_same_corpus() -> None:
    assert every_value.__wrapped__(3) == every_value.__wrapped__(3)
    assert every_value(3) != every_value(4)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_keeps_its_spans_in_order_and_inside(name: str) -> None:
    rng = random.Random(11)
    seen = 0
    for labelled in every_value():
        changed = VARIANTS[name](labelled, rng)
        if changed is None:
            continue
        seen += 1
        last = 0
        for start, end in changed.spans:
            assert last <= start < end <= len(changed.text), changed
            last = end
    assert seen > 100, name


RECOVERED = ("sentence", "German sentence", "alone", "Markdown table", "HTML table", "wrapped every 20", "concatenated")


@pytest.mark.parametrize("name", RECOVERED)
def test_the_pieces_of_a_retold_value_make_the_value(name: str) -> None:
    rng = random.Random(12)
    for labelled in every_value():
        changed = VARIANTS[name](labelled, rng)
        if changed is not None:
            # A value of several lines has its own line ends between the pieces, or in them.
            assert changed.value.replace("\n", "") == labelled.value.replace("\n", ""), (name, changed)


def test_encoded_values_decode_to_the_value() -> None:
    rng = random.Random(13)
    for labelled in every_value():
        value = labelled.value.encode()
        hidden = VARIANTS["base64 of the value"](labelled, rng)
        assert hidden is not None
        assert base64.urlsafe_b64decode(hidden.value.replace("+", "-").replace("/", "_")) == value
        hexed = VARIANTS["hex"](labelled, rng)
        assert hexed is not None
        assert bytes.fromhex(hexed.value) == value
        message = VARIANTS["base64 of the message"](labelled, rng)
        assert message is not None
        ((start, end),) = message.spans
        whole = base64.urlsafe_b64decode(message.text.replace("+", "-").replace("/", "_"))
        assert whole == labelled.text.encode()
        assert value in base64.urlsafe_b64decode(
            message.text[start // 4 * 4 : -(-end // 4) * 4].replace("+", "-").replace("/", "_")
        )


def test_a_carrier_takes_only_values_that_need_no_escape() -> None:
    assert not fits('{snake} = "\0"', 'a"b')
    assert not fits("{UPPER}=\0", "two words")
    assert not fits("<{camel}>\0</{camel}>", "a<b")
    assert fits("{snake}: \0", "plain")
    assert all("\0" in carrier for carrier in CARRIERS)
    text, (start, end) = carry("s3cr3tvalue", "api key", "Acme", random.Random(1))
    assert text[start:end] == "s3cr3tvalue"


def test_shapes() -> None:
    assert fill("abc-{dig:0-0}x", random.Random(1)) == "abc-x"
    assert fill("{one/one}", random.Random(1)) == "one"
    assert len(fill("{hex:32}", random.Random(1))) == 32
    assert '{"a": ' in fill('{"a": {dig:2}}', random.Random(1))
    assert is_distinctive("ghp_{an:36}")
    assert not is_distinctive("{hex:32}")
    assert not is_distinctive("{uuid}")


def test_a_table_row_needs_its_columns() -> None:
    with pytest.raises(ValueError, match="three or four"):
        read_table("x", "only one column")


@pytest.mark.parametrize("seed", range(20))
class TestChecksums:
    def test_of_cards(self, seed: int) -> None:
        for brand in personal.CARD_PREFIXES:
            number = digits_of(value_of(f"{brand} card", seed))
            assert luhn(number[:-1]) == number[-1]

    def test_of_account_numbers(self, seed: int) -> None:
        for name in ("IBAN", "IBAN of the world"):
            number = value_of(name, seed).replace(" ", "")
            assert mod97(number[4:] + number[:4]) == 1

    def test_of_github(self, seed: int) -> None:
        token = value_of("code-hosts/github-personal-access-token", seed)
        number = 0
        for sign in token[-6:]:
            number = number * 62 + BASE62.index(sign)
        assert number == zlib.crc32(token[4:-6].encode())

    def test_of_seed_phrases(self, seed: int) -> None:
        words = value_of("wallets/seed-phrase-of-12", seed).split()
        number = 0
        for word in words:
            number = number * 2048 + WORDS.index(word)
        entropy = (number >> 4).to_bytes(16, "big")
        from hashlib import sha256  # noqa: PLC0415 - only this test needs it

        assert sha256(entropy).digest()[0] >> 4 == number & 15

    def test_of_aadhaar(self, seed: int) -> None:
        number = digits_of(value_of("IN Aadhaar", seed))
        assert len(number) == 12
        assert verhoeff(number[:-1]) == number[-1]

    def test_of_german_tax_ids(self, seed: int) -> None:
        number = digits_of(value_of("DE tax id", seed))
        assert len(number) == 11
        assert iso7064_mod11_10(number[:-1]) == number[-1]
        assert sorted(number[:-1].count(digit) for digit in set(number[:-1])) == [1] * 8 + [2]

    def test_of_czech_birth_numbers(self, seed: int) -> None:
        assert int(digits_of(value_of("CZ birth number", seed))) % 11 == 0

    def test_of_australian_business_numbers(self, seed: int) -> None:
        digits = [int(digit) for digit in digits_of(value_of("AU ABN", seed))]
        digits[0] -= 1
        weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
        assert sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 89 == 0

    def test_of_french_persons(self, seed: int) -> None:
        number = digits_of(value_of("FR social security", seed))
        assert (int(number[:13]) + int(number[13:])) % 97 == 0

    def test_of_chinese_residents(self, seed: int) -> None:
        number = value_of("CN resident id", seed)
        total = sum((10 if sign == "X" else int(sign)) * pow(2, 17 - place, 11) for place, sign in enumerate(number))
        assert total % 11 == 1

    def test_of_dutch_citizens(self, seed: int) -> None:
        number = [int(digit) for digit in value_of("NL BSN", seed)]
        assert sum(digit * weight for digit, weight in zip(number, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0


def test_checksums_agree_with_published_examples() -> None:
    from tests.data.guard import national_checks  # noqa: PLC0415 - only this test reads the rules by themselves

    assert luhn("7992739871") == "3"
    assert verhoeff("236") == "3"
    assert iso7064_mod11_10("0794") == "5"
    assert mod97("370400440532013000" + "DE89") == 1
    assert bech32("bc", [0, *range(20)]).startswith("bc1q")
    assert national_checks.italian_letter("RSSMRA85T10A562") == "S"
    assert national_checks.chinese_check("11010519491231002") == "X"
    assert national_checks.spanish_letter("12345678") == "Z"
    assert national_checks.taiwan_check("A12345678") == "9"
    assert national_checks.chilean_check("12345678") == "5"
    assert (
        national_checks.norwegian_check("010101001") is None or len(national_checks.norwegian_check("010101001")) == 2
    )  # type: ignore[arg-type]
    assert national_checks.turkish_check("100000001") == "46"


def test_near_misses_hold_nothing() -> None:
    rng = random.Random(5)
    for kind in NEAR_MISSES:
        assert make_near_miss(kind, rng).spans == ()


def test_benign_chunks_are_drawn_by_seed() -> None:
    chunks = read_chunks(40, seed=2)
    assert len(chunks) == 40
    assert chunks == read_chunks(40, seed=2)
    assert all(100 < len(chunk.text) <= 1300 for chunk in chunks)


def test_a_chunk_with_an_address_is_told_apart() -> None:
    assert Chunk("x", "write to jo.berg@example.org today").has_contact
    assert Chunk("x", "call +49 30 1234567 now").has_contact
    assert not Chunk("x", "@dataclass(frozen=True) 0x7f 1234567 2026-01-01 10:22:01").has_contact


def labelled(text: str, *spans: tuple[int, int]) -> Labelled:
    return Labelled(text, spans, "secret", "source", "type", "label", distinctive=True)


def test_a_touch_is_found_and_95_percent_is_redacted() -> None:
    tally = scorer.Tally()
    case = labelled("x" * 200, (50, 150))
    for spans in (
        [(149, 160, "A")],
        [(50, 145, "A")],
        [(50, 144, "A")],
        [(0, 50, "A")],
        [(40, 100, "A"), (100, 200, "B")],
    ):
        tally.add(case, spans)
    assert (tally.cases, tally.found, tally.redacted) == (5, 4, 2)
    assert tally.leaked == 99 + 5 + 6 + 100 + 0


def test_pieces_count_together() -> None:
    case = labelled("ab" * 10, (0, 5), (10, 15))
    assert scorer.coverage(case, [(3, 12, "A")]) == (10, 4, True)


def test_each_source_and_type_counts_once() -> None:
    score = scorer.Score()
    for source, spans in (("one", [(0, 5, "A")]), ("one", [(0, 5, "A")]), ("one", [(0, 5, "A")]), ("two", [])):
        score.add(replace(labelled("abcde", (0, 5)), source=source, type=source), spans)
    assert score.total.found_share == 0.75
    assert score.mean_sources(lambda tally: tally.found_share) == 0.5
    assert score.mean_types(lambda tally: tally.found_share) == 0.5


def test_a_filter_is_asked_line_by_line() -> None:
    program = (
        "import json,sys\n"
        "for line in sys.stdin:\n"
        "    ask = json.loads(line)\n"
        "    print(json.dumps({'id': ask['id'], 'spans': [[0, len(ask['text']), 'ALL']]}), flush=True)\n"
    )
    ask = scorer.Filter(f'{sys.executable} -c "{program}"')
    assert ask("ä\nb") == [(0, 3, "ALL")]
    assert ask("") == [(0, 0, "ALL")]
    ask.close()
