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
_NONE = "no key: send it as the header Authorization: Bearer KEY"
_IN_URL = "a key in a URL is not read, for URLs end up in logs: send it as the header Authorization: Bearer KEY"

_PAGE = "pages in a browser are not let in without a key, for any page could ask then: give the server keys"


@named
def hashed(key: str) -> str:
    """A key as a server keeps it: `sha256:` and 64 hexadecimal digits.

    Hashes are for keys that are drawn at random, of 16 characters or more: a word can be found by trying.

    Raises:
        ConfigurationError: It is no text, or empty.
    """
    return f"sha256:{sha256(check_text('key', key).encode()).hexdigest()}"


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
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key") or headers.get("api-key", "")
        if not key:
            raise Refused(401, _IN_URL if query else _NONE)
        given = f"sha256:{sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}"
        if not any([hmac.compare_digest(given, each) for each in self._hashes]):  # noqa: C419 - all are compared
            raise Refused(401, "the key is none of those that are let in here")
