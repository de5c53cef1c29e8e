from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors.drawn import RUN
from policies.detectors.naming import BEFORE_CHARS
from policies.detectors.rarity import is_filling, rarity
from policies.detectors.tokens import TokenDetector, TokenFinding
from policies.document import parse_document
from policies.errors import PolicyError
from policies.words import TOKEN_RULES, Words, parse_words


def words_in(text: str) -> Words:
    return parse_words(parse_document(text, "words.yaml"))


_SHIPPED = parse_words(
    parse_document((files("policies.rules") / "words.yaml").read_text("utf-8"), "words.yaml").fields(["words"])["words"]
)
_WORDS = replace(  # the list of services grows; these tests do not depend on it
    _SHIPPED,
    providers=frozenset({b"sendgrid", b"newrelic", b"abuseipdb", b"fastly", b"3commas", b"bitly"}),
    common_providers=frozenset({b"github", b"aws"}),
)
DETECTOR = TokenDetector(_WORDS)
_RUN = re.compile(RUN)
_HEX = "3f9c1de07a5b46e28cd0915be7a2f431"
_BASE62 = "q7Zk2WvYx0LrTn5BdHs9Pa3F"
_UUID = "7c9e6a52-18fb-4d03-9e77-c2d41b0a85f6"


def _findings(text: str) -> list[TokenFinding]:
    data = text.encode("latin-1")
    judged = (DETECTOR.judge(data, *match.span()) for match in _RUN.finditer(data))
    return [finding for finding in judged if finding]


def _values(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in _findings(text)]


@pytest.mark.parametrize(
    "form",
    [
        "SENDGRID_KEY={}",
        '"apiToken": "{}"',
        "fastly.key := '{}'",
        'var fastly_secret string = "{}"',
        "<mailerToken>{}</mailerToken>",
        "<mailerToken>\n    {}\n</mailerToken>",
        ':api_key => "{}"',
        "deploy --token {}",
        'curl -H "X-Api-Key: {}" https://host',
        "curl -u {}: https://host/v1",
        "https://host/v2?apikey={}&page=2",
        'client.setToken("{}")',
        'os.environ["X_TOKEN"] = "{}"',
        "X_TOKEN: {}",
        "- name: X_TOKEN\n  value: {}",
        "| Sendgrid key | {} | prod |",
        "sendgrid,token,{}",
        '<add key="ApiKey" value="{}" />',
        "ENV X_TOKEN {}",
        '#define API_KEY "{}"',
        'let api_token: &str = "{}";',
        'variable "x_token" {{\n  default = "{}"\n}}',
        r"{{\"apiKey\":\"{}\"}}",
        "Authorization: Bearer {}",
        "MY_ABUSEIPDB_V2={}",
        'abuseipdbApiKey = "{}"',
        "newrelickey = '{}'",
        "3commaskey = '{}'",
        "[INFO] calling New Relic\n[DEBUG] Using Key={}\n",
        "our Sendgrid key is {} and the script still says 401",
        "here is my token: {}",
        "this is the secret {}",
        "unser Sendgrid-Schlüssel lautet {}.",
        "la clé Sendgrid est {}",
        "la clave de Sendgrid es {} y no funciona",
        "notre jeton est {}",
    ],
)
@pytest.mark.parametrize(
    "value", [_HEX, _BASE62, "k3v9x0q2m8z7w1r5t4y6", "aZ3_kW9-qLx2.Vb7TnR5yHd0", _HEX + "9ab04c7e15d2"]
)
def test_a_named_value_is_found_whole(form: str, value: str) -> None:
    assert _values(form.format(value)) == [value]


@pytest.mark.parametrize(
    "form",
    [
        "https://api.fresh.io/v2/{}/latest/USD",
        "https://mainnet.fresh.io/v3/{}",
        "https://api.fresh.io/instances/7/token/{}/send",
        "https://fresh.io/api/{}/list.json",
        "https://api.fresh.io/v2/search?lang=en&key={}&units=m",
        "sendgrid:\n  - first-one\n  - {}",
        "fastly:\n  - anna@acme.dev:{}",
        'fastly: ["first-one", "{}"]',
        "new Fastly('acme-shop', '{}')",
        'fresh.ApiClient("{}")',
        "requests.get(url, auth=('{}', ''))",
        'token = fetch("X", "{}")',
        '<string name="fresh_api_key" translatable="false">{}</string>',
        "<key>FreshAPIKey</key>\n<string>{}</string>",
        "setx FRESH_KEY {}",
        "fastly push pkg.deb -k {}",
        "Set `FRESH_SIGNING_KEY` to `{}`.",
    ],
)
@pytest.mark.parametrize("value", [_HEX, _UUID, "k3v9x0q2m8z7w1r5t4y6"])
def test_a_value_is_found_where_a_key_stands(form: str, value: str) -> None:
    assert _values(form.format(value)) == [value]


@pytest.mark.parametrize("value", [f"sendgrid-{_HEX}", f"fresh_live_{_UUID}", f"PT{_HEX}9ab04c7e15d2"])
def test_a_hexadecimal_is_found_with_the_name_before_it(value: str) -> None:
    assert _values(f"api_token = '{value}'") == [value]


@pytest.mark.parametrize(
    "text",
    [
        f"https://api.fresh.io/v1/orders/{_UUID}/items",
        f"https://api.fresh.io/repos/acme/app/commits/{_HEX}9ab04c7e/status",
        f"https://cdn.fresh.io/assets/{_HEX}/logo",
        f"commits:\n  - {_HEX}9ab04c7e",
        f"users:\n  - {_UUID}",
        f'client.get_user("{_UUID}")',
        f'new Guid("{_UUID}")',
        f"docker pull acme/api:{_HEX}9ab04c7e",
        f"dist/assets/index-{_HEX}",
        f"git log -p {_HEX}9ab04c7e",
        f"CACHE_KEY={_UUID}",
    ],
)
def test_an_object_is_no_key(text: str) -> None:
    assert _values(text) == []


@pytest.mark.parametrize("value", ["f3Kq9zLx", "vX8-qT2m", "q7Zk2WvYx0"])
def test_a_short_value_is_found_under_a_plain_name(value: str) -> None:
    assert _values(f'api_token = "{value}"') == [value]
    assert _values(f'colour = "{value}"') == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f'sendgrid = "{_BASE62}"', "secret/provider-token"),
        (f'api_key = "{_BASE62}"', "secret/assigned-token"),
        (f"the token is {_BASE62}", "secret/said-token"),
        (f"{_BASE62} what is this?", "secret/rare-string"),
        (f'const backend = "{_BASE62}"', "secret/rare-string"),
    ],
)
def test_the_rule_says_what_gave_the_value_away(text: str, rule: str) -> None:
    assert [finding.rule for finding in _findings(text)] == [rule]
    assert rule in TOKEN_RULES


@pytest.mark.parametrize(
    "text",
    [
        f"commit {_HEX}01234567",
        f'"integrity": "sha512-{_BASE62 * 3}=="',
        f'hash = "sha256:{_HEX * 2}"',
        f"sendgrid-9.1.tar.gz  {_HEX * 2}",
        f"uses: fastly/action@{_HEX}89abcdef # v3",
        f"image: newrelic/agent@sha256:{_HEX * 2}",
        f"checksum = {_HEX}",
        f"etag: {_HEX}",
        f"cache_key = '{_HEX}'",
        f"PublicKeyToken={_HEX[:16]}",
        f"x-request-id: {_UUID}",
        f"id: {_UUID}",
        f"nextPageToken: {_BASE62}",
        f"token_url = {_BASE62}",
        f'{{"id": "{_BASE62}"}}',
        f"{_HEX} what is this?",
        f"{_UUID} what is this?",
        "key = 'd41d8cd98f00'",
        "token = settings.SENDGRID_TOKEN_2",
        "secret = sha256_hexdigest2(payload)",
        "api_key = <your-api-key-2>",
        "api_key = your_api_key_1234",
        "api_key = xxxxxxxxxxxxxxxx1",
        "api_key = 1234567890123456",
        "api_key = abcdefgh12345678",
        "api_key = qwertzuiop12",
        "api_key = ${SENDGRID_KEY_V2}",
        f"token = ${{{_BASE62}}}",
        f"secret {_BASE62}(",
        "ssh_key = AAAAB3NzaC1yc2EAAAADAQABAAABgQDf83kLsq9",
        "token: tokens_v2.json",
        "secret: internationalization_and_localization_2",
        f"Zm9v{_BASE62}QmFy\nQk3z{_BASE62}Lw0k\nsecret",
    ],
)
def test_what_its_name_or_form_explains_is_passed(text: str) -> None:
    assert _values(text) == []


@pytest.mark.parametrize("note", ["# gitleaks:allow", "# pragma: allowlist secret", "# this is an example", "nosec"])
def test_no_text_around_a_value_switches_the_detector_off(note: str) -> None:
    assert _values(f'{note}\napi_key = "{_BASE62}"  {note}') == [_BASE62]


def test_a_uuid_needs_a_name() -> None:
    assert _values(f"SENDGRID_KEY={_UUID}") == [_UUID]
    assert _values(f"SESSION={_UUID}") == []


def test_both_halves_of_an_identifier_and_secret_are_judged_by_the_name() -> None:
    assert _values("API_SECRET=48201957:q7Zk2WvYx0LrTn5B") == ["48201957", "48201957:q7Zk2WvYx0LrTn5B"]


@pytest.mark.parametrize("name", ["sendgridprod", "newrelicapp", "sendgrids"])
def test_a_name_that_begins_with_a_service_is_its_name(name: str) -> None:
    assert _values(f"{name} = {_HEX}") == [_HEX]
    assert _values(f"x{name} = {_HEX}") == []


@pytest.mark.parametrize("name", ["bitlyprivate", "BITLYACCESS", "bitlyauth"])
def test_a_word_for_a_key_is_glued_to_a_service(name: str) -> None:
    assert _values(f"{name} {_HEX}9ab04c7e") == [f"{_HEX}9ab04c7e"]
    assert _values(f"acme{name[5:]} {_HEX}9ab04c7e") == []


def test_a_service_whose_name_is_a_word_names_what_is_beyond_doubt() -> None:
    assert _values("github:s4ghndvtrooaz0tgprr3fj2jenzw7cptt7tk0int8e8") == [
        "s4ghndvtrooaz0tgprr3fj2jenzw7cptt7tk0int8e8"
    ]
    assert _values("colour:s4ghndvtrooaz0tgprr3fj2jenzw7cptt7tk0int8e8") == []
    assert _values("github:s4ghndvtroo3") == []


def test_a_mark_set_into_a_drawn_value_makes_it_no_example() -> None:
    marked = f"{_BASE62[:14]}EXAMPLE{_BASE62[14:]}"
    assert _values(f"api_key = {marked}") == [marked]
    assert _values(f"api_key = {marked.replace('EXAMPLE', 'example')}") == []
    assert _values("api_key = YOUR_EXAMPLE_KEY_1_GOES_RIGHT_HERE") == []


def test_an_identifier_and_its_secret_stand_alone_as_one_value() -> None:
    value = f"4820195773:{_BASE62[:16]}-Lw0k{_BASE62[:16]}"
    assert _values(value) == [value]
    assert _values(f"the bot is {value}, say hello") == [value]
    assert _values(f"acme4820195773:{value[11:]}") == []
    assert _values(f"482:{value[11:]}") == []


@pytest.mark.parametrize(
    "text",
    [
        "I put {} in as the Nobody key but it fails",
        "Ich habe {} als Nobody-Schlüssel eingetragen, es geht nicht",
        "<tr><th>Nobody api key</th>\n<td><code>{}</code></td></tr>",
        "<tr><td>Nobody secret key</td><td>{}</td></tr>",
        "our Nobody key is {} and the script still says 401",
    ],
)
@pytest.mark.parametrize("value", [_HEX, _BASE62, _UUID])
def test_a_value_of_an_unknown_service_is_found_in_a_sentence_or_a_table(text: str, value: str) -> None:
    assert _values(text.format(value)) == [value]


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [b"token=", b" the sendgrid key is ", b'"', b"\n", b",", _BASE62.encode(), _HEX.encode() * 20]
            ),
        )
    ),
    st.integers(0, 60),
)
def test_all_runs_are_judged_as_each_by_itself(parts: list[bytes], start: int) -> None:
    data = b"".join(parts)
    runs = [match.span() for match in re.finditer(rb"[A-Za-z0-9_+/=.~-]{8,}", data[start:])]
    singly = [(a + start, b + start, DETECTOR.judge(data, a + start, b + start)) for a, b in runs if b - a <= 2048]
    assert list(DETECTOR.judge_all(data, start)) == [judged for judged in singly if judged[2]]


_WRITTEN = st.one_of(
    st.sampled_from(sorted(_WORDS.strong | _WORDS.weak | _WORDS.faint | _WORDS.explained | _WORDS.providers)),
    st.sampled_from(
        [
            b"API",
            b"Key",
            b"newRelic",
            b"New Relic",
            b"3commaskey",
            b"mytoken",
            b"sendgridprod",
            b"\xc4pi",
            b"[AWS_KEY_7]",
        ]
    ),
    st.sampled_from([b" ", b"_", b"-", b"=", b' = "', b": ", b" is ", b"\n", b" " * 200, b'"', b"@", b"\xe9"]),
    st.text("abcdefXYZ0123456789", min_size=1, max_size=30).map(str.encode),
    st.sampled_from([_BASE62.encode(), _UUID.encode(), _HEX.encode()]),
)


@given(st.lists(_WRITTEN, max_size=40), st.integers(1, 40))
def test_words_that_were_read_for_one_value_are_no_others_for_the_next(parts: list[bytes], times: int) -> None:
    data = b"".join(parts) * times
    runs = [match.span() for match in re.finditer(rb"[A-Za-z0-9_+/=.~-]{8,}", data)]
    singly = [(a, b, DETECTOR.judge(data, a, b)) for a, b in runs if b - a <= 2048]
    assert list(DETECTOR.judge_all(data, 0)) == [judged for judged in singly if judged[2]]


@given(st.from_regex(r"[A-Za-z_./=]{8,40}", fullmatch=True))
def test_letters_alone_are_judged_like_any_run(run: str) -> None:
    data = b'api_token = "' + run.encode() + b'"'
    found = DETECTOR.judge(data, 13, 13 + len(run))
    assert [judged[2] for judged in DETECTOR.judge_all(data, 13)] == ([found] if found else [])


@given(st.binary(max_size=400), st.sampled_from([b"", b"token=", b"the sendgrid key is ", b'"', b"key: id:"]))
def test_a_finding_lies_in_its_run_and_depends_on_nothing_else(noise: bytes, name: bytes) -> None:
    data = noise + name + _BASE62.encode() + b" " + noise
    for match in _RUN.finditer(data):
        start, end = match.span()
        found = DETECTOR.judge(data, start, end)
        cut = max(0, start - BEFORE_CHARS)
        alone = DETECTOR.judge(data[cut : end + 1], start - cut, end - cut)
        assert (found is None) == (alone is None)
        if found and alone:
            assert start <= found.start < found.end <= end
            assert (alone.start + cut, alone.end + cut, alone.rule) == (found.start, found.end, found.rule)


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=64))
def test_drawn_values_are_rarer_than_spelled_ones(value: str) -> None:
    assert is_filling(value.encode()) or rarity(value.encode()) > rarity(b"internationalization_and_localization_v2")


def test_words_are_refused_with_their_place() -> None:
    with pytest.raises(PolicyError, match=r"words\.yaml:1"):
        words_in("unknown: [a]")
    with pytest.raises(PolicyError, match="outside Latin-1"):
        words_in("strong: [clé, ключ]")
    assert words_in("strong: API token\nweak: [clé]").strong == {b"api", b"token"}


def test_a_placeholder_is_no_token() -> None:
    assert _values("sendgrid api_token = [BR_CNPJ_1]") == []
    assert _values("sendgrid api_token = [BR_CNPJ_1x7Q]") != []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("our access token 60252412921497174277 stopped working", True),
        ("the Sendgrid secret key 594939111223 expired", True),
        ("the secret 594939111223 of the list", False),
        ("row 60252412921497174277 of the table", False),
    ],
)
def test_a_long_number_right_behind_its_word_counts_nothing(text: str, *, is_found: bool) -> None:
    assert bool(_values(text)) is is_found


_SIGNED_TAIL = "056r-g4+0s8rs3mb_5ecbjaf=g6n-f1kg_ys358+zm=1qsf7uumrx-4=7z68q4"


def test_signs_inside_a_value_belong_to_it_and_a_name_before_it_does_not() -> None:
    assert _values(f'fastly_token = "{_SIGNED_TAIL}"') == [_SIGNED_TAIL]
    assert _values(f"https://fastly.test/?fastly_token={_SIGNED_TAIL}") == [_SIGNED_TAIL]
    assert _values('fastly_token = "2kqfy=7ey_t45h1jbbgsuyff_egn3lhu"') == ["2kqfy=7ey_t45h1jbbgsuyff_egn3lhu"]
    assert _values(f"first_api_token={_BASE62}==") == [f"{_BASE62}=="]


def test_a_token_as_long_as_signed_claims_is_found_whole() -> None:
    value = ".".join(_BASE62 * times for times in (2, 32, 6))
    assert 900 < len(value) < 1100
    assert _values(f"SENDGRID_API_KEY={value}") == [value]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (f"RELEASE_TOKEN={_BASE62}", True),
        (f'commit_api_key: "{_BASE62}"', True),
        (f"commit {_HEX} of the token", False),
        (f"release_token={_HEX}", False),
        (f"token_digest: {_BASE62}", False),
    ],
)
def test_a_word_for_what_is_no_secret_does_not_explain_a_token_by_name(text: str, *, is_found: bool) -> None:
    assert bool(_values(text)) is is_found


@pytest.mark.parametrize(
    "value",
    [
        "qumpmhs49pj96arb5lm6ylvuhf9q84nomefm",
        "928egnvf-g3f8-gr29-hw7d-z7po4ziyacd5cw1hq65d4g.jt7fb5w0ad4jbapf3hy4gipqnfkkjbdo",
    ],
)
def test_small_letters_and_digits_written_out_are_found_whatever_their_name(value: str) -> None:
    assert _values(f'kite: "{value}"') == [value]
    assert not _values(f'kite_digest: "{value}"')


def test_data_in_base_64_is_no_rare_string() -> None:
    assert not _values(f'kite: "{"q7Zk2Wv/YxLrTn5B+dHs9Pa3" * 6}"')


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('fastly_api_key = "f1e2d3c4-b5a6-7890-fedc-ba1234567890"', True),
        ('fastly_api_key = "98765fedcba43210fedcba987"', True),
        ("FASTLY_TOKEN=z9y8x7w6v5u4t3s2r1q0z9y8x7w6v5u4t3s2r1q0", True),
        ('api_key = "98765fedcba43210fedcba987"', True),
        ("KITE_SUBSCRIPTION_KEY=fedcba9876543210fedcba9876543210", True),
        ('fastly_key = "mnopqrstuv0987654321MNOPQRSTUV0987654321"', True),  # spelled rather than drawn
        ('kite_digest = "98765fedcba43210fedcba987"', False),
        ('key = "98765fedcba43210fedcba987"', False),  # neither a secret's name nor a service's
        ('fastly_api_key = "1234567890abcdef"', False),
        ('fastly_api_key = "00000000-0000-0000-0000-000000000000"', False),
        ('fastly_api_key = "your_key_z9y8x7w6v5u4t3s2r1q0"', False),
        ("fastly is at 98765fedcba43210fedcba987", False),
    ],
)
def test_a_key_typed_by_rows_is_one_under_a_secrets_name_only(text: str, *, is_found: bool) -> None:
    assert bool(_values(text)) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('kite_key: "5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10"', True),
        ('kiteKey = "5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10"', True),
        ('kite_key = "9d41c07be52f8a63f0b7"', True),
        ("kite_license: 5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10", True),
        ('key: "5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10"', False),  # of anything
        ('kite_id: "5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10"', False),
        ('partition_key: "5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10"', False),
        ('kite_key = "9d41c07be52f"', False),
    ],
)
def test_a_uuid_or_hexadecimal_is_a_key_where_its_name_says_whose(text: str, *, is_found: bool) -> None:
    assert bool(_values(text)) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("API Key\n9d41c07be52f8a63f0b7d21c46ae985b\n", True),
        ("# Client secret\n5f0a3b7c-6a45-4d16-9c0e-8b5d2b9f7a10", True),
        ("Commit\n9d41c07be52f8a63f0b7d21c46ae985b\n", False),
        ("We talked long about every single token\n9d41c07be52f8a63f0b7d21c46ae985b\n", False),
        ("API Key\n\nSee below\n9d41c07be52f8a63f0b7d21c46ae985b\n", False),
    ],
)
def test_a_label_alone_on_its_line_names_the_value_below(text: str, *, is_found: bool) -> None:
    assert bool(_values(text)) is is_found
