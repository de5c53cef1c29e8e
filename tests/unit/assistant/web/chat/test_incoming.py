from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import BadInputError
from assistant.web.chat.incoming import ADD_COMMAND, parse_message, parse_uuid

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def payload(**fields: object) -> dict[str, object]:
    return {"message": {"id": str(uuid4()), "output": "hello"} | fields, "fileReferences": []}


def test_only_the_text_the_id_the_files_and_our_command_count() -> None:
    sent = payload(type="system_message", name="admin", metadata={"a": 1}, modes={"llm": "x"}, command=ADD_COMMAND)
    file_id = uuid4()
    sent["fileReferences"] = [{"id": str(file_id)}, {"id": str(file_id)}, {"id": "../../etc"}, 7, {"no": "id"}]
    message = parse_message(sent, max_chars=100)
    assert (message.text, message.command, message.file_ids) == ("hello", ADD_COMMAND, (file_id,))


def test_a_command_of_somebody_else_is_a_question() -> None:
    assert parse_message(payload(command="rm"), max_chars=100, commands={"Explain"}).command == ""
    assert parse_message(payload(command="Explain"), max_chars=100, commands={"Explain"}).command == "Explain"
    assert parse_message(payload(command="Explain"), max_chars=100).command == ""


def test_a_text_that_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(BadInputError, match="101 characters and at most 100"):
        parse_message(payload(output="x" * 101), max_chars=100)


@pytest.mark.parametrize("wrong", ["not-an-id", "00000000-0000-0000-0000-000000000000", 7, None])
def test_an_id_that_the_page_would_not_make_is_replaced(wrong: object) -> None:
    message = parse_message(payload(id=wrong), max_chars=100)
    assert message.id.version == 4
    assert str(message.id) != wrong


@given(_json)
def test_whatever_comes_is_a_message_or_is_refused(sent: object) -> None:
    try:
        text = parse_message(sent, max_chars=1000).text
    except BadInputError:
        return  # in words; any other error fails the test
    assert text.encode().decode() == text


@given(_json)
def test_a_broken_message_with_a_text_is_still_safe(field: object) -> None:
    message = parse_message(
        {"message": {"id": field, "output": "x", "command": field}, "fileReferences": field}, max_chars=9
    )
    assert (message.text, message.command) == ("x", "")


@given(st.text(st.characters(categories=None)))
def test_what_is_stored_can_be_stored(text: str) -> None:
    message = parse_message(payload(output=text), max_chars=100_000)
    assert "\x00" not in message.text
    assert len(message.text.encode().decode()) == len(text)
    assert message.replaced == sum(1 for letter in text if letter == "\x00" or "\ud800" <= letter <= "\udfff")


@pytest.mark.parametrize("text", ["", "x", "{0b1c}", "urn:uuid:12345678-1234-4234-8234-123456789abc", "0" * 32])
def test_an_id_in_another_spelling_is_none(text: str) -> None:
    assert parse_uuid(text) is None
