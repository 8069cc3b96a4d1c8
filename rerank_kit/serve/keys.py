"""API keys that a server lets in: it knows their hashes alone, and takes the same time for every wrong one."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from rerank_kit.arguments import named
from rerank_kit.checks import check_text
from rerank_kit.errors import ConfigurationError
from rerank_kit.managed.served_formats import Refused

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_SENT = re.compile(r"[!-~]([ -~]*[!-~])?")
_NONE = "no key: send it as the header Authorization: Bearer KEY"
_IN_URL = "a key in a URL is not read, for URLs end up in logs: send it as the header Authorization: Bearer KEY"

_PAGE = "pages in a browser are not let in without a key, for any page could ask then: give the server keys"


@named
def hashed(key: str) -> str:
    """A key as a server keeps it: `sha256:` and 64 hexadecimal digits.

    Hashes are for keys that are drawn at random, of 16 characters or more: a word can be found by trying.

    Raises:
        ConfigurationError: It is no text, or empty, or no header holds it as it is. It is not shown.
    """
    if not _SENT.fullmatch(check_text("key", key)):
        msg = (
            "key must hold letters, digits and signs of ASCII alone, without white space at its ends, or no client "
            "can send it in a header: strip() what was read from a file"
        )
        raise ConfigurationError(msg)
    return _hash(key.encode())


def _hash(key: bytes) -> str:
    return f"sha256:{sha256(key).hexdigest()}"


class Keys:
    """The keys that are let in; where there are none, everybody is who is no page in a browser."""

    def __init__(self, hashes: Sequence[str]) -> None:
        """Take hashes as `hashed` makes them.

        Raises:
            ConfigurationError: One is something else, such as the key itself, which is not shown.
        """
        given: object = hashes
        if isinstance(given, str) or not isinstance(given, Sequence):
            msg = "keys must be a list of what rerank_kit.serve.hashed(key) gives"
            raise ConfigurationError(msg)
        if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in hashes):
            msg = "keys must hold what rerank_kit.serve.hashed(key) gives, such as 'sha256:9f86…', not a key itself"
            raise ConfigurationError(msg)
        self._hashes = tuple(hashes)

    def __bool__(self) -> bool:
        """Whether a key is asked for."""
        return bool(self._hashes)

    def check(self, headers: Mapping[str, str], query: str) -> None:
        """Let a request in.

        Args:
            headers: Its headers, by names in lower case.
            query: What stands behind the question mark of its address.

        Raises:
            Refused: Its key is none of them, or it has none; or a page in a browser asks, and there are no keys.
        """
        if not self._hashes:
            if "origin" in headers:
                raise Refused(403, _PAGE)
            return
        keys = _sent(headers)
        if not keys:
            raise Refused(401, _IN_URL if query else _NONE)
        given = [_hash(key.encode("latin-1")) for key in keys]  # the bytes that came
        same = [hmac.compare_digest(one, other) for one in given for other in self._hashes]
        if not any(same):  # all are compared, or the time would tell which
            raise Refused(401, "the key is none of those that are let in here")


def _sent(headers: Mapping[str, str]) -> list[str]:
    """The keys that a request brings: some clients send "Bearer None" besides."""
    scheme, *bearer = headers.get("authorization", "").split(maxsplit=1) or [""]
    given = (*(bearer if scheme.lower() == "bearer" else ()), headers.get("x-api-key", ""), headers.get("api-key", ""))
    return [key.strip() for key in given if key.strip()]
