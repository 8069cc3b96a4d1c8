"""`rerank-kit plan` passes on what it is told, and what is wrong is one line and an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rerank_kit.cli import main, timing
from rerank_kit.cli.timing import Rate, evenly, timed
from rerank_kit.pricing import plan
from tests.cli.commands import BY_LENGTH, notes

CAPTURE = pytest.CaptureFixture[str]


def test_options_are_the_arguments_of_plan(capsys: CAPTURE) -> None:
    given = ["--queries", "20000", "--candidates", "30", "--tokens-per-document", "200", "--query-tokens", "9"]
    given += ["--language", "zh", "--latency", "9", "--vendor", "Cohere", "--peak", "3", "--hardware", "box"]
    given += ["--machine-price", "60", "--cores", "8", "--pairs-per-second", "onnx:./mine=5.5", "--judge", "a"]
    given += ["--judged", "4", "--decision", "b", "--decided", "6", "--contextual", "c", "--corpus-tokens", "7"]
    given += ["--document-tokens", "8", "--changed", "0.5"]
    assert main(["plan", *given, "--json"]) == 0
    made = plan(
        20_000,
        candidates=30,
        tokens_per_document=200,
        query_tokens=9,
        language="zh",
        latency=9.0,
        vendor="Cohere",
        peak=3.0,
        hardware="box",
        machine_price=60.0,
        cores=8,
        pairs_per_second={"onnx:./mine": 5.5},
        judge="a",
        judged=4,
        decision="b",
        decided=6,
        contextual="c",
        corpus_tokens=7,
        document_tokens=8,
        changed=0.5,
    )
    assert json.loads(capsys.readouterr().out) == json.loads(made.to_json())


def test_it_is_told_as_text_markdown_and_a_page(capsys: CAPTURE, tmp_path: Path) -> None:
    given = ["plan", "--queries", "1000", "--data-must-stay"]
    made = plan(1_000, data_must_stay=True)
    assert main(given) == 0
    assert capsys.readouterr().out == f"{made}\n"
    page = tmp_path / "plan.html"
    assert main([*given, "--markdown", "--html", str(page)]) == 0
    captured = capsys.readouterr()
    assert captured.out == made.to_markdown()
    assert captured.err == f"rerank-kit: wrote {page}, which any browser shows\n"
    assert page.read_text("utf-8") == made.to_html()


def test_the_break_even_of_two_is_one_line(capsys: CAPTURE) -> None:
    given = ["plan", "--queries", "1000", "--machine-price", "60", "--break-even"]
    assert main([*given, "cohere:rerank-v4.0-fast", "onnx:embedded"]) == 0
    told = "onnx:embedded pays from about 30,000 queries a month in place of cohere:rerank-v4.0-fast"
    assert capsys.readouterr().out.startswith(told)
    assert main([*given, "endpoint:mxbai-rerank-large-v2", "onnx:embedded"]) == 0
    why = "costs is not known: add a row for 'mxbai-rerank-large-v2' to the prices"
    name = "endpoint:mxbai-rerank-large-v2"
    assert capsys.readouterr().out == f"? {name}: what {name} {why}\n"
    assert main(["plan", "--queries", "1000", "--break-even", "cohere:rerank-v4.0-fast", "onnx:embedded"]) == 0
    assert capsys.readouterr().out == (
        "? onnx:embedded: a machine's price is not known: say it (--machine-price, or machine_price in Python)\n"
    )
    assert main([*given, "cohere:rerank-v4.0-fast", "onnx:nonsense"]) == 1
    told = capsys.readouterr().err
    assert "Its table has all, and a model of your own whose speed is told with --pairs-per-second" in told
    assert "did you mean" not in told
    assert main([*given, "cohere:rerank-4", "onnx:embedded"]) == 1
    assert "did you mean 'cohere:rerank-v" in capsys.readouterr().err


def test_prices_of_ones_own_go_before_ours(capsys: CAPTURE, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[[price]]\nmodel = "rerank-3"\nunit = "tokens"\nprice = 1.0\nper = 1\n', "utf-8")
    assert main(["plan", "--queries", "1", "--prices", str(file), "--json"]) == 0
    rows = {each["backend"]: each for each in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["voyage:rerank-3"]["dollars"] == 16_000
    assert rows["voyage:rerank-2.5"]["dollars"] is not None
    assert main(["plan", "--queries", "1", "--prices", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["plan"], 2, "--queries"),
        (["plan", "--queries", "-5"], 2, "--queries must be a whole number of at least 1, not -5"),
        (["plan", "--queries", "0", "--measure", "no-such-folder"], 2, "--queries must be a whole number"),
        (["plan", "--queries", "many"], 2, "--queries"),
        (["plan", "--queries", "1", "--tokens-per-document", "0"], 2, "--tokens-per-document must be a whole number"),
        (["plan", "--queries", "1", "--candidates", "0"], 2, "--candidates"),
        (["plan", "--queries", "1", "--json", "--markdown"], 2, "exclude each other"),
        (["plan", "--queries", "1", "--json", "--break-even", "a", "b"], 2, "--json and --break-even exclude"),
        (["plan", "--queries", "1", "--pairs-per-second", "fast"], 2, "write onnx:embedded=400"),
        (["plan", "--queries", "1", "--reranker", "onnx:embedded"], 2, "add --measure DIR"),
        (["plan", "--queries", "1", "--html", "no/such/folder.html"], 2, "make the folder"),
        (["plan", "--queries", "1", "--machine-price", "-60"], 2, "--machine-price must be US dollars a month"),
        (["plan", "--queries", "1", "--latency", "0"], 2, "--latency must be a number of seconds above 0"),
        (["plan", "--queries", "1", "--peak", "0.1"], 2, "--peak must be at least 1"),
        (["plan", "--queries", "1", "--language", "German"], 2, "--language must be a code"),
        (["plan", "--queries", "1", "--changed", "2"], 2, "--changed must be between 0 and 1"),
        (["plan", "--queries", "1", "--pairs-per-second", "onnx:embedded=0"], 2, "--pairs-per-second of onnx:embedded"),
        (["plan", "--queries", "1", "--contextual", "claude-haiku-5-5"], 2, "--corpus-tokens is missing"),
        (["plan", "--queries", "1", "--data-must-stay", "--judge", "claude-haiku-5-5"], 2, "--data-must-stay"),
        (["plan", "--queries", "1", "--measure", "no-such-folder"], 1, "no-such-folder"),
    ],
)
def test_what_is_wrong_is_told_as_an_option(capsys: CAPTURE, arguments: list[str], code: int, told: str) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err


def test_local_rerankers_are_timed_on_ones_own_documents(capsys: CAPTURE, tmp_path: Path) -> None:
    folder = str(notes(tmp_path))
    assert main(["plan", "--queries", "1000", "--measure", folder, "--reranker", BY_LENGTH, "--json"]) == 0
    captured = capsys.readouterr()
    assert f"rerank-kit: timing {BY_LENGTH} on {folder}" in captured.err
    told = json.loads(captured.out)
    rows = {each["backend"]: each for each in told["rows"]}
    assert rows[BY_LENGTH]["seconds"] > 0
    assert rows[BY_LENGTH]["latency_source"].startswith("measured here, ")
    assert "pairs a second, the median of " in rows[BY_LENGTH]["latency_source"]
    assert rows["onnx:embedded"]["seconds"] > 0
    assert any(each.startswith("these speeds are of another machine, ") for each in told["notes"])
    assert any(each.startswith("a machine of yours is the one whose speeds were given") for each in told["notes"])
    named = ["--hardware", "box", "--measure", folder, "--reranker", BY_LENGTH, "--json"]
    assert main(["plan", "--queries", "1000", *named]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {each["backend"]: each for each in told["rows"]}
    assert rows[BY_LENGTH]["seconds"] > 0
    assert rows["onnx:embedded"]["seconds"] is None  # it was not measured on that machine
    assert not any("another machine" in each for each in told["notes"])
    assert told["workload"]["tokens_per_document"] < 30  # they are short


def test_the_model_that_comes_along_is_timed_by_default_and_advised_since_nothing_else_is_known(
    capsys: CAPTURE, tmp_path: Path
) -> None:
    given = ["plan", "--queries", "1000", "--data-must-stay", "--measure", str(notes(tmp_path))]
    assert main([*given, "--hardware", "box", "--tokens-per-document", "300", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recommended"] == "onnx:embedded"
    assert told["workload"]["tokens_per_document"] == 300


def test_speeds_are_of_the_pairs_that_were_timed(tmp_path: Path) -> None:
    found = timed(str(notes(tmp_path)), [BY_LENGTH], 50, "utf-8")
    (speed,) = found.speeds(25)
    assert (speed.backend, speed.tokens) == (BY_LENGTH, 25)
    rate = found.rates[BY_LENGTH]
    assert speed.pairs_per_second == rate.median
    assert 0 < rate.slowest <= rate.median <= rate.fastest
    assert rate.times == 15
    assert str(rate) in speed.source
    assert len(found.lengths) == 3
    assert found.mean == round(sum(found.lengths) / 3)


@pytest.mark.parametrize(("fastest", "warned"), [(149.0, False), (160.0, True)])
def test_that_a_measurement_is_not_steady_is_told(
    capsys: CAPTURE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fastest: float, warned: bool
) -> None:
    monkeypatch.setattr(timing, "_rate", lambda *_: Rate(120.0, 100.0, fastest, 9))
    assert main(["plan", "--queries", "1000", "--measure", str(notes(tmp_path)), "--reranker", BY_LENGTH]) == 0
    told = f"{BY_LENGTH} scored 120 pairs a second, the median of 9 from 100 to 160 on the same documents"
    assert (told in capsys.readouterr().err) == warned


def test_a_slow_reranker_is_timed_five_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    assert timed(str(notes(tmp_path)), [BY_LENGTH], 50, "utf-8").rates[BY_LENGTH].times == 5


def test_several_vendors_are_several_options(capsys: CAPTURE) -> None:
    assert main(["plan", "--queries", "1000", "--vendor", "Cohere", "--vendor", "Voyage", "--json"]) == 0
    made = plan(1_000, vendor=["Cohere", "Voyage"])
    assert json.loads(capsys.readouterr().out) == json.loads(made.to_json())


def test_some_are_taken_evenly() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly("abc", 9) == ["a", "b", "c"]
