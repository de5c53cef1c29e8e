from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from starlette.requests import Request

from assistant.errors import BadInputError, NotFoundError
from assistant.web.chat.uploads import Upload, UploadShelf, read_upload

OWNER, STRANGER = uuid4(), uuid4()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_given_once_and_to_its_owner_alone() -> None:
    shelf = UploadShelf(max_upload_bytes=100)
    file_id = shelf.put(OWNER, Upload("a.md", b"text"))
    with pytest.raises(NotFoundError):
        shelf.take(STRANGER, [file_id])
    assert shelf.take(OWNER, [file_id]) == [Upload("a.md", b"text")]
    with pytest.raises(NotFoundError):
        shelf.take(OWNER, [file_id])


def test_of_several_files_all_are_given_or_all_stay() -> None:
    shelf = UploadShelf(max_upload_bytes=100)
    file_id = shelf.put(OWNER, Upload("a.md", b"text"))
    with pytest.raises(NotFoundError):
        shelf.take(OWNER, [file_id, uuid4()])
    assert shelf.take(OWNER, [file_id, file_id]) == [Upload("a.md", b"text")]


def test_a_file_that_nobody_asks_for_is_forgotten() -> None:
    clock = Clock()
    shelf = UploadShelf(max_upload_bytes=100, clock=clock)
    file_id = shelf.put(OWNER, Upload("a.md", b"text"))
    clock.now = 15 * 60 + 1
    with pytest.raises(NotFoundError):
        shelf.take(OWNER, [file_id])


def test_one_person_cannot_fill_the_shelf() -> None:
    shelf = UploadShelf(max_upload_bytes=100)
    for number in range(10):
        shelf.put(OWNER, Upload(f"{number}", b"x"))
    with pytest.raises(BadInputError, match="wait for a message"):
        shelf.put(OWNER, Upload("more", b"x"))
    shelf.put(STRANGER, Upload("other", b"x"))


@pytest.mark.parametrize("data", [b"", b"x" * 101])
def test_empty_and_too_large_files_are_refused(data: bytes) -> None:
    with pytest.raises(BadInputError):
        UploadShelf(max_upload_bytes=100).put(OWNER, Upload("a", data))


def test_a_file_does_not_show_itself_in_a_log() -> None:
    assert "secret" not in repr(Upload("secret.md", b"secret"))


def multipart(body: bytes, kind: str = "multipart/form-data; boundary=b") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def test_a_large_file_is_read_without_touching_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_disk(*args: object, **kwargs: object) -> None:
        raise AssertionError("a raw file went to the disk")

    monkeypatch.setattr("tempfile.TemporaryFile", no_disk)
    data = b"x" * (3 << 20)  # three times what Starlette keeps in memory by itself
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n' + data + b"\r\n--b--\r\n"
    upload = await read_upload(multipart(body))
    assert (upload.name, upload.data == data) == ("a.md", True)


_FORM = "multipart/form-data; boundary=b"
_NO_NAME = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
_OTHER_FIELD = b'--b\r\nContent-Disposition: form-data; name="other"; filename="x"\r\n\r\nx\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"garbage", _FORM),
        (_NO_NAME, _FORM),
        (_OTHER_FIELD, _FORM),
    ],
)
async def test_what_is_no_file_is_refused_in_words(body: bytes, kind: str) -> None:
    with pytest.raises(BadInputError):
        await read_upload(multipart(body, kind))
