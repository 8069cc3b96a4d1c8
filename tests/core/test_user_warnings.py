"""A warning is at the user's line, and what is said once is said once there, whatever filters are set."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from multiprocessing.pool import ThreadPool

import pytest

from rerank_kit.errors import more_about
from rerank_kit.user_warnings import warn_user


class OneWarning(UserWarning):
    """A kind of warning."""


class OtherWarning(UserWarning):
    """Another kind."""


def heard(*calls: Callable[[], None]) -> list[warnings.WarningMessage]:
    """What is said, whatever was said before."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for each in calls:
            each()
    return told


def test_a_line_gets_a_warning_of_a_kind_once_whatever_it_says() -> None:
    def here(text: str) -> Callable[[], None]:
        return lambda: warn_user(text, OneWarning, once=True)

    told = heard(here("one"), here("two"), lambda: warn_user("elsewhere", OneWarning, once=True))
    assert [str(each.message).partition(". More")[0] for each in told] == ["one", "elsewhere"]
    assert {each.filename for each in told} == {__file__}
    assert len({each.lineno for each in told}) == 2


def test_a_line_gets_warnings_of_several_kinds() -> None:
    def here(kind: type[Warning]) -> Callable[[], None]:
        return lambda: warn_user("again", kind, once=True)

    told = heard(here(OneWarning), here(OtherWarning), here(OneWarning))
    assert [each.category for each in told] == [OneWarning, OtherWarning]


def test_what_is_not_to_be_said_once_is_said_again() -> None:
    def here() -> None:
        warn_user("again", OneWarning)

    assert len(heard(here, here)) == 2


def test_a_warning_that_is_made_an_error_is_raised_once() -> None:
    def here() -> None:
        warn_user("once", OneWarning, once=True)

    with pytest.raises(OneWarning, match="once"):
        here()
    here()


def test_what_is_said_while_ranking_is_shown_where_a_filter_would_raise_it() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("error")
        warn_user("here", OneWarning, ranking=True)
    told_here = f"here. {more_about(OneWarning)}"
    assert [(each.category, str(each.message), each.filename) for each in told] == [(OneWarning, told_here, __file__)]


def test_a_thread_in_which_no_line_is_the_users_is_told_once_too() -> None:
    def in_a_thread() -> None:
        thread = threading.Thread(target=warn_user, args=("once", OneWarning), kwargs={"once": True})
        thread.start()
        thread.join()

    assert len(heard(in_a_thread, in_a_thread)) == 1


def test_of_a_pools_thread_no_file_of_pythons_is_named() -> None:
    def in_a_pool() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy_context().run, warn_user, "pooled", OneWarning).result()

    def in_an_older_pool() -> None:
        with ThreadPool(1) as pool:
            pool.apply(warn_user, ("pooled", OneWarning))

    assert [each.filename for each in heard(in_a_pool, in_an_older_pool)] == ["sys"] * 2
