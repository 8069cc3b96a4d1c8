"""Which failures leave the first stage's order: those that may pass by themselves, and blank questions."""

from __future__ import annotations

import pytest

from rerank_kit.errors import BackendError, BlankQuery, ConfigurationError, DeadlineExceeded, MissingExtra
from rerank_kit.first_stage.keeping import reason_to_keep


@pytest.mark.parametrize(
    "error", [BackendError("down"), DeadlineExceeded("late"), BlankQuery("blank"), OSError("disk")]
)
def test_what_may_pass_by_itself_is_kept(error: Exception) -> None:
    assert reason_to_keep(error, "keep") == f"{type(error).__name__}: {error}"
    assert reason_to_keep(error, "raise") is None


@pytest.mark.parametrize(
    "error",
    [
        *(ConfigurationError("wrong"), MissingExtra("missing"), TypeError("typo"), AttributeError("typo")),
        *(
            UserWarning("made an error"),
            NameError("typo"),
            ImportError("typo"),
            NotImplementedError("later"),
            SyntaxError("typo"),
        ),
    ],
)
def test_what_somebody_has_to_mend_is_raised(error: Exception) -> None:
    assert reason_to_keep(error, "keep") is None
