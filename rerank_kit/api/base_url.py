"""Base URLs as users write them: what one must be, and what is wrong with one that is none."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from rerank_kit.api.addresses import tidy
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

_LONGEST = 8192  # characters: httpx takes no more than 65,536 together with the path
_NEVER = frozenset('\\<>"{}|^`')  # https://www.rfc-editor.org/rfc/rfc3986#section-2
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_LABEL = re.compile(r"[\w!$&'()*+,;=~%-]{1,63}", re.ASCII)


def check_url(url: object, *, name: str = "base_url") -> str:
    """A base URL without slashes that are doubled or at its end.

    Args:
        url: The URL.
        name: Where it comes from, as users call it.

    Raises:
        ConfigurationError: It is none, or has a key in it, which would show in logs.
    """
    if not isinstance(url, str):
        msg = f"{name} must be a URL that starts with http:// or https://, not of type {type(url).__name__}"
        raise ConfigurationError(msg)
    problem = wrong_with(url, ("http", "https"))
    authority = re.split(r"[/\\]", url.partition("://")[2], maxsplit=1)[0]
    if "?" in url or "#" in url or "@" in authority or (problem is not None and "@" in url):
        msg = f"{name} must have no user, query or fragment: pass keys as api_key= or headers=, where they stay hidden"
        raise ConfigurationError(msg)
    if problem is not None:
        bare = "://" not in url and any(each in url for each in ".:") and wrong_with(f"http://{url}", ("http",)) is None
        fault = f": write 'http://{url}' or 'https://{url}'" if bare else f", which {problem}"
        msg = f"{name} must be a URL that starts with http:// or https://, not {quoted(url)}{fault}"
        raise ConfigurationError(msg)
    return tidy(url)


def base_url_or(url: str | None, variable: str, default: str) -> str:
    """The base URL that was passed, or else that of an environment variable, or else the default.

    Raises:
        ConfigurationError: It is none. It goes by the name of the variable, if it comes from there.
    """
    found = os.environ.get(variable)
    if url is None and found:
        return check_url(found, name=f"the environment variable {variable}")
    return check_url(default if url is None else url)


def wrong_with(url: str, schemes: Collection[str]) -> str | None:
    """What is wrong with an address, as the rest of a sentence; `None` if nothing is.

    Args:
        url: The address. Whether it has a user, a query or a fragment is not looked at.
        schemes: What it may begin with.
    """
    if len(url) > _LONGEST:
        return f"has {len(url):,} characters"
    odd = next((each for each in url if each in _NEVER or each.isspace() or not each.isprintable()), None)
    if odd is not None:
        return f"has {odd!r} in it, as no URL has"
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError as error:
        return f"cannot be read: {error}"
    if not any(url.lower().startswith(f"{each}://") for each in schemes):
        return f"starts with none of {', '.join(f'{each}://' for each in schemes)}"
    if port == 0:
        return "has the port 0"
    return _wrong_with_host(host)


def _wrong_with_host(host: str) -> str | None:
    if not host:
        return "has no host"
    if ":" in host or not host.isascii():  # an IPv6 address, which was read, or a name that httpx encodes
        return None
    if not all(map(_LABEL.fullmatch, host.removesuffix(".").split("."))):
        return f"has a host that there cannot be, {host!r}"
    if _IPV4.fullmatch(host) and any(int(each) > 255 for each in host.split(".")):  # noqa: PLR2004 - a byte's greatest
        return "has an IP address with a number above 255"
    return None
