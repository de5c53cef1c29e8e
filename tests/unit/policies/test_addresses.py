"""An address with a login goes whole, however it arrives; one without a true password stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.addresses import has_drawn_user, has_jdbc_login, has_login, is_login
from policies.guard import Guard
from tests.unit.policies.texts import REDACTING, SIZES, both_ways

PASSWORDS = ["hunter2", "Winter-2031!", "k3X9abQ72mLp", "p%40ss-77", "a+b=c77"]
ADDRESSES = [
    "postgresql://shop:{}@db.acme.lan:5432/shop?sslmode=require&application_name=web",
    "mongodb+srv://app:{}@c0.acme.lan/prod?retryWrites=true&w=majority",
    "mongodb://app:{}@n1.acme.lan:27017,n2.acme.lan:27017/shop?replicaSet=rs0",
    "amqps://service:{}@mq.acme.lan/vhost",
    "redis://:{}@cache.acme.lan:6379/0",
    "rediss://:{}@[fd00::9]:6380/1",
    "ldaps://uid=app:{}@ldap.acme.lan:636/dc=acme,dc=lan",
    "https://maria:{}@git.acme.lan/shop/web.git",
    "http://maria:{}@proxy.acme.lan:3128",
    "jdbc:mysql://shop:{}@db.acme.lan:3306/inventory",
    "jdbc:oracle:thin:shop/{}@db.acme.lan:1521:x",
    "jdbc:postgresql://db.acme.lan:5432/app?user=admin&password={}",
]
AROUND = ["{}", "DATABASE_URL={}\n", 'url = "{}"', "see <{}>.", "[here]({}) it is", "| db | {} |", "we use {}, mostly"]
HARMLESS = [
    "postgresql://shop:[PASSWORD_1]@db.acme.lan:5432/shop?sslmode=require",
    "postgresql://[USERNAME_1]:[PASSWORD_1]@[HOST_1]/shop",
    "postgresql://shop:${DB_PASSWORD}@db.acme.lan/shop",
    "https://docs.acme.de:8443/guide/@latest?x=1&y=2",
    "jdbc:postgresql://db.acme.lan/app?user=admin&password=[PASSWORD_1]",
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_an_address_goes_whole_and_nothing_around_it(guard: Guard, address: str, around: str, password: str) -> None:
    value = address.format(password)
    text = around.format(value)
    found = [finding for finding in guard.find(text) if finding.rule.startswith("secret/connection")]
    start, end = min(one.start for one in found), max(one.end for one in found)
    # A password that is the last parameter may end with any sign.
    assert text[start:end].rstrip(",)") == value


@pytest.mark.parametrize("address", HARMLESS)
def test_an_address_without_a_password_stays(guard: Guard, address: str) -> None:
    assert not [one for one in guard.find(f"url: {address} end") if one.rule.startswith("secret/")]


@settings(max_examples=150, deadline=None)
@given(
    address=st.sampled_from(ADDRESSES), password=st.sampled_from(PASSWORDS), around=st.sampled_from(AROUND), sizes=SIZES
)
def test_pieces_do_not_matter_and_twice_is_as_once(address: str, password: str, around: str, sizes: list[int]) -> None:
    text = f"before it {around.format(address.format(password))} and on?x=1&y=2 we go"
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert (verdict, shown) == (whole, whole.text)
    assert password not in whole.text
    assert both_ways(REDACTING, whole.text, sizes)[0].text == whole.text


def test_a_login_is_judged_as_a_password() -> None:
    assert has_login("amqp://shop:a/b?c#77x@mq.lan/")
    assert not has_login("postgresql://user:password@host/db")
    assert not has_login("postgresql://shop:[PASSWORD_1][PASSWORD_2]@host/db")
    assert not has_login("https://host/path")


def test_a_parameter_of_jdbc_is_judged_as_a_password() -> None:
    assert has_jdbc_login("jdbc:sqlserver://db:1433;user=sa;password=Winter-2031!")
    assert not has_jdbc_login("jdbc:sqlserver://db:1433;user=sa;password=<password>")
    assert not has_jdbc_login("jdbc:oracle:thin:scott/[PASSWORD_1]@db:1521:x")


def test_a_user_that_says_it_is_an_example_is_no_key() -> None:
    assert has_drawn_user("https://72290e163629f7d827707ebd983b4d82@errors.acme.lan/1")
    assert not has_drawn_user("https://00000000000000000000000000000000@errors.acme.lan/1")


def test_a_login_of_a_call_is_judged_by_its_password() -> None:
    assert is_login("maria:Xy77-kq")
    assert is_login("maria,Xy77:kq")
    assert is_login(":Xy77-kq")
    assert not is_login("maria:[PASSWORD_1]")
    assert not is_login("$USER:$PASS")
