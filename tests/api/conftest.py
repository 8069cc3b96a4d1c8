"""A server and the classes that speak to it, for every test of this room."""

from __future__ import annotations

from tests.servers import make, server

__all__ = ["make", "server"]
