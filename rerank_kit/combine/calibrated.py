"""`Calibrated`: scores made probabilities of relevance, by what was measured on labelled queries, and a threshold."""

from __future__ import annotations

import hashlib
import json
import math
import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from rerank_kit.arguments import named
from rerank_kit.checks import is_number
from rerank_kit.combine.combined import Combined
from rerank_kit.combine.fusion import log_odds
from rerank_kit.combine.identity import identity_of
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker, RerankRequest
from rerank_kit.values import UNJUDGED, Deadline, Document, Hit
from rerank_kit.whole_files import write_whole
from rerank_kit.wrong_kind import check_reranker

Method = Literal["platt", "isotonic"]

NEAREST = 1e-9  # to 0 and 1 that a score is taken for, where its logit is wanted


@dataclass(frozen=True, slots=True)
class Calibration:
    """What scores of one reranker mean, as measured on labelled queries. `rerank_kit.evaluate.calibrate` makes it.

    Attributes:
        fingerprint: Of the reranker that it is for.
        reranker: What that is, in words.
        method: `"platt"`: the logistic function of a slope times the score's logit and an offset, or the score itself
            where scores leave 0 to 1. `"isotonic"`: steps.
        knots: For Platt slope and offset, as one pair; for isotonic scores, rising, each with the probability from
            there on.
        threshold: The lowest probability that passes.
        goal: What the threshold was chosen for, `"precision"` or `"recall"`.
        wanted: How much of that.
        raw: Whether scores leave 0 to 1.
        told: What was measured, on which queries; plain values.
    """

    fingerprint: str
    reranker: str
    method: Method
    knots: tuple[tuple[float, float], ...]
    threshold: float
    goal: Literal["precision", "recall"]
    wanted: float
    raw: bool = False
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Refuse what cannot be one."""
        texts = [self.fingerprint, self.reranker]
        numbers = [self.threshold, self.wanted, *(each for knot in self.knots for each in knot)]
        if not (
            all(isinstance(each, str) and each for each in texts)
            and self.method in ("platt", "isotonic")
            and self.goal in ("precision", "recall")
            and all(map(is_number, numbers))
            and 0.0 <= self.threshold <= 1.0
            and isinstance(self.raw, bool)
            and self._rises()
        ):
            msg = f"this is no calibration: {quoted(asdict(self))}: make one with rerank_kit.evaluate.calibrate"
            raise ConfigurationError(msg)

    def _rises(self) -> bool:
        """Whether higher scores are no less probable."""
        if self.method == "platt":
            return len(self.knots) == 1 and self.knots[0][0] > 0
        scores, probabilities = [knot[0] for knot in self.knots], [knot[1] for knot in self.knots]
        within = bool(scores) and min(probabilities) >= 0.0 and max(probabilities) <= 1.0
        return within and scores == sorted(set(scores)) and probabilities == sorted(probabilities)

    def probability(self, score: float) -> float:
        """How likely a document with this score is relevant."""
        if self.method == "platt":
            slope, offset = self.knots[0]
            at = slope * (score if self.raw else log_odds(score, NEAREST)) + offset
            return 1 / (1 + math.exp(-at)) if at >= 0 else math.exp(at) / (1 + math.exp(at))
        place = bisect_right(self.knots, score, key=lambda knot: knot[0])
        return self.knots[max(0, place - 1)][1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, as JSON, which is whole or as it was.

        Raises:
            ConfigurationError: It cannot be written.
        """
        try:
            write_whole(Path(path), [json.dumps(self.to_dict(), indent=1).encode()])
        except OSError as error:
            msg = (
                f"calibration={str(path)!r} cannot be written ({error.strerror}): name a file in a folder that is there"
            )
            raise ConfigurationError(msg) from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read it from a file.

        Raises:
            ConfigurationError: The file is not there, or holds no calibration.
        """
        try:
            read: Any = json.loads(Path(path).read_text("utf-8-sig"))
            known: dict[str, Any] = {each.name: read[each.name] for each in fields(cls)}
            known["knots"] = tuple((score, share) for score, share in read["knots"])
            return cls(**known)
        except (OSError, ValueError, LookupError, TypeError, RecursionError, ConfigurationError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            msg = (
                f"calibration={str(path)!r} cannot be read ({why}): name a file that Calibration.save or "
                "`rerank-kit calibrate` wrote"
            )
            raise ConfigurationError(msg) from error


class Calibrated(Combined):
    """Ranks as the reranker inside does; its scores are the probabilities that documents are relevant.

    `threshold="calibrated"` passes what reaches the threshold of the calibration. Of documents that have the same
    probability, as steps have, the order stays. What was not judged stays so.

    Attributes:
        reranker: The reranker inside.
        calibration: What its scores mean.
    """

    @named
    def __init__(self, reranker: Reranker, calibration: Calibration | str | os.PathLike[str]) -> None:
        """Give scores a meaning.

        Args:
            reranker: The reranker that was calibrated.
            calibration: What was measured, or the file of it.

        Raises:
            ConfigurationError: It is the calibration of another model, or of other settings of it; or there is none.
        """
        check_reranker("reranker", reranker, Reranker)
        given: object = Calibration.load(calibration) if isinstance(calibration, str | os.PathLike) else calibration
        if not isinstance(given, Calibration):
            msg = f"calibration must be a Calibration or the path of one, not {quoted(given)}"
            raise ConfigurationError(msg)
        if given.fingerprint != identity_of(reranker):
            msg = (
                f"calibration is that of {given.reranker}, with other files or settings than {reranker!r} has: scores "
                "of one say nothing of the other. Calibrate this one"
            )
            raise ConfigurationError(msg)
        self.reranker = reranker
        self.calibration = given
        self.model = reranker.model
        self.pointwise = reranker.pointwise
        self._settle(Calibrated)

    @property
    def calibrated_threshold(self) -> float:
        """What `threshold="calibrated"` stands for."""
        return self.calibration.threshold

    @property
    def fingerprint(self) -> str | None:
        """That of the reranker and the calibration, with its threshold, which may be that of a stage."""
        inner = self.reranker.fingerprint
        if inner is None:
            return None
        known = self.calibration
        numbers = repr((known.method, known.knots, known.raw, known.threshold)).encode()
        return f"{inner} calibrated:{hashlib.sha256(numbers).hexdigest()}"

    @property
    def _inside(self) -> Sequence[Reranker]:
        return (self.reranker,)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries."""
        rankings = yield from self.reranker.reranking(requests, deadline=deadline)
        return [self._told(each) for each in rankings]

    def _told(self, ranking: Ranking) -> Ranking:
        if ranking.failure is not None:  # its scores are of something else
            return ranking
        hits = tuple(hit if hit.verdict == UNJUDGED else self._hit(hit) for hit in ranking)
        return replace(ranking, hits=hits)

    def _hit(self, hit: Hit) -> Hit:
        return replace(hit, score=self.calibration.probability(hit.score))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made of copies of the reranker."""
        return partial(type(self), calibration=self.calibration), (self.reranker,), {"hooks": self.hooks}

    @whole
    def __repr__(self) -> str:
        """Say what is calibrated, and for what."""
        known = self.calibration
        return f"Calibrated({self.reranker!r}, {known.goal} {known.wanted:g} at {known.threshold:.3g})"
