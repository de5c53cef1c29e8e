"""The inner form of keys, tokens and headers of standards: what must decode, to what, and which checksum must hold."""

from __future__ import annotations

import json
import re
from base64 import b32decode, b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from binascii import crc_hqx
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType

from policies.detectors import seed_phrases
from policies.detectors.shapes import has_digit, is_drawn, is_no_example, is_rare

_TEMPLATE_MARKS = ("${", "{{", "%(", "$(", "<%", "#{", "%s", "...", "process.env", "os.environ")
_LONG_TOKEN_CHARS = 16
_SHORT_TOKEN_CHARS = 8
_MIN_JWT_PART_CHARS = 17  # shorter halves are cut-off examples in documentation
_BITCOIN_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE_ALPHABET = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_CHECKSUM_BYTES = 4
_WIF_VERSIONS = frozenset({0x80, 0xEF, 0xB0, 0x9E})  # Bitcoin main and test net, Litecoin, Dogecoin
_EXTENDED_KEY_BYTES = 78  # BIP 32, serialization format
_RIPPLE_SEED_VERSION = 0x21
_STELLAR_SEED_VERSION = 18 << 3  # StrKey, SEP-23
_MIN_SEED_CHARS = 16  # 80 bits, RFC 4226 section 4
_MIN_SEED_LETTERS = 6
_MIN_COOKIE_CHARS = 16
_COMMON_COMMUNITIES = frozenset({"public", "private", "string", "name", "community", "default", "version", "view"})
_PATH_SEGMENT_CHARS = 16
_PRIVATE_PART = re.compile(r"""["'](?:d|k)\\?["']\s?:\s?\\?["'][A-Za-z0-9_+/-]{22}""")
_PRIVATE_PEM = re.compile(
    r"""private_key["']\s?:\s?["']-----BEGIN [A-Z ]{0,12}PRIVATE KEY-----[\s\\nr]{0,8}[A-Za-z0-9+/]{16}"""
)
_DATE = re.compile(r"(?:19|20)[0-9]{2}-?[0-9]{2}-?[0-9]{2}|[0-9]{4}-[0-9]{4}")


def is_jwt(value: str) -> bool:
    """Tell whether it is a JSON Web Token (RFC 7519): a header that decodes to JSON, or two long encoded halves."""
    parts = value.split(".")
    head = parts[0]
    is_whole = len(parts) > 1 and all(len(part) >= _MIN_JWT_PART_CHARS for part in parts[:2])
    if is_whole and parts[1].startswith("ey") and has_digit(head) and is_rare(parts[1]):
        return True
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, Base64Error, RecursionError):
        return False
    return isinstance(header, dict) and not header.keys().isdisjoint({"alg", "enc", "typ", "kid"})


def is_private_jwk(value: str) -> bool:
    """Tell whether a JSON Web Key has its private part (RFC 7517, RFC 7518 section 6)."""
    return _PRIVATE_PART.search(value) is not None


def is_service_account_key(value: str) -> bool:
    """Tell whether a JSON object is the key file of a service account: its private key is in it."""
    return _PRIVATE_PEM.search(value) is not None


def is_key_store(value: str) -> bool:
    """Tell whether a JSON object is an encrypted key of a wallet (Web3 Secret Storage)."""
    return "ciphertext" in value.lower()


_JUDGED_CHARS = 256  # of an endless value: its head tells
_CASE_CHANGE = re.compile("[a-z][A-Z]")
_WORDS_IN_PATH = re.compile(r"[a-z]+(?:-[a-z]+(?:[0-9][a-z]?)?)+")  # `active-directory-b2c`
_DOTTED_NAME = re.compile(r"[A-Za-z_]+[0-9]{0,2}(?:\.[A-Za-z_]+[0-9]{0,2})+")


def is_byte_list(value: str) -> bool:
    """Tell whether a list holds bytes, most of them different, as drawn ones are."""
    numbers = [int(number) for number in re.findall("[0-9]+", value)]
    return all(number < 256 for number in numbers) and len(set(numbers)) > len(numbers) / 2  # noqa: PLR2004 - a byte


def is_byte_mix(value: str) -> bool:
    """Tell whether bytes, in whatever notation, are mixed and follow each other by no rule."""
    hexes = re.findall(r"(?:0x|\\x)([0-9A-Fa-f]{2})", value)
    numbers = [int(part, 16) for part in hexes] or [int(part, 16) for part in re.findall("[0-9a-fA-F]+", value)]
    steps = sum(abs(b - a) <= 1 for a, b in pairwise(numbers))
    return len(set(numbers)) > len(numbers) / 2 and steps * 3 < len(numbers)


def is_basic_credentials(value: str) -> bool:
    """Tell whether the value is base64 of `user:password` (RFC 7617)."""
    try:
        decoded = b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, Base64Error):
        return False
    _, colon, password = decoded.partition(b":")
    return bool(colon and password) and decoded.isascii() and decoded.decode("ascii").isprintable()


def is_header_token(value: str) -> bool:
    """Tell whether the value of a header or a parameter is a token and no placeholder, expression or word."""
    value = value[:_JUDGED_CHARS]
    if any(mark in value for mark in _TEMPLATE_MARKS) or value[:1] in "<{$%[" or not is_no_example(value):
        return False
    has_letter = any(c.isalpha() for c in value)
    if len(value) >= _LONG_TOKEN_CHARS:
        return is_rare(value) and (has_digit(value) or (_has_both_cases_inside(value) and "." not in value))
    return len(value) >= _SHORT_TOKEN_CHARS and has_digit(value) and has_letter and not value.isidentifier()


def _has_both_cases_inside(value: str) -> bool:
    """Tell whether small letters and capitals change often, as they do not in names of several words."""
    return len(_CASE_CHANGE.findall(value)) >= len(value) / 6


def is_session_value(value: str) -> bool:
    """Tell whether a cookie's value was generated: long, with digits, mixed."""
    is_name = _DOTTED_NAME.fullmatch(value) is not None and not is_drawn(value)  # `tf.compat.v1.Session`
    return len(value) >= _MIN_COOKIE_CHARS and has_digit(value) and not is_name and is_header_token(value)


def is_cookie_header(value: str) -> bool:
    """Tell whether one of the cookies of a header has a generated value."""
    pairs = (pair.partition("=")[2].strip('" ') for pair in value.split(";"))
    return any(is_session_value(pair) for pair in pairs)


def is_secret_path(value: str) -> bool:
    """Tell whether one part of a path was generated, so that who knows the address may use it."""
    parts = re.split(r"[/?&=]", value)
    return is_no_example(value) and any(
        len(part) >= _PATH_SEGMENT_CHARS
        and has_digit(part)
        and is_rare(part)
        and any(c.isalpha() for c in part)
        and _WORDS_IN_PATH.fullmatch(part) is None
        for part in parts
    )


def is_recovery_code_list(value: str) -> bool:
    """Tell whether there is a code with digits in it that is no date, no year and no word with a dash."""
    codes = [code for code in re.split(r"[\s,;\"'|*]+", value) if code]
    return any(
        has_digit(code) and not _DATE.fullmatch(code) and (len(code) >= _SHORT_TOKEN_CHARS or len(codes) > 1)
        for code in codes
    )


def is_otp_seed(value: str) -> bool:
    """Tell whether it is a base32 seed of one-time passwords (RFC 4226, RFC 6238), grouped or not."""
    if not (value.isupper() or value.islower() or has_digit(value)):
        return False  # `HotPayload = ConnectedPayload`
    seed = value.replace(" ", "").replace("-", "").rstrip("=").upper()
    is_base32 = re.fullmatch(r"[A-Z2-7]+", seed) is not None
    is_word = seed.isalpha() and any(part.isalpha() and part.islower() for part in value.split()) and len(seed) < 26  # noqa: PLR2004 - 128 bits hold a digit nearly always
    return len(seed) >= _MIN_SEED_CHARS and is_base32 and not is_word and len(set(seed)) > _MIN_SEED_LETTERS


def is_community(value: str) -> bool:
    """Tell whether it is a community string of SNMP that somebody chose."""
    return value.lower() not in _COMMON_COMMUNITIES and value[:1] not in "<{$%[(-" and is_no_example(value)


def is_device_secret(value: str) -> bool:
    """Tell whether a word after `password 7` or `key` in a device's configuration is one: digits, signs, no word."""
    return value[:1] not in "<{$%[(" and is_device_cipher(value)


def is_device_cipher(value: str) -> bool:
    """Tell whether a word after `cipher` or the name of a hash is one; such forms begin with `$1a$` or `%^%#`."""
    has_sign = any(not c.isalnum() and c not in "-_.,:/()" for c in value)
    is_odd = has_digit(value) or has_sign or (len(value) >= _SHORT_TOKEN_CHARS and is_drawn(value))
    return is_odd and value[:1] not in "<{[(" and not value.startswith(_TEMPLATE_MARKS) and is_no_example(value)


def _base58(value: str, alphabet: str) -> bytes | None:
    """Return what a base58check text holds, or nothing when its checksum is wrong."""
    number = 0
    for character in value:
        digit = alphabet.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(value) - len(value.lstrip(alphabet[0]))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    return payload if sha256(sha256(payload).digest()).digest()[:_CHECKSUM_BYTES] == checksum else None


def is_wallet_import_key(value: str) -> bool:
    """Tell whether it is a private key in wallet import format with a right checksum."""
    payload = _base58(value, _BITCOIN_ALPHABET)
    return payload is not None and len(payload) in {33, 34} and payload[0] in _WIF_VERSIONS


def is_extended_private_key(value: str) -> bool:
    """Tell whether it is a private key of BIP 32 with a right checksum."""
    payload = _base58(value, _BITCOIN_ALPHABET)
    return payload is not None and len(payload) == _EXTENDED_KEY_BYTES


def is_ripple_seed(value: str) -> bool:
    """Tell whether it is a family seed of the XRP ledger with a right checksum."""
    payload = _base58(value, _RIPPLE_ALPHABET)
    return payload is not None and len(payload) in {17, 19} and payload[0] in {_RIPPLE_SEED_VERSION, 0x01}


def is_stellar_seed(value: str) -> bool:
    """Tell whether it is a secret seed of Stellar with a right checksum (CRC-16/XMODEM)."""
    try:
        data = b32decode(value)
    except (ValueError, Base64Error):
        return False
    return data[:1] == bytes([_STELLAR_SEED_VERSION]) and crc_hqx(data[:-2], 0) == int.from_bytes(data[-2:], "little")


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "jwt": is_jwt,
        "private-jwk": is_private_jwk,
        "service-account-key": is_service_account_key,
        "bytes": is_byte_list,
        "byte-mix": is_byte_mix,
        "key-store": is_key_store,
        "basic-credentials": is_basic_credentials,
        "header-token": is_header_token,
        "session-value": is_session_value,
        "cookie-header": is_cookie_header,
        "secret-path": is_secret_path,
        "otp-seed": is_otp_seed,
        "recovery-codes": is_recovery_code_list,
        "community": is_community,
        "device-secret": is_device_secret,
        "device-cipher": is_device_cipher,
        "wallet-import-key": is_wallet_import_key,
        "extended-private-key": is_extended_private_key,
        "ripple-seed": is_ripple_seed,
        "stellar-seed": is_stellar_seed,
        **seed_phrases.CHECKS,
    }
)
