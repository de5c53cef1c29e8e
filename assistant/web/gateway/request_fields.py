"""Fields of a request by a written rule: passed on, honoured, neutral, or refused by name; none dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.web.gateway.refusals import UnreadableError

Asked = TypeVar("Asked", bound=BaseModel)

_STOP_CHARS: Final = 200


class Strict(BaseModel):
    """A part of a request: whatever is not a field of it is refused, and nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StreamOptions(Strict):
    """What a stream holds beside the answer."""

    include_usage: bool = False


def taken_fields(
    body: Mapping[str, Any], taken: AbstractSet[str], neutral: Mapping[str, tuple[object, ...]]
) -> dict[str, Any]:
    """Return the fields that ask for something.

    Args:
        body: the request; `null` counts as left out.
        taken: what is passed on or honoured.
        neutral: fields that are taken as long as their value asks for nothing.

    Raises:
        UnreadableError: a field is not taken here; names it.
    """
    fields = {
        name: value for name, value in body.items() if value is not None and not _asks_nothing(name, value, neutral)
    }
    for name in fields:
        if name in neutral:
            values = " or ".join(repr(value) for value in neutral[name])
            raise UnreadableError(f"{name} is not offered here; leave it out or send {values}.", param=name)
        if name not in taken:
            raise UnreadableError(f"The field {name[:60]!r} is not taken here; leave it out.", param=name[:60])
    return fields


def read_as(shape: type[Asked], fields: Mapping[str, Any]) -> Asked:
    """Return the fields as a request.

    Raises:
        UnreadableError: one does not fit; says where, and nothing of what was written.
    """
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = _place(first["loc"])
        raise UnreadableError(f"{place}: {first['msg']}.", param=place) from None


def stops_of(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return the texts before which an answer ends, as clients write one or several."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def check_stops(stops: tuple[str, ...], *, most: int) -> None:
    """Refuse too many stops, and such as stop nothing or are no words.

    Raises:
        UnreadableError: says how many and how long they may be.
    """
    if len(stops) > most or not all(0 < len(stop) <= _STOP_CHARS for stop in stops):
        raise UnreadableError(f"stop has at most {most} texts of 1 to {_STOP_CHARS} characters.", param="stop")


def check_stream_options(options: StreamOptions | None, *, stream: bool) -> None:
    """Refuse options of a stream where none is asked for.

    Raises:
        UnreadableError: says so.
    """
    if options is not None and not stream:
        raise UnreadableError("stream_options is for streams: set stream.", param="stream_options")


def _asks_nothing(name: str, value: object, neutral: Mapping[str, tuple[object, ...]]) -> bool:
    """Tell whether a value asks for nothing; `True` is not the number 1."""
    return any(type(value) is type(known) and value == known for known in neutral.get(name, ()))


def _place(loc: tuple[int | str, ...]) -> str:
    """Return where a fault is, as clients write it: `input_extra[3].text`."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in loc)
    return words.removeprefix(".")
