"""Chainlit's page without its foreign addresses, with our script and styles, under a strict policy."""

from __future__ import annotations

import re
import secrets
from typing import Final

from chainlit.server import get_html_template
from starlette.responses import HTMLResponse

from assistant.web.hardening import content_policy

# Fonts and KaTeX from CDNs, and addresses in the metadata that other sites' previews would load.
_FOREIGN_TAG: Final = re.compile(
    r"""<link\b[^>]*?href=["']https?://[^>]*?>|<meta\b[^>]*?content=["']https?://[^>]*?>""", re.DOTALL
)
_FOREIGN_ADDRESS: Final = re.compile(r"""(?:src|href|content|action|srcset|poster)\s*=\s*["']?\s*(?:https?:)?//""")
_SCRIPT: Final = "<script"
_OUR_SCRIPTS: Final = "".join(  # not deferred: they must listen before Chainlit does
    f'<script src="/static/{name}.js"></script>' for name in ("chat", "folder", "code")
)
_ROOT: Final = "<html "
_OUR_STYLE: Final = '<link rel="stylesheet" href="/static/chat.css">'  # last, so that it wins


class IndexPage:
    """Build the page once; each response gets a nonce of its own.

    Raises:
        RuntimeError: Chainlit's page has a foreign address or a shape that is not known: it was upgraded, and
            somebody has to look at it before anybody opens it.
    """

    def __init__(self) -> None:
        html = _FOREIGN_TAG.sub("", get_html_template(""))  # type: ignore[no-untyped-call]  # Chainlit's
        if found := _FOREIGN_ADDRESS.search(html):
            raise RuntimeError(f"Chainlit's page still names a foreign address near {html[found.start() :][:80]!r}.")
        if "</head>" not in html or html.count(_ROOT) != 1 or html.count(_SCRIPT) != 3:  # noqa: PLR2004 - theme, shim, bundle
            raise RuntimeError("Chainlit's page has another shape than 2.12.0's. Read it, then adapt index_page.py.")
        html = html.replace("<head>", f"<head>\n    {_OUR_SCRIPTS}").replace("</head>", f"  {_OUR_STYLE}\n  </head>")
        self._pieces = html.split(_SCRIPT)

    def respond(self, *, is_at_desk: bool = False) -> HTMLResponse:
        """Return the page; only scripts with this response's nonce, or of our own files, run.

        Whoever has work in the console sees the way there. Nothing depends on it: each of its pages asks for the right.
        """
        nonce = secrets.token_urlsafe(16)
        policy = content_policy(
            script_src=f"'self' 'nonce-{nonce}'",
            style_src="'self' 'unsafe-inline'",  # Radix and the toasts set styles from script
        )
        html = f'{_SCRIPT} nonce="{nonce}"'.join(self._pieces)
        if is_at_desk:
            html = html.replace(_ROOT, f"{_ROOT}data-desk ", 1)
        return HTMLResponse(html, headers={"content-security-policy": policy, "cache-control": "no-store"})
