"""Secrets are planted wherever a log line can come from; none may come out, and nothing may raise."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.handlers
import queue
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import logging_guard
from assistant.logging_guard import GuardedRecord, GuardedStream, LineGuard, cut, guard_line, whole_words

TOKEN = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"
PART = "Zt4Qw8"
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAx9Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8\n"
    "-----END RSA PRIVATE KEY-----"
)


class Written(io.StringIO):
    """What a handler of a library wrote."""

    handler: logging.Handler


@pytest.fixture
def written() -> Iterator[Written]:
    """What a handler of a library writes, once the records are guarded."""
    stream = Written()
    stream.handler = handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("some.library")
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(GuardedRecord)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield stream
    logging.setLogRecordFactory(before)
    logger.removeHandler(handler)
    logger.propagate = True


log = logging.getLogger("some.library")


class Rude:
    """A value whose own code fails, with a secret in its words."""

    def __str__(self) -> str:
        raise ValueError(TOKEN)

    __repr__ = __str__


class Polite:
    def __repr__(self) -> str:
        return f"<Polite {TOKEN}>"


def raise_chain() -> None:
    try:
        {}[TOKEN]
    except KeyError as error:
        raise RuntimeError(f"while asking with {TOKEN}") from error


def test_a_harmless_line_stays_as_it_is(written: Written) -> None:
    log.info("job %s took %.1f s on %s: %d%%", "index_upload", 1.25, "Mini2", 7)
    log.warning("refused http: 403 (ref %s)", "7K2F9QX")
    assert written.getvalue() == (
        "INFO job index_upload took 1.2 s on Mini2: 7%\nWARNING refused http: 403 (ref 7K2F9QX)\n"
    )


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"key {TOKEN}", ()),
        ("key %s", (TOKEN,)),
        ("key %r and %s", (TOKEN, [TOKEN])),
        ("%(key)s of %(who)s", ({"key": TOKEN, "who": "maria"},)),
        ("asked %s", (Polite(),)),
        ("%s%s", (TOKEN[:12], TOKEN[12:])),
        ("failed: %s", (ValueError(TOKEN),)),
        ("too few %s %s", (TOKEN,)),
        ("not a number %d", (TOKEN,)),
        ("rude %s", (Rude(),)),
        (PEM, ()),
    ],
)
def test_a_secret_in_message_or_arguments_is_not_written(
    written: Written, capsys: pytest.CaptureFixture[str], message: str, arguments: tuple[object, ...]
) -> None:
    log.error(message, *arguments)
    said = written.getvalue()
    assert said.startswith("ERROR ")
    assert PART not in said + capsys.readouterr().err


def test_a_secret_in_context_is_seen_although_its_argument_alone_says_nothing(written: Written) -> None:
    log.info("DB_PASSWORD=%s", "hunter-Tr0ub4dor-7")
    assert "Tr0ub4dor" not in written.getvalue()


def test_a_secret_in_an_exception_its_cause_or_its_stack_is_not_written(written: Written) -> None:
    try:
        raise_chain()
    except RuntimeError:
        log.exception("it failed")
    log.info("here", stack_info=True)
    said = written.getvalue()
    assert PART not in said
    assert "KeyError" in said
    assert "direct cause of the following exception" in said
    assert "RuntimeError: while asking with [" in said
    assert "raise_chain" in said


def test_a_rude_exception_cannot_stop_the_log(written: Written) -> None:
    class RudeError(Exception):
        __str__ = Rude.__str__

    log.error("it failed", exc_info=RudeError())
    assert "it failed" in written.getvalue()
    assert PART not in written.getvalue()


def test_what_a_caller_attaches_is_guarded_for_every_formatter(written: Written) -> None:
    written.handler.setFormatter(logging.Formatter("%(message)s %(prompt)s %(data)s"))
    log.info("hello", extra={"prompt": TOKEN, "data": {"deep": [(TOKEN, Polite())], TOKEN: 1}})
    assert written.getvalue().startswith("hello [")
    assert PART not in written.getvalue()


def test_a_formatter_that_takes_arguments_apart_still_can(written: Written) -> None:
    from uvicorn.logging import AccessFormatter  # noqa: PLC0415 - only here

    written.handler.setFormatter(
        AccessFormatter('%(client_addr)s - "%(request_line)s" %(status_code)s', use_colors=False)
    )
    log.info('%s - "%s %s HTTP/%s" %d', "10.0.0.7:1234", "GET", f"/chat?token={TOKEN}&x=1", "1.1", 200)
    assert written.getvalue().startswith('10.0.0.7:1234 - "GET /chat?token=[')
    assert written.getvalue().endswith(' HTTP/1.1" 200 OK\n')
    assert PART not in written.getvalue()


def test_records_that_travel_or_are_made_by_hand_are_guarded(written: Written) -> None:
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    sender = logging.handlers.QueueHandler(waiting)
    sender.handle(logging.makeLogRecord({"msg": "key %s", "args": (TOKEN,), "levelno": 20, "levelname": "INFO"}))
    record = waiting.get()
    assert PART not in repr(record.__dict__)
    written.handler.handle(logging.makeLogRecord({"msg": TOKEN, "levelname": "INFO", "note": TOKEN}))
    try:
        raise_chain()
    except RuntimeError:
        written.handler.handle(logging.makeLogRecord({"msg": "x", "exc_info": sys.exc_info()}))
    assert PART not in written.getvalue()


def test_a_long_line_is_cut_before_it_is_looked_at(written: Written) -> None:
    log.info("%s %s", "word " * 40_000, TOKEN)
    said = written.getvalue()
    assert len(said) < logging_guard.LONGEST_CHARS + 200
    assert "more characters left out" in said


@given(st.text(max_size=300), st.integers(0, 300))
def test_what_is_cut_ends_before_a_word(text: str, most: int) -> None:
    kept = whole_words(text[:most])
    assert text.startswith(kept)
    assert cut(text, len(text)) == text
    if len(text) > most:
        assert cut(text, most).startswith(kept)


_pieces = st.sampled_from([*"abc=:\n\"'{}[]%", TOKEN, PEM, "password", "mail a@b-corp.org "])


@given(st.lists(_pieces, max_size=12).map(" ".join))
def test_guarding_twice_changes_nothing(text: str) -> None:
    once = guard_line(text)
    assert PART not in once
    assert guard_line(once) == once


def test_a_guard_that_fails_costs_the_text_of_the_line_and_no_more() -> None:
    def fail() -> object:
        raise OSError(TOKEN)

    broken = LineGuard(fail)  # type: ignore[arg-type]
    assert broken(TOKEN) == "[left out: the guard failed on it (OSError)]"
    assert broken("") == ""


def test_a_guard_that_logs_does_not_call_itself() -> None:
    said: list[str] = []

    class Chatty:
        def find(self, text: str) -> list[object]:
            said.append(guarded(text))
            raise RecursionError

    guarded = LineGuard(Chatty)  # type: ignore[arg-type]
    assert guarded(TOKEN) == "[left out: the guard failed on it (RecursionError)]"
    assert said == ["[left out: the guard itself said this]"]


def test_a_placeholder_and_an_address_of_a_machine_stay_readable() -> None:
    line = "[EMAIL_1] asked http://10.20.30.40:11434/api/tags"
    assert guard_line(line) == line


def test_many_threads_may_log_at_once() -> None:
    guarded = LineGuard()
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(guarded(f"key {TOKEN}"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    assert all(PART not in result for result in results)


@given(st.lists(st.sampled_from([TOKEN, TOKEN[:20], TOKEN[20:], " ", "\n", "key: "]), max_size=20))
def test_a_stream_writes_whole_lines_after_the_guard(pieces: list[str]) -> None:
    inner = io.StringIO()
    stream = GuardedStream(inner)
    for piece in pieces:
        stream.write(piece)
        stream.flush()
    stream.end()
    lines = "".join(pieces)
    expected = [guard_line(line) for line in lines.split("\n")]
    for line in lines.split("\n"):
        assert TOKEN not in line or TOKEN not in inner.getvalue()
    assert inner.getvalue().count("\n") == len(expected) - (not lines.rpartition("\n")[2])


def test_the_log_guard_brings_neither_presidio_nor_spacy() -> None:
    code = (
        "import json, sys\n"
        "from assistant import logging_guard\n"
        "assert 'policies' not in sys.modules\n"
        "logging_guard.install_in_service('INFO')\n"
        f"import logging; logging.getLogger('x').warning('key %s', '{TOKEN}')\n"
        "names = ['presidio_analyzer', 'spacy', 'pydantic', 'sqlalchemy', 'asyncio', 'socket', 'ssl', 'http']\n"
        "print(json.dumps([name for name in names if name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
    assert PART not in done.stderr
    assert "WARNING x: key [" in done.stderr


ENDINGS = {
    "main": "raise ValueError(TOKEN)",
    "chained": """
        try:
            raise KeyError(TOKEN)
        except KeyError as error:
            raise RuntimeError(TOKEN) from error""",
    "group": "raise ExceptionGroup(TOKEN, [ValueError(TOKEN)])",
    "note": """
        error = ValueError("x")
        error.add_note(TOKEN)
        raise error""",
    "thread": """
        import threading
        def fail():
            raise ValueError(TOKEN)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()""",
    "unraisable": """
        class Fails:
            def __del__(self):
                raise ValueError(TOKEN)
        Fails()""",
    "asyncio": """
        import asyncio, gc
        async def fail():
            raise ValueError(TOKEN)
        async def forget():
            task = asyncio.create_task(fail())
            await asyncio.sleep(0.01)
            del task
            gc.collect()
        asyncio.run(forget())""",
    "warning": "import warnings; warnings.warn(TOKEN)",
    "print": """
        import sys
        print("key", TOKEN)
        sys.stderr.write(TOKEN[:9])
        sys.stderr.flush()
        sys.stderr.write(TOKEN[9:])""",
    "traceback": """
        import traceback
        try:
            raise ValueError(TOKEN)
        except ValueError:
            traceback.print_exc()""",
    "wrong format": "import logging; logging.error('%d', TOKEN)",
    "last resort": """
        import logging
        logging.root.handlers.clear()
        logging.getLogger("q").error(TOKEN)""",
    "own handler": """
        import logging, sys
        logger = logging.getLogger("own")
        logger.addHandler(logging.StreamHandler(sys.__stdout__))
        logger.error(TOKEN)""",
    "configured anew": """
        import logging.config
        plain = {"class": "logging.StreamHandler"}
        logging.config.dictConfig({"version": 1, "handlers": {"h": plain}, "root": {"handlers": ["h"]}})
        logging.error(TOKEN)""",
    "forked": """
        import logging, os
        pid = os.fork()
        logging.error(TOKEN)
        if pid:
            os.wait()""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_way_a_process_says_it_the_secret_is_not_said(ending: str) -> None:
    begin = f"TOKEN = {TOKEN!r}\nfrom assistant import logging_guard\nlogging_guard.install_in_service('INFO')\n"
    done = subprocess.run(
        [sys.executable, "-"],
        input=begin + textwrap.dedent(ENDINGS[ending]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert PART not in said
    assert "[GITHUB" in said or "left out" in said


async def test_asyncio_speaks_through_the_log(written: Written) -> None:
    logging.getLogger("asyncio").addHandler(written.handler)
    try:
        context = {"message": TOKEN, "exception": ValueError(TOKEN), "future": Polite()}
        asyncio.get_running_loop().default_exception_handler(context)
    finally:
        logging.getLogger("asyncio").removeHandler(written.handler)
    assert "ValueError" in written.getvalue()
    assert PART not in written.getvalue()


def test_a_warning_says_where_and_not_the_line() -> None:
    with warnings.catch_warnings():
        said = logging_guard._format_warning(UserWarning("old"), UserWarning, "a.py", 7, f"connect('{TOKEN}')")
    assert said == "a.py:7: UserWarning: old"
