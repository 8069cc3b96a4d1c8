"""A warning is at the user's line, and what is said once is said once there, whatever filters are set."""

from __future__ import annotations

import threading
import warnings

import pytest

from rerank_kit.user_warnings import warn_user


class OtherWarning(UserWarning):
    """Another kind."""


def test_a_line_gets_a_warning_of_a_kind_once_whatever_it_says() -> None:
    with pytest.warns(UserWarning) as told:
        for place in range(3):
            warn_user(f"number {place}", UserWarning, once=True)
        warn_user("elsewhere", UserWarning, once=True)
    assert [str(each.message) for each in told] == ["number 0", "elsewhere"]
    assert {each.filename for each in told} == {__file__}
    assert len({each.lineno for each in told}) == 2


def test_a_line_gets_warnings_of_several_kinds() -> None:
    with pytest.warns(UserWarning) as told:
        for kind in (UserWarning, OtherWarning, UserWarning):
            warn_user("again", kind, once=True)
    assert [each.category for each in told] == [UserWarning, OtherWarning]


def test_what_is_not_to_be_said_once_is_said_again() -> None:
    with pytest.warns(UserWarning) as told:
        for _ in range(2):
            warn_user("again", UserWarning)
    assert len(told) == 2


def test_a_warning_that_is_made_an_error_is_raised_once() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in range(2):
            if place == 0:
                with pytest.raises(UserWarning, match="once"):
                    said()
            else:
                said()


def said() -> None:
    warn_user("once", UserWarning, once=True)


def test_a_thread_of_which_no_line_is_the_users_is_told_once_too() -> None:
    with pytest.warns(UserWarning) as told:
        for _ in range(2):
            thread = threading.Thread(target=warn_user, args=("once", UserWarning), kwargs={"once": True})
            thread.start()
            thread.join()
    assert len(told) == 1
