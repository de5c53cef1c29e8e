"""The product's colours as Chainlit takes them; the tokens themselves are those of `static/cloister.css`."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import Final

_LIGHT: Final = {
    "bg": "#fbfaf7",
    "panel": "#ffffff",
    "line": "#e4e1d8",
    "ink": "#1d2320",
    "muted": "#5b645f",
    "accent": "#1f5f4a",
    "on-accent": "#ffffff",
    "hover": "#f1efe8",
    "block": "#a32a22",
}
_DARK: Final = {
    "bg": "#141816",
    "panel": "#1b211e",
    "line": "#2d3531",
    "ink": "#e9ece9",
    "muted": "#a3ada7",
    "accent": "#7fcfae",
    "on-accent": "#10201a",
    "hover": "#242c28",
    "block": "#f0897f",
}
_VARIABLES: Final = {  # Chainlit's name: our token
    "--background": "bg",
    "--foreground": "ink",
    "--card": "panel",
    "--card-foreground": "ink",
    "--popover": "panel",
    "--popover-foreground": "ink",
    "--primary": "accent",
    "--primary-foreground": "on-accent",
    "--secondary": "hover",
    "--secondary-foreground": "ink",
    "--muted": "line",
    "--muted-foreground": "muted",
    "--accent": "hover",
    "--accent-foreground": "ink",
    "--destructive": "block",
    "--destructive-foreground": "on-accent",
    "--border": "line",
    "--input": "line",
    "--ring": "accent",
    "--sidebar-background": "panel",
    "--sidebar-foreground": "ink",
    "--sidebar-primary": "accent",
    "--sidebar-primary-foreground": "on-accent",
    "--sidebar-accent": "hover",
    "--sidebar-accent-foreground": "ink",
    "--sidebar-border": "line",
    "--sidebar-ring": "accent",
}
_FIXED: Final = {
    "--font-sans": 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "--font-mono": 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
    "--radius": "6px",
}


def theme() -> dict[str, object]:
    """Return the content of theme.json: system fonts, our colours in light and dark."""
    return {"custom_fonts": [], "variables": {"light": _variables(_LIGHT), "dark": _variables(_DARK)}}


def _variables(tokens: Mapping[str, str]) -> dict[str, str]:
    return {name: hsl(tokens[token]) for name, token in _VARIABLES.items()} | _FIXED


def hsl(colour: str) -> str:
    """Return a hex colour as the three numbers that Tailwind's variables hold.

    >>> hsl("#ffffff")
    '0 0% 100%'
    """
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    return f"{hue * 360:.4g} {saturation * 100:.4g}% {lightness * 100:.4g}%"
