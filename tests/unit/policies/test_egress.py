"""The allow-list against everything that a host, a URL or an address can be written as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.egress import Egress, Program
from policies.egress_hosts import EgressReason, NotAHostError, parse_host
from policies.egress_list import Destination, derive_destinations, destinations_of_url, parse_destination
from policies.errors import PolicyError

R = EgressReason
COMPANY = Egress(
    derive_destinations(
        fleet=["http://dev1.lan:11434", "http://10.20.0.7:1234"],
        database=["postgresql+psycopg://app:made-up-word@data1.lan/cloister"],
        redis=["rediss://:made-up-word@data1.lan:6380/0"],
        identity=["https://idp.corp.example"],
        sources=["https://wiki.corp.example:8443/space"],
        allow=["*.intranet.example:443", "10.99.0.0/24:443,8000-8010", "[fd00:20::/48]:443", "203.0.113.0/24:443"],
    ),
    programs=[Program("/usr/bin/python", ("-P", "-m", "assistant")), Program("/opt/postgres")],
    own_names=["Box7.corp.example"],
)

URLS = {
    # What the site listed.
    "http://dev1.lan:11434/api/chat": R.LISTED_HOST,
    "http://DEV1.LAN.:11434/": R.LISTED_HOST,
    "http://10.20.0.7:1234": R.LISTED_NETWORK,
    "http://0x0a.20.0.7:1234/": R.LISTED_NETWORK,
    "http://[::ffff:10.20.0.7]:1234/": R.LISTED_NETWORK,
    "https://idp.corp.example/.well-known/openid-configuration": R.LISTED_HOST,
    "https://wiki.corp.example:8443/page?x=http://evil.example": R.LISTED_HOST,
    "https://a.b.intranet.example/#http://evil.example": R.LISTED_HOST,
    "https://10.99.0.1/": R.LISTED_NETWORK,
    "http://10.99.0.1:8010": R.LISTED_NETWORK,
    "https://[fd00:20::1]/": R.LISTED_NETWORK,
    "http://localhost:5000/": R.LOOPBACK,
    "http://127.9.9.9:5000/": R.LOOPBACK,
    "http://2130706433/": R.LOOPBACK,
    "http://[::1]:80/": R.LOOPBACK,
    "http://[::ffff:127.0.0.1]/": R.LOOPBACK,
    "http://１２７.0.0.1/": R.LOOPBACK,
    "http://127。0。0。1/": R.LOOPBACK,
    # Not listed, or not this port of it.
    "http://evil.example/": R.NOT_LISTED,
    "http://8.8.8.8/": R.NOT_LISTED,
    "http://134744072/": R.NOT_LISTED,
    "http://0x8.0x8.0x808/": R.NOT_LISTED,
    "http://010.010.010.010/": R.NOT_LISTED,
    "http://10.20.0.8:1234/": R.NOT_LISTED,
    "http://012.024.0.7:1234": R.LISTED_NETWORK,
    "http://10.024.0.8:1234/": R.NOT_LISTED,
    "http://dev1.lan.evil.example:11434/": R.NOT_LISTED,
    "http://x.dev1.lan:11434/": R.NOT_LISTED,
    "https://intranet.example/": R.NOT_LISTED,
    "https://xintranet.example/": R.NOT_LISTED,
    "https://intranet.example.evil.example/": R.NOT_LISTED,
    "http://dev1.lаn:11434/": R.NOT_LISTED,
    "http://ⅾev1.lan:11434/": R.LISTED_HOST,  # a Roman numeral that IDNA itself folds to the listed name
    "https://idp.corp.ехample/": R.NOT_LISTED,
    "http://[2606:4700::1111]/": R.NOT_LISTED,
    "http://dev1.lan/": R.PORT,
    "http://dev1.lan:11435/": R.PORT,
    "http://10.99.0.1:8011/": R.PORT,
    # Another kind of address.
    "http://169.254.169.254/latest/meta-data/": R.METADATA,
    "http://2852039166/": R.METADATA,
    "http://[::ffff:a9fe:a9fe]/": R.METADATA,
    "http://[64:ff9b::a9fe:a9fe]/": R.METADATA,
    "http://[2002:a9fe:a9fe::]/": R.METADATA,
    "http://[::169.254.169.254]/": R.METADATA,
    "http://[fd00:ec2::254]/": R.METADATA,
    "http://metadata.google.internal/": R.METADATA,
    "http://100.100.100.200/": R.METADATA,
    "http://169.254.7.7/": R.LINK_LOCAL,
    "http://[fe80::1]/": R.LINK_LOCAL,
    "http://0.0.0.0:5000/": R.UNSPECIFIED,
    "http://0/": R.UNSPECIFIED,
    "http://[::]/": R.UNSPECIFIED,
    "http://224.0.0.251:5353/": R.MULTICAST,
    "http://[ff02::fb]/": R.MULTICAST,
    "http://255.255.255.255/": R.MULTICAST,
    "http://250.1.2.3/": R.RESERVED,
    "http://[::10.20.0.7]:1234/": R.TUNNELLED,
    "http://[2002:a14:7::1]:1234/": R.TUNNELLED,
    "http://[64:ff9b::10.20.0.7]:1234/": R.TUNNELLED,
    "http://[64:ff9b:1::10.20.0.7]:1234/": R.TUNNELLED,
    "http://[2606:4700::5efe:10.20.0.7]:1234/": R.TUNNELLED,
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/": R.TUNNELLED,
    # What readers understand differently.
    "http://dev1.lan:11434@evil.example/": R.USERINFO,
    "http://dev1.lan＠evil.example/": R.USERINFO,
    "http://user:word@dev1.lan:11434/": R.USERINFO,
    "http://evil.example\\@dev1.lan:11434/": R.MALFORMED,
    "http://dev1.lan:11434\\.evil.example/": R.MALFORMED,
    "http://dev1.lan\t.evil.example:11434/": R.MALFORMED,
    "http://dev1.lan:11434 /": R.MALFORMED,
    " http://dev1.lan:11434/": R.MALFORMED,
    "http://dev1.lan%2eevil.example/": R.MALFORMED,
    "http://%31%32%37.0.0.1/": R.MALFORMED,
    "http://dev1.lan:80:11434/": R.MALFORMED,
    "http://dev1.lan:0/": R.MALFORMED,
    "http://dev1.lan:65536/": R.MALFORMED,
    "http://dev1.lan:76970/": R.MALFORMED,  # 11434 after an overflow of 16 bits
    "http://dev1.lan:１１４３４/": R.MALFORMED,
    "http://dev1.lan:-1/": R.MALFORMED,
    "http://dev1..lan:11434/": R.MALFORMED,
    "http://-dev1.lan:11434/": R.MALFORMED,
    "http://dev1℀.lan:11434/": R.MALFORMED,
    "http:///dev1.lan:11434/": R.MALFORMED,
    "http:dev1.lan": R.MALFORMED,
    "//dev1.lan:11434/": R.MALFORMED,
    "http://[::1": R.MALFORMED,
    "http://[127.0.0.1]/": R.MALFORMED,
    "http://1.2.3.4.5/": R.MALFORMED,
    "http://127.0.0.0x/": R.MALFORMED,
    "http://127.0.0.08/": R.MALFORMED,
    "http://4294967296/": R.MALFORMED,
    "http://127.0.0.256/": R.MALFORMED,
    "http://[fe80::1%25eth0]/": R.ZONE,
    "http://[::1%lo]/": R.ZONE,
    "file:///etc/passwd": R.SCHEME,
    "ftp://dev1.lan:11434/": R.SCHEME,
    "gopher://127.0.0.1:6379/": R.SCHEME,
    "": R.MALFORMED,
    "http://" + "a" * 9000: R.MALFORMED,
}


@pytest.mark.parametrize("url", URLS, ids=lambda url: ascii(url)[:60])
def test_a_url_is_judged_by_what_it_means(url: str) -> None:
    assert COMPANY.check_url(url).reason == URLS[url]


ADDRESSES = {
    ("10.20.0.7", 1234): R.LISTED_NETWORK,
    ("::ffff:10.20.0.7", 1234): R.LISTED_NETWORK,
    ("::FFFF:0A14:0007", 1234): R.LISTED_NETWORK,
    ("127.0.0.1", 1): R.LOOPBACK,
    ("::1", 1): R.LOOPBACK,
    ("10.20.0.7", 1235): R.PORT,
    ("10.20.0.8", 1234): R.NOT_LISTED,
    ("203.0.113.200", 443): R.LISTED_NETWORK,
    ("dev1.lan", 11434): R.NOT_AN_ADDRESS,
    ("2130706433", 80): R.NOT_AN_ADDRESS,
    ("0x7f.1", 80): R.NOT_AN_ADDRESS,
    ("", 80): R.UNSPECIFIED,
    ("::", 80): R.UNSPECIFIED,
    ("fe80::1%eth0", 80): R.LINK_LOCAL,
    ("fd00:20::1%eth0", 443): R.ZONE,
    ("169.254.169.254", 80): R.METADATA,
    ("?", 0): R.NOT_AN_ADDRESS,
}


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_an_address_is_judged_when_it_is_connected_to(address: tuple[str, int]) -> None:
    for _ in range(2):  # the second answer is remembered
        assert COMPANY.check_address(*address).reason == ADDRESSES[address]


ANSWERS = {
    ("10.1.2.3", 11434, "dev1.lan"): R.LISTED_HOST,
    ("10.1.2.3", 11434, "DEV1.lan."): R.LISTED_HOST,
    ("fd12::3", 11434, "dev1.lan"): R.LISTED_HOST,
    ("100.64.1.1", 11434, "dev1.lan"): R.LISTED_HOST,
    ("10.1.2.3", 443, "x.intranet.example"): R.LISTED_HOST,
    ("10.1.2.3", 11435, "dev1.lan"): R.PORT,
    ("10.1.2.3", 11434, "other.lan"): R.NOT_LISTED,
    ("10.1.2.3", 11434, "localhost"): R.NOT_LISTED,
    ("8.8.8.8", 11434, "dev1.lan"): R.ANSWER_OUTSIDE,
    ("2606:4700::1", 11434, "dev1.lan"): R.ANSWER_OUTSIDE,
    ("203.0.113.9", 443, "idp.corp.example"): R.LISTED_NETWORK,
    ("198.51.100.9", 443, "idp.corp.example"): R.ANSWER_OUTSIDE,
    ("169.254.169.254", 11434, "dev1.lan"): R.METADATA,
    ("fd00:ec2::254", 11434, "dev1.lan"): R.METADATA,
    ("0.0.0.0", 11434, "dev1.lan"): R.UNSPECIFIED,  # noqa: S104 - connected to
    ("64:ff9b::a01:203", 11434, "dev1.lan"): R.TUNNELLED,
}


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_listed_name_leads_into_the_building_only(answer: tuple[str, int, str]) -> None:
    address, port, name = answer
    assert COMPANY.check_address(address, port, (name,)).reason == ANSWERS[answer]


def test_one_listed_name_among_several_is_enough() -> None:
    assert COMPANY.check_address("10.1.2.3", 11434, ("other.lan", "dev1.lan", "?")).is_allowed


NAMES = {
    "dev1.lan": R.LISTED_HOST,
    "Dev1.LAN.": R.LISTED_HOST,
    "deep.x.intranet.example": R.LISTED_HOST,
    "localhost": R.LOOPBACK,
    "box7.corp.example": R.LOOPBACK,
    "": R.ADDRESS,
    "8.8.8.8": R.ADDRESS,
    "2606:4700::1": R.ADDRESS,
    "fe80::1%eth0": R.ADDRESS,
    "134744072": R.NOT_LISTED,
    "c2VjcmV0.evil.example": R.NOT_LISTED,
    "c2VjcmV0.dev1.lan": R.NOT_LISTED,
    "dev1.lan@evil.example": R.MALFORMED,
    "dev1.lan\0.evil.example": R.MALFORMED,
    "a" * 64 + ".intranet.example": R.MALFORMED,
}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_a_name_is_judged_before_it_is_looked_up(name: str) -> None:
    assert COMPANY.check_name(name).reason == NAMES[name]


def test_a_reverse_look_up_carries_the_address_out() -> None:
    assert COMPANY.check_reverse("127.0.0.1").is_allowed
    assert COMPANY.check_reverse("10.20.0.7").is_allowed
    assert not COMPANY.check_reverse("8.8.8.8").is_allowed
    assert not COMPANY.check_reverse("c2VjcmV0.evil.example").is_allowed


@pytest.mark.parametrize(
    ("argv", "is_allowed"),
    [
        (["/usr/bin/python", "-P", "-m", "assistant", "web"], True),
        (["/usr/bin/python", "-P", "-m"], False),
        (["/usr/bin/python", "-c", "pass", "-P", "-m", "assistant"], False),
        (["/usr/bin/../bin/python", "-P", "-m", "assistant"], False),
        (["python", "-P", "-m", "assistant"], False),
        (["/opt/postgres", "-D", "x"], True),
        (["/opt/postgres2"], False),
        ([], False),
    ],
)
def test_only_named_programs_start(argv: list[str], is_allowed: bool) -> None:  # noqa: FBT001 - a table
    assert COMPANY.check_program(argv).is_allowed is is_allowed


def test_an_empty_list_leaves_this_machine_alone() -> None:
    nothing = Egress()
    assert nothing.check_address("127.0.0.1", 5432).is_allowed
    assert not nothing.check_address("10.0.0.1", 5432).is_allowed
    assert not nothing.check_name("dev1.lan").is_allowed
    assert not nothing.check_program(["/bin/true"]).is_allowed


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        ("Dev1.LAN.", "dev1.lan"),
        ("idp.corp.example:443", "idp.corp.example:443"),
        ("10.20.0.0/16:80,8000-8010", "10.20.0.0/16:80,8000-8010"),
        ("10.20.0.7", "10.20.0.7"),
        ("[fd00::7]:443", "[fd00::7]:443"),
        ("[fd00:20::/48]", "[fd00:20::/48]"),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
        ("*.Corp.Example", "*.corp.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_an_entry_has_one_writing(entry: str, written: str) -> None:
    assert str(parse_destination(entry)) == written
    assert parse_destination(written) == parse_destination(entry)


@pytest.mark.parametrize(
    "entry",
    [
        *("", "*", "*.example", "0.0.0.0/0", "[::/0]", "10.0.0.0/7", "10.0.0.1/8", "host:", "host:0", "host:70000"),
        *("host:9-8", "http://host", "user@host", "a b", "fe80::1", "[fe80::1]", "169.254.0.0/16", "224.0.0.0/8"),
        *("metadata.google.internal", "169.254.169.254", "0.0.0.0", "x*.example.com", "host/24"),  # noqa: S104
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(entry: str) -> None:
    with pytest.raises(PolicyError):
        parse_destination(entry)


@pytest.mark.parametrize(
    ("url", "destinations"),
    [
        ("postgresql://u:p@data1.lan/db", ["data1.lan:5432"]),
        ("postgresql://u:p@a.lan:1,b.lan/db", ["a.lan:1", "b.lan:5432"]),
        ("postgresql://u:p@/db?host=/run/postgres", []),
        ("postgresql://u:p@%2Frun%2Fpostgres/db", []),
        ("postgresql://u:p@a.lan/db?host=b.lan&hostaddr=10.0.0.9&port=77", ["a.lan:5432", "b.lan:77", "10.0.0.9:77"]),
        ("postgresql+psycopg://u:p@[fd00::9]:7/db", ["[fd00::9]:7"]),
        ("unix:///run/redis.sock?db=1", []),
        ("redis+socket:///run/redis.sock", []),
        ("redis://redis.lan", ["redis.lan:6379"]),
        ("ldaps://ldap.corp.example", ["ldap.corp.example:636"]),
        ("http://10.0.0.9:11434", ["10.0.0.9:11434"]),
    ],
)
def test_addresses_of_servers_become_entries(url: str, destinations: list[str]) -> None:
    assert [str(each) for each in destinations_of_url(url, origin="database")] == destinations


@pytest.mark.parametrize(
    "url",
    [
        "data1.lan",
        "postgresql://",
        "postgresql://u:planted-word@/db",
        "redis://u:planted-word@host:0/",
        "redis://u:planted-word@ho st/",
        "smb://u:planted-word@host/",
        "http://u:planted-word@[::1/",
        "http://u:planted-word@ho℀st/",
        "http://u:planted-word@169.254.169.254/",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(PolicyError) as refused:
        destinations_of_url(url, origin="database")
    assert "planted-word" not in str(refused.value)
    assert refused.value.where == "database"


def test_the_same_entry_stands_once() -> None:
    derived = derive_destinations(redis=["redis://a.lan", "redis://a.lan:6379/2"])
    assert derived == (Destination("a.lan", None, (range(6379, 6380),), "redis"),)


@given(st.text(max_size=300))
def test_any_text_gets_a_verdict(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://dev1.lan{text}"):
        verdict = COMPANY.check_url(url)
        assert verdict.is_allowed == verdict.reason.allows
    COMPANY.check_name(text)
    COMPANY.check_reverse(text)
    COMPANY.check_address(text, 80, (text,))


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_address_is_the_same_address(number: int) -> None:
    first, second, third, fourth = number.to_bytes(4, "big")
    spellings = (
        f"{first}.{second}.{third}.{fourth}",
        f"{first:#x}.{second:#x}.{third:#x}.{fourth:#x}",
        f"0{first:o}.0{second:o}.0{third:o}.0{fourth:o}",
        f"{first}.{second}.{third << 8 | fourth}",
        f"{first}.{second << 16 | third << 8 | fourth}",
        f"{number}",
        f"{number:#x}",
        f"{first}.{second}.{third}.{fourth}.",
    )
    assert {parse_host(each) for each in spellings} == {parse_host(spellings[0])}
    outcomes = {COMPANY.check_url(f"http://{each}/").reason for each in spellings}
    mapped = COMPANY.check_url(f"http://[::ffff:{spellings[0]}]/").reason
    assert outcomes == {mapped}


@given(st.text(alphabet="0123456789abcdefx.:%[]@-_", max_size=40))
def test_a_host_is_read_the_same_way_twice(text: str) -> None:
    try:
        host = parse_host(text)
    except NotAHostError:
        return
    assert parse_host(f"[{host}]" if ":" in str(host) else str(host)) == host
