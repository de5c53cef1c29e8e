"""The product's own pages: a few templates, no script, styles from one file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

STATIC_FOLDER: Final = Path(str(files("assistant.web"))) / "static"
_OF_THE_CONSOLE: Final = ("/console", "/my-log", "/review")

_templates = Environment(
    loader=PackageLoader("assistant.web"),
    autoescape=True,
    auto_reload=False,  # pages of an installed product do not change under it
    undefined=StrictUndefined,
    trim_blocks=True,
)


def render(template: str, *, status: int = 200, title: str, **values: object) -> HTMLResponse:
    """Return a page; every value is escaped."""
    html = _templates.get_template(template).render(title=title, **values)
    return HTMLResponse(html, status, headers={"cache-control": "no-store"})


def render_message(
    title: str, words: str, *, status: int, reference: str = "", is_signed_in: bool = False, path: str = "/"
) -> HTMLResponse:
    """Return a page that says one thing and where to go on; `path` is what was asked for."""
    inside = ("/console", "Open the console") if path.startswith(_OF_THE_CONSOLE) else ("/", "Open the chat")
    href, link = inside if is_signed_in else ("/sign-in", "Sign in")
    return render("message.html", status=status, title=title, words=words, reference=reference, href=href, link=link)
