from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from assistant.errors import BadInputError
from assistant.web.chat.attaching import read_uploads
from assistant.web.chat.uploads import Upload


def a_zip(**files: bytes) -> bytes:
    into = BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return into.getvalue()


async def test_files_and_folders_come_in_their_order_and_what_is_missing_is_said() -> None:
    uploads = [Upload("a.py", b"x"), Upload("Project.ZIP", a_zip(b=b"y", c=b"\x00\x01\x02")), Upload("d.md", b"z")]
    attached = await read_uploads(uploads)
    assert [(file.name, file.text) for file in attached.files] == [("a.py", "x"), ("b", "y"), ("d.md", "z")]
    assert attached.notes == ("Project.ZIP · Left out: 1 not text.",)


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (Upload("x.zip", b"no zip"), "x.zip: The folder did not arrive whole"),
        (Upload("report.docx", a_zip(b=b"y")), "report.docx: The file is a ZIP archive or an Office document"),
        (Upload("logo.png", b"\x89PNG"), "logo.png: The file is a picture"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_name(upload: Upload, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        await read_uploads([Upload("good.py", b"x"), upload])
