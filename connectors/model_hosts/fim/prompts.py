"""A gap as the prompt of a model, and a client's own prompt as a gap again; no text of a file ends up as a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from connectors.model_hosts.code_models import CODE_FORMATS, CodeFormat, control_tokens
from connectors.model_hosts.values import CodeFile, Gap

_NO_NAME: Final = "untitled"
# One character for one, so that places stay. A reader sees what was meant, and no tokenizer takes it for a token.
_HARMLESS: Final = str.maketrans("<[", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}(")


def write_prompt(gap: Gap, known: CodeFormat) -> str:
    """Return the prompt that asks a model of this family to fill a gap.

    Args:
        gap: what came from `harmless`.
        known: the family.
    """
    parts = (gap.suffix, gap.prefix) if known.is_suffix_first else (gap.prefix, gap.suffix)
    around = _other_files(gap, known)
    return f"{around}{known.before}{parts[0]}{known.between}{parts[1]}{known.behind}"


def _other_files(gap: Gap, known: CodeFormat) -> str:
    if not gap.files or not known.file:
        return ""
    repository = known.repository.format(name=_NO_NAME) if known.repository else ""
    files = "".join(known.file.format(name=one.name or _NO_NAME, text=one.text) for one in gap.files)
    return f"{repository}{files}{known.own_file.format(name=gap.name or _NO_NAME)}"


def harmless(gap: Gap, known: CodeFormat | None) -> Gap:
    """Return a gap in whose texts nothing is a control token of the model, or of any where the model is not known."""
    pattern = control_tokens(known)
    return replace(
        gap,
        prefix=_harmless(gap.prefix, pattern),
        suffix=_harmless(gap.suffix, pattern),
        name=_one_line(_harmless(gap.name, pattern)),
        files=tuple(
            CodeFile(_one_line(_harmless(one.name, pattern)), _harmless(one.text, pattern)) for one in gap.files
        ),
    )


def _harmless(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda match: match.group().translate(_HARMLESS), text)


def _one_line(name: str) -> str:
    return " ".join(name.split())


def read_prompt(prompt: str) -> Gap | None:
    """Return the gap that a client wrote down in one of the known formats itself; None if it is anything else.

    Editors that know the models do so. Only a prompt that has each token once, in its place, is one: whoever writes
    them elsewhere means them as text.
    """
    for known in CODE_FORMATS:
        gap = _read_as(prompt, known)
        if gap is not None:
            return gap
    return None


def _read_as(prompt: str, known: CodeFormat) -> Gap | None:
    tokens = [part for part in (known.before, known.between, known.behind) if part]
    if any(prompt.count(token.strip()) != 1 for token in tokens):
        return None
    start = prompt.find(known.before)
    middle = prompt.find(known.between)
    end = prompt.find(known.behind) if known.behind else len(prompt)
    if not 0 <= start < middle < end or end + len(known.behind) != len(prompt):
        return None
    files = _read_files(prompt[:start], known)
    if files is None:
        return None
    first, second = prompt[start + len(known.before) : middle], prompt[middle + len(known.between) : end]
    prefix, suffix = (second, first) if known.is_suffix_first else (first, second)
    return Gap(prefix, suffix, files=files)


def _read_files(text: str, known: CodeFormat) -> tuple[CodeFile, ...] | None:
    """Return the files that a client put before its gap; None if something else stands there."""
    if not text.strip():
        return ()
    token = known.file.partition("{")[0]
    if not token or token not in text:
        return None
    return tuple(_read_sheets(text.split(token)[1:]))


def _read_sheets(sheets: list[str]) -> Iterator[CodeFile]:
    """Yield files with a name in their first line, or without one, as some clients send them."""
    for sheet in sheets:
        name, line_end, text = sheet.partition("\n")
        is_named = bool(line_end) and 0 < len(name) <= 200 and not re.search(r"\s", name.strip())  # noqa: PLR2004 - a path
        if sheet.strip():
            yield CodeFile(name.strip(), text) if is_named and text.strip() else CodeFile("", sheet)
