"""A server that writes contexts, with every chat model that speaks to it."""

from tests.judge.conftest import make, server

__all__ = ["make", "server"]
