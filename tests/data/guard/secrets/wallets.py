# ruff: noqa: E501 - a table has a line a type
"""Keys and seed phrases of wallets, with the checksums of their standards."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path

from tests.data.guard.checksums import RIPPLE58, base58, base58check, bech32, crc16_xmodem, regroup
from tests.data.guard.secrets.table import SecretType
from tests.data.guard.shapes import Maker, draw

WORDS = (Path(__file__).parents[1] / "bip39_english.txt").read_text("utf-8").split()
"""The 2,048 words of BIP-39, in order."""


def phrase(words: int) -> Maker:
    """Make phrases of that many words with the checksum of BIP-39."""

    def make(rng: random.Random) -> str:
        entropy = rng.randbytes(words * 4 // 3)
        check_bits = len(entropy) // 4
        check = hashlib.sha256(entropy).digest()[0] >> (8 - check_bits)
        number = int.from_bytes(entropy, "big") << check_bits | check
        return " ".join(WORDS[number >> 11 * place & 2047] for place in reversed(range(words)))

    return make


def joined(maker: Maker, glue: str) -> Maker:
    """Join the words of a phrase by something else."""
    return lambda rng: maker(rng).replace(" ", glue)


def numbered(rng: random.Random) -> str:
    """Make a phrase as paper wallets print it."""
    return "\n".join(f"{place}. {word}" for place, word in enumerate(phrase(12)(rng).split(), start=1))


def wif(version: int, *, compressed: bool) -> Maker:
    """Make keys in the wallet import format of one network."""
    tail = b"\1" if compressed else b""
    return lambda rng: base58check(bytes([version]) + rng.randbytes(32) + tail)


def extended(version: str) -> Maker:
    """Make extended private keys (BIP-32) of one version."""
    return lambda rng: base58check(bytes.fromhex(version) + bytes(9) + rng.randbytes(32) + b"\0" + rng.randbytes(32))


def stellar(rng: random.Random) -> str:
    """Make a Stellar secret seed."""
    body = bytes([18 << 3]) + rng.randbytes(32)
    return base64.b32encode(body + crc16_xmodem(body).to_bytes(2, "little")).decode()


def keystore(rng: random.Random) -> str:
    """Make a keystore file of Ethereum, version 3."""
    return json.dumps({"crypto": {"cipher": "aes-128-ctr", "ciphertext": draw(rng, "hex", 64), "kdf": "scrypt",
                                  "mac": draw(rng, "hex", 64)}, "version": 3})  # fmt: skip


SEED = (
    "our seed phrase is \0",
    "seed: \0",
    "Recovery phrase:\n\0\n",
    'MNEMONIC="\0"',
    "mnemonic = '\0'",
    "\0",
    '{"mnemonic": "\0"}',
)
KEY = ("PRIVATE_KEY=\0", "wallet key: \0", 'privateKey = "\0"', "import \0 into the wallet", "\0")
BARE = ("PRIVATE_KEY=\0", 'privateKey: "\0"', "wallet_private_key=\0", "the wallet's private key is \0")

WALLETS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "seed phrase of 12": (phrase(12), SEED),
    "seed phrase of 15": (phrase(15), SEED),
    "seed phrase of 18": (phrase(18), SEED),
    "seed phrase of 21": (phrase(21), SEED),
    "seed phrase of 24": (phrase(24), SEED),
    "seed phrase with commas": (joined(phrase(12), ", "), SEED),
    "seed phrase on lines": (joined(phrase(12), "\n"), ("\0", "Recovery phrase:\n\0\n")),
    "seed phrase numbered": (numbered, ("Seed phrase:\n\0\n", "\0")),
    "seed phrase in JSON": (lambda rng: json.dumps(phrase(12)(rng).split()), ('{"mnemonic": \0}', "words = \0")),
    "Bitcoin WIF": (wif(0x80, compressed=False), KEY),
    "Bitcoin compressed WIF": (wif(0x80, compressed=True), KEY),
    "Bitcoin testnet WIF": (wif(0xEF, compressed=True), KEY),
    "Litecoin WIF": (wif(0xB0, compressed=True), KEY),
    "Dogecoin WIF": (wif(0x9E, compressed=True), KEY),
    "Dash WIF": (wif(0xCC, compressed=True), KEY),
    "BIP-38 encrypted key": (lambda rng: base58check(b"\x01\x42\xe0" + rng.randbytes(36)), KEY),
    "xprv": (extended("0488ade4"), KEY),
    "yprv": (extended("049d7878"), KEY),
    "zprv": (extended("04b2430c"), KEY),
    "tprv": (extended("04358394"), KEY),
    "Ethereum key": (lambda rng: "0x" + draw(rng, "hex", 64), BARE),
    "Ethereum bare key": (lambda rng: draw(rng, "hex", 64), ("ETH_PRIVATE_KEY=\0", "DEPLOYER_PRIVATE_KEY=\0", 'accounts: ["\0"] // private key')),
    "Ethereum keystore": (keystore, ("\0", "keystore = \0")),
    "Solana key": (lambda rng: base58(rng.randbytes(64)), BARE),
    "Solana key array": (lambda rng: json.dumps(list(rng.randbytes(64)), separators=(",", ":")), ("SOLANA_PRIVATE_KEY=\0", "id.json private key: \0")),
    "Stellar seed": (stellar, KEY),
    "Ripple seed": (lambda rng: base58check(b"\x21" + rng.randbytes(16), RIPPLE58), ("XRP seed: \0", "XRPL_SECRET=\0", "ripple wallet secret \0")),
    "Cardano key": (lambda rng: bech32("ed25519_sk", regroup(rng.randbytes(32))), KEY),
    "Cardano root key": (lambda rng: bech32("root_xsk", regroup(rng.randbytes(96))), KEY),
    "Tezos key": (lambda rng: base58check(bytes([13, 15, 58, 7]) + rng.randbytes(32)), KEY),
    "Nostr key": (lambda rng: bech32("nsec", regroup(rng.randbytes(32))), KEY),
    "Near key": (lambda rng: "ed25519:" + base58(rng.randbytes(64)), BARE),
    "Sui key": (lambda rng: bech32("suiprivkey", regroup(b"\0" + rng.randbytes(32))), KEY),
    "Hedera key": (lambda rng: "302e020100300506032b657004220420" + draw(rng, "hex", 64), KEY),
    "Polkadot seed": (lambda rng: "0x" + draw(rng, "hex", 64), ("secret seed: \0", "POLKADOT_SEED=\0")),
    "Tron key": (lambda rng: draw(rng, "hex", 64), ("TRON_PRIVATE_KEY=\0", "privateKey: '\0' // TRON")),
    "Monero spend key": (lambda rng: draw(rng, "hex", 64), ("secret spend key: \0", "MONERO_SPEND_KEY=\0")),
    "Bitcoin Core RPC": (lambda rng: draw(rng, "url", 32), ("rpcuser=bitcoin\nrpcpassword=\0\n", "bitcoin-cli -rpcpassword=\0 getinfo")),
    "Lightning macaroon": (lambda rng: "0201036c6e64" + draw(rng, "hex", 300), ("macaroon: \0", "LND_MACAROON=\0", "Grpc-Metadata-macaroon: \0")),
}  # fmt: skip

UNKNOWABLE = ("Ethereum key", "Ethereum bare", "Solana", "Ripple", "Polkadot", "Tron", "Monero", "Core RPC", "Near")


def wallet_type(word: str, maker: Maker, frames: tuple[str, ...]) -> SecretType:
    """Make a type of wallet."""
    plain = not word.startswith(UNKNOWABLE) and "Core RPC" not in word
    return SecretType("", word, "{=value}", (), "wallets", distinctive=plain, makers={"value": maker}, frames=frames)


TYPES = [wallet_type(word, maker, frames) for word, (maker, frames) in WALLETS.items()]
