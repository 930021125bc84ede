"""Which language a person is shown: Accept-Language and lookup (RFC 9110 12.5.4, RFC 4647 3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.protocol.languages import UI_LOCALES, accepted, lookup


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("", ()),
        ("de", ("de",)),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ("fr-CH", "fr", "en", "de", "*")),
        ("en;q=0.1,ja", ("ja", "en")),
        ("en ; q=0.5 , de", ("de", "en")),
        ("de;q=0, en;q=0.000", ()),
        ("de;Q=0.5", ("de",)),
        ("de;q=1.5, en;q=-1, fr;q=, ja;q=0.1234, es", ("es",)),
        ("de;q=0.5;x=y, es", ("es",)),
        (";q=0.5,,  ,de", ("de",)),
        ("de;, es", ("es",)),
    ],
)
def test_a_header_is_read_by_its_weights(header: str, ranges: tuple[str, ...]) -> None:
    assert accepted(header) == ranges


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        (["de"], "de"),
        (["DE-at"], "de"),
        (["de_AT"], "de"),
        (["zh-Hant-TW", "ja-JP"], "ja"),
        (["ja-x-private"], "ja"),
        (["fr-CA", "de"], "fr"),
        (["it", "pt-BR"], None),
        (["*"], None),
        (["deu", "d", "-", "", "de-"], "de"),
        ([], None),
    ],
)
def test_the_first_range_that_any_language_fits_decides(ranges: list[str], found: str | None) -> None:
    assert lookup(ranges) == found


def test_a_longer_tag_is_found_before_a_shorter_one() -> None:
    assert lookup(["zh-Hant-CN-x-a"], ("zh", "zh-hant")) == "zh-hant"
    assert lookup(["zh-a-b-c"], ("zh-a",)) is None


def test_what_is_endless_is_cut() -> None:
    assert lookup(["x"] * 1000 + ["de"]) is None
    assert lookup(["-".join("a" * 60_000)]) is None
    assert accepted("x," * 1000 + "de") == ("x",) * 20


@given(st.text(max_size=200))
def test_any_header_is_read(header: str) -> None:
    assert lookup(accepted(header)) in {None, *UI_LOCALES}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_ranges_are_read(ranges: list[str]) -> None:
    assert lookup(ranges) in {None, *UI_LOCALES}


@given(st.lists(st.tuples(st.sampled_from(["de", "fr", "ja"]), st.integers(1, 1000)), min_size=1, max_size=3))
def test_the_heaviest_is_first(weighed: list[tuple[str, int]]) -> None:
    header = ", ".join(f"{language};q={weight / 1000:.3f}" for language, weight in weighed)
    best = max(weight for _, weight in weighed)
    assert accepted(header)[0] == next(language for language, weight in weighed if weight == best)
