"""Labels that are quotations: the documents that hold them, whatever the chunks are."""

from __future__ import annotations

import random

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.labels import Held, Passages, quote_of, resolved
from tests.test_linear import NASTY, check_linear

QUOTE = "The yearly allowance for people over sixty is 4,000 crowns, to be claimed before the last day of March."
BEFORE, AFTER = "Taxes are due in spring.", "Late claims are looked at one by one."
WHOLE = f"{BEFORE} {QUOTE} {AFTER}"


def test_a_document_that_holds_the_quote_is_relevant() -> None:
    documents = {"tax": WHOLE, "other": f"{BEFORE} {AFTER}", "empty": ""}
    assert resolved([QUOTE], documents) == {"tax": 1}
    assert Passages(documents).holding(QUOTE) == Held(("tax",), exact=True)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("the “best”  people’s choice", 'It was The "Best"\n\n people\'s   CHOICE indeed.'),
        ("a cost of 5 euros — at least", "A **cost** of `5` euros - at\tleast."),
        ("ﬁnal ﬂight in Straße", "The final flight in STRASSE"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "It is full width."),
        ("防守丢了多少分", "黑豹队的防守丢了多少分？"),
        ("สวัสดีครับ", "เขาพูดว่าสวัสดีครับทุกคน"),
    ],
)
def test_case_space_markup_and_typography_do_not_count(quote: str, text: str) -> None:
    assert resolved([quote], {"there": text, "elsewhere": "Nothing of it."}) == {"there": 1}


def test_words_are_whole() -> None:
    assert resolved(["cat"], {"no": "concatenate the catalogue", "yes": "A cat."}) == {"yes": 1}


def test_a_quote_over_the_boundary_of_two_chunks_counts_both() -> None:
    words = WHOLE.split()
    for at in range(11, 18):  # the quote's words are those from 5 to 23; "4,000" is two
        chunks = {"first": " ".join(words[:at]), "second": " ".join(words[at:])}
        assert resolved([QUOTE], chunks) == {"first": 1, "second": 1}, at


def test_a_sliver_at_the_edge_does_not_count() -> None:
    words = WHOLE.split()
    chunks = {"first": " ".join(words[:8]), "second": " ".join(words[8:])}
    assert resolved([QUOTE], chunks) == {"second": 1}


def test_chunks_that_overlap_and_chunks_inside_a_long_quote_count() -> None:
    words = [f"word{number}" for number in range(200)]
    text = " ".join(["before", *words, "after"])
    chunks = {f"chunk{at}": " ".join(text.split()[at : at + 20]) for at in range(0, 200, 10)}
    assert resolved([" ".join(words)], {**chunks, "heading": "word1 word2"}) == dict.fromkeys(chunks, 1)


def test_a_short_quote_has_to_be_whole() -> None:
    documents = {"half": "It is in the north of the country.", "whole": "In the north of France, mostly."}
    assert resolved(["in the north of France"], documents) == {"whole": 1}
    assert resolved(["in the south of Italy"], documents) == {}


def test_a_text_that_differs_in_one_word_is_another_one() -> None:
    years = {f"{year}": f"The limit for all employees in the year {year} is 500 crowns." for year in range(2020, 2026)}
    assert resolved([years["2023"]], years) == {"2023": 1}
    longer = {year: f"{BEFORE} {text} {AFTER}" for year, text in years.items()}
    assert resolved([years["2023"]], longer) == {"2023": 1}


def test_every_document_with_the_same_text_is_relevant() -> None:
    assert resolved([QUOTE], {"old": WHOLE, "copy": f"# A copy\n{QUOTE}", "new": WHOLE.upper()}) == {
        "old": 1,
        "copy": 1,
        "new": 1,
    }


def test_a_quote_that_was_not_copied_word_by_word_is_found_by_half_of_it() -> None:
    wrong = QUOTE.replace("claimed before", "asked for until")
    documents = {
        "tax": WHOLE,
        "other": "The yearly allowance for dogs is 4,000 crowns.",
        "last": "on the last day of March",
    }
    assert Passages(documents).holding(wrong) == Held(("tax",), exact=False)
    assert Passages(documents).holding(QUOTE.replace("people over sixty is", "anybody")) == Held(("tax",), exact=False)
    assert Passages(documents).holding("Nothing that anybody ever said in any of these texts.") == Held()


def test_what_one_document_is_does_not_depend_on_the_others() -> None:
    words = WHOLE.split()
    halves = {"first": " ".join(words[:14]), "second": " ".join(words[14:])}
    assert resolved([QUOTE], {**halves, "whole": WHOLE}) == {"first": 1, "second": 1, "whole": 1}


def test_several_quotes_and_none() -> None:
    documents = {"a": "Bread and butter.", "b": "Milk and honey."}
    assert resolved(["bread and butter", "milk and honey"], documents) == {"a": 1, "b": 1}
    assert resolved([], documents) == {}
    assert resolved(["…", ""], documents) == {}
    assert resolved(["bread"], {}) == {}


def test_halves_are_found_as_a_slow_search_finds_them() -> None:
    draw = random.Random(4)
    for _ in range(300):
        quote, text = (draw.choices("abc", k=draw.randint(*size)) for size in ((8, 14), (0, 25)))
        half = -(-len(quote) // 2)
        pieces = {tuple(quote[at : at + half]) for at in range(len(quote) - half + 1)}
        held = Passages({"it": " ".join(text)}).holding(" ".join(quote))
        slow = any(tuple(text[at : at + half]) in pieces for at in range(len(text) - half + 1))
        assert held.exact or bool(held.documents) == slow, (quote, text)


def test_pieces_at_edges_are_found_as_a_slow_search_finds_them() -> None:
    draw = random.Random(5)
    seen = set[bool]()
    for _ in range(500):
        quote, text = (draw.choices("ab", k=draw.randint(*size)) for size in ((8, 40), (5, 50)))
        least = max(5, min(-(-len(quote) // 4), -(-len(text) // 2)))
        cut = any(
            quote[-size:] == text[:size] or text[-size:] == quote[:size]
            for size in range(least, min(len(quote), len(text)) + 1)
        )
        inside = f" {' '.join(text)} " in f" {' '.join(quote)} "
        whole = f" {' '.join(quote)} " in f" {' '.join(text)} "
        assert Passages({"it": " ".join(text)}).holding(" ".join(quote)).exact == (cut or inside or whole)
        seen.add(cut)
    assert seen == {True, False}


def test_a_range_of_characters_is_a_quote() -> None:
    at = WHOLE.index("yearly")
    place = {"document": "tax", "start": at, "end": at + len("yearly allowance for people over sixty is 4,000 crow")}
    assert quote_of(place, {"tax": WHOLE}) == "yearly allowance for people over sixty is 4,000 crowns"


@pytest.mark.parametrize(
    ("part", "quote"),
    [
        ("sixty", "for people over sixty is 4,000 crowns"),
        ("Taxes", "Taxes are due in spring. The yearly allowance"),
        ("one.", "Late claims are looked at one by one."),
    ],
)
def test_a_few_characters_are_told_apart_by_the_words_around_them(part: str, quote: str) -> None:
    at = WHOLE.rindex(part)
    assert quote_of({"document": "tax", "start": at, "end": at + len(part)}, {"tax": WHOLE}) == quote


def test_ranges_in_short_and_odd_texts() -> None:
    assert quote_of({"document": "x", "start": 2, "end": 3}, {"x": "a b c"}) == "a b c"
    assert quote_of({"document": "x", "start": 0, "end": 2}, {"x": "…!"}) == "…!"
    assert quote_of({"document": "x", "start": 3, "end": 5}, {"x": "黑豹队的防守丢了多少分？"}) == "黑豹队的防守丢了"
    long = f"{'x' * 600} here {'y' * 600}"
    assert quote_of({"document": "x", "start": 601, "end": 605}, {"x": long}) == "here"
    assert quote_of({"document": "x", "start": 602, "end": 603}, {"x": long}) == "here"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"document": "x", "start": 0}, "a range must be"),
        ("0-5", "a range must be"),
        ({"document": "y", "start": 0, "end": 1}, "'y', which is not in the corpus"),
        ({"document": "x", "start": 0, "end": 4}, "has 3 characters"),
        ({"document": "x", "start": -1, "end": 2}, "range from -1 to 2"),
        ({"document": "x", "start": 2, "end": 2}, "range from 2 to 2"),
        ({"document": "x", "start": True, "end": 2}, "range from True"),
        ({"document": "x", "start": 0, "end": 1.5}, "to 1.5"),
    ],
)
def test_what_is_no_range_is_refused(place: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        quote_of(place, {"x": "abc"})


@pytest.mark.parametrize("unit", NASTY.values(), ids=list(NASTY))
def test_quotes_are_looked_up_in_time_by_their_length(unit: str) -> None:
    def looked_up(text: str) -> None:
        half = len(text) // 2
        resolved([text[:half], f"{text[:half]} x {text[half:]}"], {"same": text, "longer": f"x {text} y"})

    check_linear(looked_up, unit, 100_000)
