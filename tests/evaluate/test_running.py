"""`evaluate`: what is asked of whom, how often, in which order, and what comes of it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Cascade, ConfigurationError, Deadline, Document, Ranking, Reranker, Rules, Stage, Usage
from rerank_kit.errors import BudgetExceeded, RateLimited
from rerank_kit.evaluate import Dataset, Plan, Progress, evaluate
from rerank_kit.evaluate.first_stages import Found
from rerank_kit.local import CrossEncoder
from rerank_kit.rules import equals
from rerank_kit.values import Span

ANIMALS = ("cat", "dog", "cow", "hen", "pig", "fox", "owl", "bat", "emu", "yak")
DOCUMENTS = {f"{each} {kind}": f"the {each} {kind}" for each in ANIMALS for kind in ("sleeps", "eats", "runs")}
QUERIES = {each: f"when {each} eats" for each in ANIMALS}
JUDGEMENTS = {each: {f"{each} eats": 1} for each in ANIMALS}
DATA = Dataset("animals", QUERIES, JUDGEMENTS, DOCUMENTS)


class Words(CrossEncoder):
    """Counts shared words, and what it was asked."""

    model = "words"

    def __init__(self, sign: int = 1) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.sign = sign

    @property
    def fingerprint(self) -> str:
        return f"words, {self.sign}"

    def __repr__(self) -> str:
        return "Words()"

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
        self.pairs += pairs
        return [self.sign * len(set(query.split()) & set(text.split())) / 10 for query, text in pairs]


class Paid(Reranker):
    """Costs a dollar a query, as an API that is not pointwise."""

    pointwise = False
    model = "paid"

    def __init__(self, cost: float | None = 1.0, *, stops: int = 100) -> None:
        self.asked: list[str] = []
        self.price = cost
        self.stops = stops

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        if len(self.asked) == self.stops:
            raise KeyboardInterrupt
        self.asked.append(query)
        count = len(documents)
        usage = Usage(pairs=count, requests=1)
        ranking = Ranking.by_score([1.0] * count, usage)
        return Ranking(ranking.hits, usage, (Span("Paid", "paid", count, count, 0.0, usage, cost=self.price),))


def test_first_stages_and_rerankers_are_measured_and_compared() -> None:
    found = evaluate(DATA, {"plain": ("bm25@3", Words()), "harmful": ("bm25@3", Words(-1))})
    assert [each.name for each in found.systems] == ["bm25", "plain", "harmful"]
    assert found["plain"].mean("nDCG@10") == 1.0
    assert found["harmful"].mean("nDCG@10") == pytest.approx(0.5)
    assert found["plain"].mean("nDCG@10") >= found["bm25"].mean("nDCG@10") > found["harmful"].mean("nDCG@10")
    (harm,) = [each for each in found.findings if each["kind"] == "harm"]
    assert "harmful is worse than bm25" in harm["text"]
    assert set(harm["queries"]) == set(QUERIES)
    (losses,) = [each for each in found.findings if each["kind"] == "losses"]
    assert losses["text"] == (
        "harmful makes 10 of 10 queries much worse: cat ('when cat eats'), dog, cow, hen, pig and 5 more"
    )
    told = json.loads(found.to_json())
    assert [each["name"] for each in told["systems"]] == ["bm25", "plain", "harmful"]
    assert told["systems"][1]["results"][0][0] == ["cat eats", 0.2, None, 1]
    assert told["systems"][1]["first_stage"] == "bm25"
    assert told["systems"][1]["seconds"]["p95"] > 0
    assert told["documents"]["cat eats"] == "the cat eats"
    assert told["queries"][0] == {"id": "cat", "text": "when cat eats", "relevant": {"cat eats": 1}}


def test_how_many_candidates_are_enough_and_who_sees_all_is_told() -> None:
    ids = [str(number) for number in range(60)]
    texts = {each: f"the text {each}" for each in ids}

    def recall(found: Sequence[str], wanted: str) -> tuple[list[str], list[str]]:
        data = Dataset("one", {"q": "a text"}, {"q": {wanted: 1}}, texts, {"q": found})
        done = evaluate(data, ["given"])
        return [each["text"] for each in done.findings if each["kind"] == "recall"], list(done.notes)

    assert recall(ids, "3") == (
        ["10 candidates of given are enough: with them a perfect reranker reaches 1.00 of nDCG@10, and 1.00 with 60"],
        recall(ids, "3")[1],
    )
    assert not any("no query has more than" in each for each in recall(ids, "3")[1])
    told, notes = recall(ids[:4], "3")
    assert told == ["with the 4 candidates of given a perfect reranker reaches 1.00 of nDCG@10"]
    assert "no query has more than 4 candidates of given: systems that rerank more see the same" in notes[0]


def test_labels_that_are_few_by_design_are_a_note_and_missing_ones_a_finding() -> None:
    def told(labels: int) -> tuple[list[str], list[str]]:
        texts = {str(number): f"the text {number}" for number in range(60)}
        judged = {str(59 - number): 1 for number in range(labels)}
        found = evaluate(Dataset("few", {"q": "a text"}, {"q": judged}, texts, {"q": list(texts)}), ["given"])
        return [each["text"] for each in found.findings if each["kind"] == "labels"], list(found.notes)

    share = "0% of the best documents of 1 of 1 systems were judged (Judged@10)"
    normal = "; the others count as not relevant. Where several documents answer a question, label each of them"
    assert told(1) == ([], [f"{share}: that is normal with a label a question{normal}"])
    assert told(3) == ([], [f"{share}: that is normal with 3 labels a question{normal}"])
    (finding,), notes = told(9)
    assert notes == []
    assert finding.startswith(f"only {share}; the others count as not relevant, whatever they are: label the best few")


def test_a_score_is_computed_once_for_all_depths_and_runs(tmp_path: Path) -> None:
    words = Words()
    systems = {"two": ("bm25@2", words), "three": ("bm25@3", words)}
    first = evaluate(DATA, systems, store=tmp_path / "store.db")
    timed = 2 * len(QUERIES)  # the shallow one is measured by itself
    once_more = 3  # the first call loads the model: its time does not count
    assert len(words.pairs) == 3 * len(QUERIES) + timed + once_more
    shallow, deep = (first[each].outcomes["cat"].ids for each in ("two", "three"))
    assert shallow == [each for each in deep if each in shallow]
    again = Words()
    second = evaluate(DATA, {"two": ("bm25@2", again), "three": ("bm25@3", again)}, store=tmp_path / "store.db")
    assert again.pairs == []
    first_again, second_again = (found.to_dict()["systems"] for found in (first, second))
    for one, other in zip(first_again, second_again, strict=True):
        assert {**one, "seconds": None} == {**other, "seconds": None}  # first stages are asked anew


def test_a_run_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with pytest.raises(KeyboardInterrupt):
        evaluate(DATA, {"paid": Paid(stops=4)}, store=store, max_cost=20)
    after = Paid()
    told: list[Plan] = []

    def agree(plan: Plan) -> bool:
        told.append(plan)
        return True

    evaluate(DATA, {"paid": after}, store=store, confirm=agree)
    assert len(after.asked) == 6
    assert told == [Plan(6.0, (), told[0].seconds, 6 * 12)]


def test_nothing_that_has_a_price_is_asked_beyond_the_first_query_unless_one_agrees() -> None:
    paid = Paid()
    with pytest.raises(BudgetExceeded, match=r"about \$10.00, \$1.00 of it for the first queries: pass max_cost=11 "):
        evaluate(DATA, {"paid": paid})
    assert len(paid.asked) == 1
    with pytest.raises(BudgetExceeded, match="max_cost=5"):
        evaluate(DATA, {"paid": paid}, max_cost=5)
    with pytest.raises(BudgetExceeded, match="was not wanted"):
        evaluate(DATA, {"paid": paid}, confirm=lambda plan: plan.cost < 9)
    assert len(paid.asked) == 3
    found = evaluate(DATA, {"paid": paid}, max_cost=10)
    assert found["paid"].cost_per_1000 == 1000.0
    with pytest.raises(ConfigurationError, match=r"max_cost=5.0 cannot be kept: what these cost is not known: paid"):
        evaluate(DATA, {"paid": Paid(None)}, max_cost=5)
    assert evaluate(DATA, {"paid": Paid(None)})["paid"].cost_per_1000 is None


def test_a_run_that_becomes_dearer_than_it_may_ends() -> None:
    class Rising(Paid):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            self.price = 1.0 if not self.asked else 5.0
            return super().flow(query, documents, deadline)

    rising = Rising()
    told = r"has cost \$11.00, and paid \$5.00 for one query: max_cost=12.0 ends it here"
    with pytest.raises(BudgetExceeded, match=told):
        evaluate(DATA, {"paid": rising}, max_cost=12)
    assert len(rising.asked) == 3


def test_a_run_is_ended_before_it_is_too_dear_and_goes_on_with_more(tmp_path: Path) -> None:
    store, several = tmp_path / "store.db", {name: ("bm25@3", Paid(0.1)) for name in ("one", "two", "three")}
    for name, each in several.items():
        each[1].model = name
    with pytest.raises(
        BudgetExceeded, match=r"cost about \$3.00, \$0.30 of it for the first queries: pass max_cost=3.3"
    ):
        evaluate(DATA, several, max_cost=0.3)
    with pytest.raises(BudgetExceeded, match=r"has cost \$0.20, and three \$0 for one query: max_cost=0.15 ends"):
        evaluate(DATA, several, max_cost=0.15)
    assert sum(len(each[1].asked) for each in several.values()) == 5
    evaluate(DATA, several, store=store, max_cost=3)
    again = evaluate(DATA, several, store=store, max_cost=0.01)
    assert again["one"].cost_per_1000 == pytest.approx(100)


def test_a_price_that_is_agreed_to_has_its_limit_all_the_same() -> None:
    paid = Paid()
    with pytest.raises(BudgetExceeded, match="pass max_cost=11"):
        evaluate(DATA, {"paid": paid}, max_cost=5, confirm=lambda plan: True)
    assert len(paid.asked) == 1


def test_the_first_call_of_each_is_no_part_of_the_time() -> None:
    plans: list[Plan] = []

    def agree(plan: Plan) -> bool:
        plans.append(plan)
        return True

    found = evaluate(DATA, {"words": Words()}, confirm=agree)
    timed = [outcome.timing is not None for outcome in found["words"].outcomes.values()]
    assert timed.count(False) == 1
    assert len(found["bm25"].timings) == 9
    assert plans[0].pairs == 9 * 12
    alone = evaluate(DATA.sampled(1), {"words": Words()})
    assert [len(each.timings) for each in alone.systems] == [1, 1]


def test_what_the_store_knows_is_warmed_up_before_it_is_timed(tmp_path: Path) -> None:
    store, words = tmp_path / "store.db", Words()
    evaluate(DATA, {"three": ("bm25@3", Words())}, store=store)
    evaluate(DATA, {"two": ("bm25@2", words)}, store=store)
    assert len(words.pairs) == 2 * (len(QUERIES) + 1)


def test_all_broken_systems_are_named_before_anything_is_spent() -> None:
    def breaks(query: str, texts: list[str]) -> list[float]:
        raise OSError("no such host")

    class Down(Words):
        def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
            raise RateLimited("too many requests")

    paid = Paid()
    with pytest.raises(ConfigurationError) as caught:
        evaluate(DATA, {"one": breaks, "two": Down(), "paid": paid}, max_cost=100)
    assert "2 of 4 systems cannot be asked" in str(caught.value)
    assert "one: OSError: no such host" in str(caught.value)
    assert "two: RateLimited: too many requests" in str(caught.value)
    assert len(paid.asked) == 1


def test_a_query_that_fails_counts_nothing_is_told_and_tried_again(tmp_path: Path) -> None:
    class Sometimes(Words):
        fails = True

        def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
            if self.fails and "owl" in pairs[0][0]:
                raise RateLimited("too many requests")
            return super().score(pairs, deadline)

    one = Sometimes()
    found = evaluate(DATA, {"one": one}, store=tmp_path / "store.db")
    assert found["one"].failed == {"owl": "RateLimited: too many requests"}
    assert found["one"].values["nDCG@10"]["owl"] == 0.0
    (told,) = [each for each in found.findings if each["kind"] == "failed"]
    assert "1 of 10 rankings" in told["text"]
    one.fails = False
    assert evaluate(DATA, {"one": one}, store=tmp_path / "store.db")["one"].failed == {}


def test_progress_is_told_of_each_system() -> None:
    told: list[Progress] = []
    evaluate(DATA, {"paid": Paid()}, max_cost=10, queries=3, progress=told.append)
    assert [(each.system, each.done, each.queries, each.spent) for each in told] == [
        *(("paid", done, 3, float(done)) for done in (1, 2, 3)),
        *(("bm25", done, 3, 3.0) for done in (1, 2, 3)),
    ]


def test_quotes_are_found_in_what_is_found_and_what_nobody_finds_is_missing() -> None:
    class Chunks:
        name = "chunks"
        free = True

        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            return [
                Found("1", "it sleeps all day and all night long"),
                Found("2", "the old cat eats ten mice every day"),
            ]

    quotes = {"cat": ["the old cat eats ten mice every day", "nobody has ever said this in any of the texts"]}
    data = Dataset("quotes", {"cat": "what does it eat"}, {}, quotes=quotes)
    found = evaluate(data, {"words": (Chunks(), Words())}, measures=["R@5", "RR@10"])
    assert found["chunks"].mean("R@5") == 0.5
    assert found["chunks"].mean("RR@10") == 0.5
    assert found["words"].mean("RR@10") == 0.5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"measure": "nDGC@10"}, "'nDGC@10' is none: write them as ir-measures does"),
        ({"queries": 0}, "queries must be"),
        ({"store": "."}, "cannot be opened"),
        ({"systems": "bm25"}, "wrap it in a list"),
        ({"systems": ["bm52"]}, "'bm52' is not understood"),
        ({"systems": ["bm25@0 > onnx:embedded"]}, "reranks no candidates"),
        ({"systems": ["given"]}, "animals has none"),
        ({"systems": [5]}, "is no reranker, no function and no retriever"),
        ({"systems": ["no_such_module:thing"]}, "cannot be imported"),
        ({"topn": 5}, "topn"),
        ({"max_cost": -1}, "max_cost must be"),
    ],
)
def test_a_wrong_argument_is_said_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        evaluate(DATA, **options)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("what I know about cats" * 100, "utf-8")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        evaluate(DATA, ["bm25"], store=path)
    assert path.read_text("utf-8").startswith("what I know")


def test_a_damaged_row_is_computed_anew(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    first = evaluate(DATA, {"words": Words()}, store=store)
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE evaluation SET value = '{'")
    second = evaluate(DATA, {"words": Words()}, store=store)
    assert second["words"].values == first["words"].values


class Apart(Reranker):
    """Asks an API: each document's score is its own."""

    model = "apart"

    def __init__(self) -> None:
        self.asked: list[int] = []

    @property
    def fingerprint(self) -> str:
        return "apart, 1"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        self.asked.append(len(documents))
        return Ranking.by_score([float(len(each.text)) for each in documents], Usage(requests=1))


def test_what_an_api_would_have_to_be_paid_for_again_is_not_known() -> None:
    apart = Apart()
    found = evaluate(DATA, {"two": ("bm25@2", apart), "three": ("bm25@3", apart)})
    assert apart.asked == [3] * len(QUERIES)
    assert found["two"].seconds() is None
    assert found["two"].cost_per_1000 is None
    assert found["three"].seconds() is not None
    assert found.to_dict()["systems"][1]["seconds"] is None


def test_times_of_a_shallow_run_are_measured_on_some_queries() -> None:
    many = {str(number): f"when {ANIMALS[number % 10]} eats {number}" for number in range(25)}
    data = Dataset("many", many, {each: {"cat eats": 1} for each in many}, DOCUMENTS)
    found = evaluate(data, {"two": ("bm25@2", Words()), "three": ("bm25@3", Words())})
    assert (len(found["two"].timings), len(found["three"].timings)) == (20, 24)


def test_a_cascade_computes_what_is_known_for_some_queries_only_and_has_a_time() -> None:
    many = {str(number): f"when {ANIMALS[number % 10]} eats {number}" for number in range(40)}
    data = Dataset("many", many, {each: {"cat eats": 1} for each in many}, DOCUMENTS)
    fast, slow = Words(), Words(-1)
    slow.model = "slow"
    cascade = Cascade(Stage(fast, top_n=2), slow)
    plans: list[Plan] = []

    def agree(plan: Plan) -> bool:
        plans.append(plan)
        return True

    found = evaluate(data, {"three": ("bm25@3", fast), "cascade": ("bm25@3", cascade)}, confirm=agree)
    assert len(fast.pairs) == 3 * (40 + 20) + 9  # the last are to tell the time before the run
    assert len(slow.pairs) == 2 * 40 + 6
    assert len(found["cascade"].timings) >= 20
    alone = evaluate(data, {"cascade": ("bm25@3", cascade)})
    assert found["cascade"].values == alone["cascade"].values
    assert plans[0].pairs == 3 * 39 + 5 * 20 + 2 * 19


def test_a_reranker_that_leaves_documents_out_is_asked_for_all_of_them() -> None:
    class Choosy(Apart):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            ranking = super().flow(query, documents, deadline)
            return Ranking(ranking.hits[:1], ranking.usage)

    choosy = Choosy()
    found = evaluate(DATA, {"choosy": ("bm25@3", choosy)})
    assert not found["choosy"].failed
    assert all(len(each.order) == 1 for each in found["choosy"].outcomes.values())
    assert choosy.asked == [3] * (len(QUERIES) + 1)


def test_what_was_kept_of_a_function_is_told(tmp_path: Path) -> None:
    def mine(query: str, texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    store = tmp_path / "store.db"
    always = evaluate(DATA, {"mine": mine}, store=store).notes
    (note,) = set(evaluate(DATA, {"mine": mine}, store=store).notes) - set(always)
    assert note.startswith(f"mine: 10 of 10 rankings are those that were kept in {store}. It is known by its name")
    words = Words()
    evaluate(DATA, {"words": words}, store=store)
    assert evaluate(DATA, {"words": words}, store=store).notes == always


def test_rerankers_that_rank_alike_are_compared_once() -> None:
    systems = {"one": ("bm25@3", Words()), "two": ("bm25@3", Words()), "other": ("bm25@3", Words(-1))}
    found = evaluate(DATA, systems)
    (same,) = [each["text"] for each in found.findings if each["kind"] == "same"]
    assert same == "two ranks exactly as one does, in every query: leave one out"
    alone = evaluate(DATA, {"one": systems["one"], "other": systems["other"]})
    known = {(each.system, each.against): each for each in found.comparisons}
    for each in alone.comparisons:
        assert known[each.system, each.against] == each
    assert known["two", "bm25"].p_adjusted == known["one", "bm25"].p_adjusted
    assert known["two", "bm25"].text == known["one", "bm25"].text.replace("one", "two", 1)
    assert ("two", "one") not in known


def test_who_ends_python_is_a_system_that_failed() -> None:
    def ends(query: str, texts: list[str]) -> list[float]:
        raise SystemExit(0)

    class Ending(Words):
        def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
            raise SystemExit(0)

    for each in (ends, Ending()):
        with pytest.raises(ConfigurationError, match="mine: SystemExit: 0"):
            evaluate(DATA, {"mine": each})

    class Stage:
        name, free = "ending", True

        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            raise SystemExit(0)

    with pytest.raises(ConfigurationError, match=r"ending@50 > Words\(words\), ending: SystemExit: 0"):
        evaluate(DATA, [(Stage(), Words())])


@pytest.mark.parametrize("price", [float("nan"), -1.0, float("inf")])
def test_a_price_that_is_none_is_not_known(price: float) -> None:
    found = evaluate(DATA, {"paid": Paid(price)}, confirm=lambda plan: plan.unknown == ("paid",))
    assert found["paid"].cost_per_1000 is None


def test_what_a_reranker_does_to_metadata_is_no_concern_of_others() -> None:
    class Writes(Paid):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            seen.extend(dict(each.metadata) for each in documents)
            for each in documents:
                each.metadata["seen"] = True  # type: ignore[index]
            return super().flow(query, documents, deadline)

    seen: list[dict[str, Any]] = []
    evaluate(DATA, {"one": Writes(0.0), "two": Writes(0.0)})
    assert {"seen": True} not in seen


def test_a_measure_on_which_there_is_no_verdict_is_refused_before_anything_is_asked() -> None:
    words = Words()
    with pytest.raises(ConfigurationError, match=r"measure='NumRet' is no share, from 0 to 1"):
        evaluate(DATA, {"words": words}, measure="NumRet")
    assert words.pairs == []


def test_the_plan_of_a_run_that_goes_on_is_of_what_it_took(tmp_path: Path) -> None:
    def slow(query: str, texts: list[str]) -> list[float]:
        time.sleep(0.05)
        return [1.0] * len(texts)

    store, plans = tmp_path / "store.db", list[Plan]()

    def agree(plan: Plan) -> bool:
        plans.append(plan)
        return True

    evaluate(DATA.sampled(2), {"slow": slow}, store=store, confirm=agree)
    evaluate(DATA, {"slow": slow}, store=store, confirm=agree)
    assert plans[1].seconds >= 0.05 * 4  # which is far more than it takes to look it up


def test_a_row_of_something_else_is_computed_anew(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    first = evaluate(DATA, {"words": Words()}, store=store)
    with sqlite3.connect(store) as connection:
        connection.execute("""UPDATE evaluation SET value = '{"order": []}'""")
    assert evaluate(DATA, {"words": Words()}, store=store)["words"].values == first["words"].values


def test_a_store_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    evaluate(DATA, {"words": Words()}, store=store)
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON evaluation BEGIN SELECT raise(ABORT, 'full'); END")
    with pytest.raises(ConfigurationError, match=r"store='.*store.db' cannot be written: full: see that there is room"):
        evaluate(DATA, {"other": Words(-1)}, store=store)
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = store.stat().st_size
    with store.open("r+b") as file:
        file.seek(4096)
        file.write(b"x" * (size - 4096))
    with pytest.raises(ConfigurationError, match=r"store='.*store.db' cannot be "):
        evaluate(DATA, {"words": Words()}, store=store)


def test_a_reranker_that_is_handed_too_few_candidates_is_told_of(tmp_path: Path) -> None:
    class Backwards:
        name = "backwards"
        free = True

        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            texts = [f"a text of item{number}" for number in range(60)] + [f"the {query_id} eats"]
            return [Found(text.removeprefix("the "), text) for text in texts][:depth]

    found = evaluate(DATA, {"few": (Backwards(), Words())})
    assert found["few"].recall == 50
    enough, told = [each["text"] for each in found.findings if each["kind"] == "recall"]
    few = "50 candidates of backwards are not enough: with them a perfect reranker reaches 0.00 of nDCG@10"
    assert enough == f"{few}, and 1.00 with 61"
    assert told == "few: your reranker sees 50 candidates; at 61 the ceiling of nDCG@10 rises from 0.00 to 1.00"
    path = tmp_path / "found.json"
    assert found.to_json(path) == path.read_text("utf-8")
    with pytest.raises(KeyError, match="'none' is no system of this evaluation: it has backwards, few"):
        found["none"]


def test_metadata_that_no_file_can_hold_is_ranked_all_the_same(tmp_path: Path) -> None:
    class Odd:
        name = "odd"
        free = True
        asked = 0

        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            self.asked += 1
            return [Found(f"{query_id} eats", f"the {query_id} eats", metadata={"when": {1, 2}, "year": 2020})]

    odd, store = Odd(), tmp_path / "store.db"
    rules = Rules(prefer=[equals("year", 2020)])
    for _ in range(2):
        found = evaluate(DATA, {"rules": (odd, rules)}, store=store, queries=2)
        assert found["rules"].mean("RR@10") == 1.0
    assert odd.asked == 4  # what cannot be kept is found again


def test_whatever_is_raised_late_costs_one_query_and_not_the_run() -> None:
    class Late(Words):
        def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
            if "owl" in pairs[0][0]:
                raise ConfigurationError("the model wants a prompt")
            return super().score(pairs, deadline)

    class Broken:
        name = "broken"
        free = True

        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            if query_id == "emu":
                raise OSError("no route to host")
            return [Found(f"{query_id} eats", f"the {query_id} eats")]

    def odd(query: str, texts: list[str]) -> list[float] | None:
        return None if "yak" in query else [1.0] * len(texts)

    found = evaluate(DATA, {"late": Late(), "behind": (Broken(), Words()), "odd": odd})
    assert list(found["late"].failed) == ["owl"]
    assert found["broken"].failed == found["behind"].failed == {"emu": "OSError: no route to host"}
    assert list(found["odd"].failed) == ["yak"]
    assert found["behind"].mean("RR@10") == pytest.approx(0.9)


def test_what_fails_while_it_is_timed_has_no_time() -> None:
    class Tired(Words):
        def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
            if len(self.pairs) >= 3 * len(QUERIES):
                raise RuntimeError("enough")
            return super().score(pairs, deadline)

    tired = Tired()
    found = evaluate(DATA, {"two": ("bm25@2", tired), "three": ("bm25@3", tired)})
    assert (len(found["two"].timings), len(found["three"].timings)) == (0, 8)


@pytest.mark.parametrize("measure", ["RR@10", "R@5", "Success@1"])
def test_ceilings_are_of_the_measure_that_verdicts_are_on(measure: str) -> None:
    found = evaluate(DATA, {"harmful": ("bm25@3", Words(-1))}, measure=measure)
    assert found.ceilings["bm25"].measure == found.to_dict()["ceilings"][0]["measure"] == measure
    assert found.ceilings["bm25"].by_depth == {10: 1.0, 12: 1.0}
    (told,) = [each["text"] for each in found.findings if each["kind"] == "recall"]
    enough = "10 candidates of bm25 are enough: with them a perfect reranker reaches 1.00"
    assert told == f"{enough} of {measure}, and 1.00 with 12"


def test_how_many_candidates_there_were_is_in_the_table() -> None:
    found = evaluate(DATA, [(Chunked("mine", ["the cat eats", "the dog eats"]), Words())])
    assert [each.candidates() for each in found.systems] == [2, 2]
    assert found.to_csv().splitlines()[2].startswith("mine@50 > Words(words),mine,50,2,")
    assert "| mine@50 \\> Words(words) | " in found.to_markdown()
    assert " | 2 | " in found.to_markdown()


def test_a_measure_has_other_names() -> None:
    found = evaluate(DATA, {"harmful": ("bm25@3", Words(-1))}, measure="MRR@10")
    assert found["harmful"].values["MRR@10"] == found["harmful"].values["RR@10"] != found["bm25"].values["RR@10"]
    assert found.comparisons[0].verdict == "worse"


class Chunked:
    """Texts of a collection of its own, with ids that others have too."""

    free = False

    def __init__(self, name: str, texts: Sequence[str]) -> None:
        self.name = name
        self.texts = texts
        self.asked = 0

    def find(self, query_id: str, query: str, depth: int) -> list[Found]:
        self.asked += 1
        return [Found(str(place), text) for place, text in enumerate(self.texts)]


LONG, OTHER = "the old cat eats ten mice every day of the year", "nobody knows what the bats of this cave live on"


def test_chunks_of_several_retrievers_are_told_apart_whatever_their_ids() -> None:
    data = Dataset("quotes", {"cat": "what does it eat"}, {}, quotes={"cat": [LONG]})
    found = evaluate(data, [(Chunked("one", [LONG, OTHER]), Words()), (Chunked("two", [OTHER, LONG]), Words())])
    assert found["one"].mean("RR@10") == 1.0
    assert found["two"].mean("RR@10") == 0.5
    assert found["two"].outcomes["cat"].ids == ["0 of two", "1 of two"]
    assert found.judgements["cat"] == {"0": 1, "1 of two": 1}


def test_quotes_change_no_grade_and_each_first_stage_is_held_to_its_own_chunks() -> None:
    documents = {"a": LONG, "b": OTHER}
    data = Dataset("both", {"cat": "cat mice"}, {"cat": {"a": 3, "b": 0}}, documents, quotes={"cat": [LONG]})
    found = evaluate(data, ["bm25", (Chunked("own", [f"{LONG}. {OTHER}", "nothing at all"]), Words())])
    assert found["bm25"].judgements == {"cat": {"a": 3, "b": 0}}
    assert found["own"].judgements == {"cat": {"0": 1}}
    assert found["bm25"].mean("nDCG@10") == found["own"].mean("nDCG@10") == 1.0


def test_what_a_retriever_brings_is_never_taken_from_a_store(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    before, after = Chunked("mine", [OTHER]), Chunked("mine", [LONG])
    data = Dataset("quotes", {"cat": "what does it eat"}, {}, quotes={"cat": [LONG]})
    assert evaluate(data, [(before, Words())], store=store)["mine"].mean("RR@10") == 0.0
    assert evaluate(data, [(after, Words())], store=store)["mine"].mean("RR@10") == 1.0
    assert after.asked == 1


class Priced(Apart):
    """A dollar for each request."""

    def cost(self, usage: Usage) -> float:
        return float(usage.requests)


def test_what_is_partly_known_is_paid_for_by_leave_as_well(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    evaluate(DATA, [("bm25@1", Priced())], store=store, max_cost=100)
    for most in (None, 0.5):
        priced = Priced()
        with pytest.raises(BudgetExceeded, match=r"would cost about \$"):
            evaluate(DATA, [("bm25@2", priced)], store=store, max_cost=most)
        assert len(priced.asked) <= 1
    last = Priced()
    assert evaluate(DATA, [("bm25@2", last)], store=store, max_cost=20)["bm25@2 > Priced(apart)"].cost_per_1000 is None
    assert len(last.asked) <= 9


def test_failed_queries_are_no_part_of_the_price() -> None:
    class Half(Priced):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            if query.split()[1] in ANIMALS[5:]:
                raise RateLimited("too many requests")
            return super().flow(query, documents, deadline)

    assert evaluate(DATA, {"half": Half()}, max_cost=20)["half"].cost_per_1000 == 1000.0


def test_what_a_function_costs_is_not_known() -> None:
    found = evaluate(DATA, {"mine": lambda query, texts: [1.0] * len(texts)})
    assert found["mine"].cost_per_1000 is None


@pytest.mark.parametrize(
    ("systems", "told"),
    [
        ({"one": "bm25", "two": "bm25"}, "'one' and 'two' are the same first stage"),
        ({"bm25": Chunked("x", ["a"]), "other": ("bm25@10", Words())}, "two are called 'bm25'"),
        ({"x": Words(), "other": (Chunked("x", ["a"]), Words(-1))}, "two are called 'x'"),
        ([], "systems is empty"),
        ({}, "systems is empty"),
    ],
)
def test_names_that_would_be_mistaken_are_refused(systems: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        evaluate(DATA, systems)


def test_an_evaluation_is_shown_and_written_in_all_forms(tmp_path: Path) -> None:
    found = evaluate(DATA, {"words": ("bm25@3", Words())})
    assert "words" in str(found)
    assert "bm25" in str(found)
    written = {"html": found.to_html, "markdown": found.to_markdown, "latex": found.to_latex, "csv": found.to_csv}
    for name, write in written.items():
        path = tmp_path / name
        assert write(path) == path.read_text("utf-8")
        assert write() == write(path)
        assert "words" in write()
    assert found._repr_html_().startswith('<iframe title="evaluation"')
    assert "&lt;script" in found._repr_html_()
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    assert isinstance(found.to_pandas(), pandas.DataFrame)
