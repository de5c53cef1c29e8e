"""Texts made to be slow: a piece repeated a million times stresses one habit of a scanner each."""

from __future__ import annotations

HOSTILE = {
    "one letter": "a",
    "digits": "1234567890",
    "spaces": " ",
    "line ends": "\n",
    "equals signs": "password=",
    "base64": "QUJDREVGR0hJSktMTU5PUFFS",
    "nested base64": "VVVWS1EyRnRSbkJpUjFKMldqSkZQUT09",
    "hex": "4a6f686e",
    "percent": "%41%42",
    "escapes": "\\u0041",
    "backslashes": "\\",
    "at signs": "a@",
    "dots": "a.b.",
    "PEM heads": "-----BEGIN RSA PRIVATE KEY-----\n",
    "prefixes": "sk_live_ghp_AKIAxoxb-",
    "quotes": '"',
    "wrapped lines": "> abcdefghij\n",
    "zero width": "a\u200b",
    "full width": "\uff41\uff42\uff43",
    "entities": "&#x41;",
    "joined strings": '" + "',
    "bearer": "Authorization: Bearer ",
    "telephones": "+49 30 ",
    "secret words": "password secret key token is ",
    "brackets": "{[(<",
    "UUIDs": "123e4567-e89b-12d3-a456-426614174000 ",
    "addresses": "https://a:b@c/?x=",
    "dashes": "-",
    "hashes": "0123456789abcdef0123456789abcdef\n",
    "short words": "a bc def ",
    "words of a seed phrase": "abandon ability able ",
    "numbers": "1, 22, 333.4444, ",
}
"""What is repeated to a million characters, by what it is."""

FULL_OF_FINDINGS = {
    "cards": "4111 1111 1111 1111\n",
    "mail addresses": "maria.k7@corp.example.org\n",
    "logins": "id:maria/pass:Zq4vTm2xW ",
    "passwords": "password=Zq4vTm2xW\n",
    "tokens": "ghp_q8mV0uT6sLw2KdYcB4nR7xZ1aP5eJ9gH3fUo\n",
    "rows of groups": "4a1b 22cd 33ef 90aa\n",
    "named numbers": "84731926 (tax id) ",
}
"""What is repeated where every line is, or might be, a finding, by what it is."""
