"""The first stage, whatever the framework: whether it brings enough candidates, and what was done so that it does."""

from rerank_kit.first_stage.widening import Change, RecallWarning, RerankedTwiceWarning, Widening

__all__ = ["Change", "RecallWarning", "RerankedTwiceWarning", "Widening"]
