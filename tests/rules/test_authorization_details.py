"""Rich authorization requests: what is read, which entries fit their type, what a token may narrow, what people see.

RFC 9396.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushgate.errors import InvalidAuthorizationDetails, OAuthError
from pushgate.model import AuthorizationDetailsType, Resource
from pushgate.protocol.authorization_details import (
    check_details,
    check_narrowed,
    covered,
    for_audience,
    parse_authorization_details,
    requested_details,
    resources_of,
)
from pushgate.protocol.details_schema import schema_problem
from pushgate.protocol.details_words import Row, in_words
from pushgate.protocol.params import Params
from pushgate.protocol.pattern_cost import BadPattern, ecma
from tests.support.strategies import anything, is_refusal, json_values, thoroughly

API = "https://api.example"
KNOWN = (Resource(identifier=API), Resource(identifier="https://other.example"), Resource(identifier=API + "/"))
SCRIPT = "<script>alert('x')</script>'; DROP TABLE grants; --"
PAYMENT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["amount", "creditor"],
    "properties": {
        "amount": {"title": "Amount", "$ref": "#/$defs/money"},
        "creditor": {"type": "string", "title": "Paid to"},
        "due": {"type": "string", "format": "date"},
        "actions": {"items": {"enum": ["initiate", "status", "cancel"]}},
    },
    "$defs": {
        "money": {
            "type": "object",
            "required": ["currency", "value"],
            "properties": {
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
                "value": {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,2})?$"},
            },
        }
    },
}
TYPES = (
    AuthorizationDetailsType(type="payment", title="A payment", schema=PAYMENT),
    AuthorizationDetailsType(type="account"),
    AuthorizationDetailsType(type="open", schema={"additionalProperties": True}),
)
ENTRY: dict[str, Any] = {
    "type": "payment",
    "amount": {"currency": "EUR", "value": "123.50"},
    "creditor": "Merchant A",
    "actions": ["initiate", "status"],
    "locations": [API],
}


def entry(**changes: Any) -> dict[str, Any]:
    """The payment with some members changed; None takes one away."""
    return {name: value for name, value in (ENTRY | changes).items() if value is not None}


def refused(problem: pytest.ExceptionInfo[OAuthError], refusal: str) -> None:
    """This refusal, with the one code that RFC 9396 has."""
    error = problem.value
    assert (error.refusal.id, error.code, error.status) == (refusal, "invalid_authorization_details", 400)


def unread(text: str, refusal: str) -> None:
    """The text is refused when it is read."""
    with pytest.raises(InvalidAuthorizationDetails) as problem:
        parse_authorization_details(text)
    refused(problem, refusal)


def unfit(found: dict[str, Any], refusal: str = "details.invalid", allowed: frozenset[str] | None = None) -> None:
    """The entry is refused by its type, whose log line has nothing of the entry."""
    with pytest.raises(InvalidAuthorizationDetails) as problem:
        check_details((found,), TYPES, allowed)
    refused(problem, refusal)
    assert "<" not in problem.value.detail


def fits(found: dict[str, Any], *types: AuthorizationDetailsType) -> bool:
    """Whether an entry passes its type."""
    try:
        check_details((found,), types or TYPES, None)
    except InvalidAuthorizationDetails:
        return False
    return True


# --- Reading -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAR-2-1", "RAR-2-2")
def test_an_array_of_objects_with_types_is_read_as_it_is() -> None:
    several = [ENTRY, entry(creditor="Merchant B"), {"type": "account", "n": [1, -2.5, True, None, 2**53 - 1]}]
    assert parse_authorization_details(json.dumps(several, indent=1)) == tuple(several)


@pytest.mark.requirement("RAR-2-1")
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "null", "1", '"a"', "{}", '{"type":"a"}', "[]", "[1]", "[[]]", "[null]", '["type"]', "[{}]",
        '[{"type":1}]', '[{"type":null}]', '[{"type":["a"]}]', '[{"Type":"a"}]', '[{"type":"a"},{}]', '[{"type":"a"}',
        '[{"type":"a"}]x', '[{"type":"a",}]', "[{'type':'a'}]", '[{"type":"a","type":"b"}]',
        '[{"type":"a","o":{"x":1,"x":1}}]', '[{"type":"a","n":NaN}]', '[{"type":"a","n":-Infinity}]',
        '[{"type":"a","n":1e999}]', '[{"type":"a","n":9007199254740992}]', '[{"type":"a","n":-%s}]' % ("9" * 5000),
        '[{"type":"a","s":"\\ud800"}]', '[{"type":"a","\\udfff":1}]', '[{"type":"a\nb"}]', '\ufeff[{"type":"a"}]',
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    unread(text, "details.malformed")


LARGE = {
    "bytes": f'[{{"type":"{"a" * 17_000}"}}]',
    "bytes of long characters": json.dumps([{"type": "a", "s": ["é" * 900] * 10}], ensure_ascii=False),
    "entries": json.dumps([{"type": "a"}] * 51),
    "members": json.dumps([{"type": "a", "n": list(range(101))}]),
    "text": json.dumps([{"type": "a", "s": "x" * 1001}]),
    "name": json.dumps([{"type": "a", "x" * 101: 1}]),
    "depth": '[{"type":"a","d":' + "[" * 9 + "]" * 9 + "}]",
    "bottomless": "[" * 16_000,
}


@pytest.mark.requirement("RAR-2-1")
@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_refused(text: str) -> None:
    unread(text, "details.too_large")


def test_what_is_as_large_as_may_be_is_read() -> None:
    assert len(parse_authorization_details(json.dumps([{"type": "a"}] * 50))) == 50
    deep = '[{"type":"a","d":' + "[" * 8 + "]" * 8 + "}]"
    wide = json.dumps([{"type": "a", "x" * 100: "x" * 1000, "n": list(range(100))}])
    assert parse_authorization_details(deep)
    assert parse_authorization_details(wide)


@pytest.mark.requirement("RAR-2-1")
@thoroughly
@example("[" * 20_000)
@example('[{"type":' + "9" * 10_000)
@given(st.text() | json_values.map(json.dumps) | st.lists(json_values).map(json.dumps) | st.text('[]{}",:\\u0tyep1e'))
def test_any_text_is_details_or_refused(text: str) -> None:
    try:
        found = parse_authorization_details(text)
    except OAuthError as problem:
        is_refusal(problem, "invalid_authorization_details")
    else:
        assert found
        assert all(isinstance(one["type"], str) for one in found)
        assert parse_authorization_details(json.dumps(found)) == found


# --- Types and their schemas ---------------------------------------------------------------------------------


@pytest.mark.requirement("RAR-5-1")
@pytest.mark.parametrize("name", ["unknown", "", "Payment", "payment ", "pаyment", "payment\u200b", SCRIPT])
def test_an_unknown_type_is_refused(name: str) -> None:
    unfit(entry(type=name), "details.type_unknown")


@pytest.mark.requirement("RAR-10-1", "RAR-5-1")
def test_a_type_of_another_client_is_refused() -> None:
    unfit(ENTRY, "details.type_not_allowed", frozenset({"account"}))
    unfit(ENTRY, "details.type_not_allowed", frozenset())
    check_details((ENTRY,), TYPES, frozenset({"payment"}))
    # A type the client has and the realm no longer knows is unknown.
    unfit({"type": "gone"}, "details.type_unknown", frozenset({"gone"}))


FITTING: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without optional members": {"actions": None, "locations": None},
    "with what RFC 9396 defines": {"datatypes": ["a"], "privileges": [], "identifier": "account-1"},
    "with a date": {"due": "2026-02-28"},
    "with script and SQL as data": {"creditor": SCRIPT},
    "with a thousand characters": {"creditor": "x" * 1000},
}


@pytest.mark.parametrize("changes", FITTING.values(), ids=FITTING)
def test_an_entry_that_fits_its_type(changes: dict[str, Any]) -> None:
    assert fits(entry(**changes))


UNFIT: dict[str, dict[str, Any]] = {
    "unknown field": {"more": 1},
    "unknown field, almost known": {"Amount": ENTRY["amount"]},
    "unknown field, marked up": {SCRIPT: 1},
    "unknown field deep inside": {"amount": {"currency": "EUR", "value": "1", "fee": "2"}},
    "wrong type": {"creditor": 1},
    "wrong type deep inside": {"amount": {"currency": "EUR", "value": 123.5}},
    "invalid value": {"amount": {"currency": "euro", "value": "1"}},
    "a line break after a valid value": {"amount": {"currency": "EUR\n", "value": "1"}},
    "digits of another script": {"amount": {"currency": "EUR", "value": "١٢"}},
    "invalid date": {"due": "2026-02-30"},
    "action that the type does not have": {"actions": ["initiate", "delete"]},
    "missing field": {"creditor": None},
    "missing field deep inside": {"amount": {"currency": "EUR"}},
    "locations as string": {"locations": API},
    "locations of numbers": {"locations": [1]},
    "actions as object": {"actions": {}},
    "privileges with null": {"privileges": ["a", None]},
    "datatypes true": {"datatypes": True},
    "identifier as array": {"identifier": ["a"]},
}


@pytest.mark.requirement("RAR-5-2")
@pytest.mark.parametrize("changes", UNFIT.values(), ids=UNFIT)
def test_an_entry_that_does_not_fit_its_type(changes: dict[str, Any]) -> None:
    unfit(entry(**changes))
    with pytest.raises(InvalidAuthorizationDetails):
        check_details((ENTRY, entry(**changes)), TYPES, None)


@pytest.mark.requirement("RAR-5-2")
def test_a_type_without_schema_has_the_members_of_the_rfc_alone() -> None:
    assert fits({"type": "account", "actions": ["read"], "identifier": "1"})
    unfit({"type": "account", "iban": "DE02"})
    unfit({"type": "open", "locations": 1})
    assert fits({"type": "open", "anything": {"at": ["all"]}})


def test_members_named_by_parts_of_a_schema_are_known() -> None:
    either = {
        "allOf": [{"properties": {"a": {"type": "integer"}}}],
        "anyOf": [{"required": ["b"], "properties": {"b": True}}, {"required": ["c"], "properties": {"c": True}}],
        "properties": {"list": {"items": {"properties": {"x": {"type": "string"}}}}, "privileges": False},
    }
    kind = AuthorizationDetailsType(type="t", schema=either)
    assert schema_problem(either) is None
    assert fits({"type": "t", "a": 1, "b": {"free": 1}, "list": [{"x": ""}]}, kind)
    for wrong in ({}, {"b": 1, "d": 1}, {"b": 1, "list": [{"y": 1}]}, {"b": 1, "privileges": []}, {"a": "1", "b": 1}):
        assert not fits({"type": "t"} | wrong, kind)


@anything
@given(st.dictionaries(st.sampled_from([*ENTRY, "due", "x"]), json_values | st.sampled_from([*ENTRY.values()])))
def test_any_entry_fits_or_is_refused(members: dict[str, Any]) -> None:
    for name in ("payment", "account", "open"):
        try:
            check_details(({**members, "type": name},), TYPES, None)
        except OAuthError as problem:
            is_refusal(problem, "invalid_authorization_details")


# --- Schemas that may be saved ---------------------------------------------------------------------------------


def deep(levels: int, keyword: str) -> dict[str, Any]:
    """A schema within a schema within ..."""
    found: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        found = {keyword: [found]} if keyword == "allOf" else {keyword: {"a": found}}
    return found


def chain(levels: int, width: int) -> dict[str, Any]:
    """Definitions that each refer to the next, several times."""
    defs: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * width} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": defs | {f"d{levels}": {}}}


BAD_SCHEMAS: list[tuple[str, Any]] = [
    ("is not an object", []),
    ("is not JSON", {"const": object()}),
    ("is longer than", {"title": "x" * 40_000}),
    ("is nested too deeply", deep(40, "allOf")),
    ("is not valid at $.type", {"type": "thing"}),
    ("is not valid at $.properties", {"properties": []}),
    ("is not about objects", {"type": "array"}),
    ("has a $ref that is not", {"properties": {"a": {"$ref": "https://evil.example/schema"}}}),
    ("has a $ref that is not", {"properties": {"a": {"$ref": "file:///etc/passwd"}}}),
    ("has a $ref that is not", {"$ref": "#"}),
    ("has a $ref that is not", {"$ref": "https://json-schema.org/draft/2020-12/schema"}),
    ("has a $ref that is not", {"properties": {"default": {"$ref": "other.json"}}}),
    ("has a $ref that leads back", {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}),
    ("has a $ref that leads nowhere", {"$ref": "#/$defs/a"}),
    ("is too large with", chain(12, 3)),
    ("is too large with its", chain(100, 1)),
    ("has $id", {"$id": "https://api.example/schema"}),
    ("has $anchor", {"$defs": {"a": {"$anchor": "a"}}}),
    ("has $dynamicRef", {"$dynamicRef": "#a"}),
    ("is not of JSON Schema draft", {"$schema": "http://json-schema.org/draft-07/schema#"}),
    ("has a format other than", {"properties": {"a": {"format": "uri"}}}),
    ("has a pattern that could", {"properties": {"a": {"pattern": "^(a+)+$"}}}),
    ("has a pattern that could take", {"patternProperties": {"(x|x)*y": True}}),
    ("has a pattern that is not", {"properties": {"a": {"pattern": "("}}}),
]


@pytest.mark.parametrize(("said", "schema"), BAD_SCHEMAS)
def test_a_schema_that_cannot_be_saved(said: str, schema: Any) -> None:
    assert (schema_problem(schema) or "").startswith(said)


@pytest.mark.parametrize("schema", [PAYMENT, {}, deep(14, "allOf"), deep(14, "properties"), chain(10, 1)])
def test_a_schema_that_can_be_saved_and_used(schema: dict[str, Any]) -> None:
    before = deepcopy(schema)
    assert schema_problem(schema) is None
    assert isinstance(fits(ENTRY, AuthorizationDetailsType(type="payment", schema=schema)), bool)
    assert schema == before


@anything
@given(st.dictionaries(st.sampled_from(["type", "properties", "$ref", "allOf", "pattern", "enum"]), json_values))
def test_any_schema_is_usable_or_has_a_problem(schema: dict[str, Any]) -> None:
    if schema_problem(schema) is None:
        assert isinstance(fits(ENTRY, AuthorizationDetailsType(type="payment", schema=schema)), bool)


SLOW = ["(a+)+$", "(a|a)*b", "(a|ab)+$", "(.*)*x", ".*.*x", "^a*a*a*$", "^(a?){40}b", "^([a-z]+-)*$", "(a{0,9}){9}"]
FAST = ["^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$", r"^\d{1,3}(\.\d{1,3}){3}$", "^https://[a-z.]+/.*$", "^(?:EUR|USD)$", "a*"]
STRANGE = [
    "[",
    "(",
    ")",
    "a)",
    "a\\",
    "*",
    "a**",
    "(?i)a",
    "(?P<a>b)",
    "a{,9}",
    "{",
    r"\p{L}",
    "(" * 40,
    "a" * 501,
    "[[a]",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="could take too long"):
        ecma(pattern)


@pytest.mark.parametrize("pattern", STRANGE)
def test_a_pattern_that_is_none_here_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match=r"^(is|has) "):
        ecma(pattern)


@pytest.mark.parametrize("pattern", FAST)
def test_an_ordinary_pattern_is_taken_and_answers(pattern: str) -> None:
    assert ecma(pattern).search("a" * 1000) is None or pattern == "a*"


def test_a_dollar_is_the_end_unless_it_is_a_character() -> None:
    assert ecma("^a$").search("a")
    assert not ecma("^a$").search("a\n")
    assert ecma(r"^[$]\$$").search("$$")


@thoroughly
@given(st.text("ab^$.*+?{}()[]|\\d,19=!:<\n", max_size=12), st.text("ab1$\n", max_size=30))
def test_any_pattern_is_refused_or_means_what_it_says(pattern: str, text: str) -> None:
    try:
        found = ecma(pattern)
    except BadPattern:
        return
    # Where Python and ECMA-262 mean the same, the answer is Python's.
    if "$" not in pattern:
        assert bool(found.search(text)) == bool(re.search(pattern, text, re.ASCII))


# --- What a token may narrow -----------------------------------------------------------------------------------


def narrowed(*wanted: dict[str, Any], granted: tuple[dict[str, Any], ...] = (ENTRY,)) -> tuple[dict[str, Any], ...]:
    """What a token request with these entries gets."""
    return check_narrowed(parse_authorization_details(json.dumps(wanted)), granted)


@pytest.mark.requirement("RAR-6-1")
def test_the_grant_or_a_part_of_it() -> None:
    two = (ENTRY, entry(creditor="Merchant B"))
    assert check_narrowed((), two) == two
    assert check_narrowed((), ()) == ()
    assert narrowed(*two, granted=two) == two
    assert narrowed(two[1], granted=two) == (two[1],)
    assert narrowed(two[1], two[0], granted=two) == (two[1], two[0])
    fewer = entry(actions=["status"])
    assert narrowed(fewer) == (fewer,)
    turned = dict(reversed(entry(amount={"value": "123.50", "currency": "EUR"}).items()))
    assert narrowed(turned) == (turned,)


WIDER: dict[str, dict[str, Any]] = {
    "more actions": {"actions": ["initiate", "status", "cancel"]},
    "other action": {"actions": ["cancel"]},
    "no actions, which may mean all": {"actions": None},
    "empty actions, which may mean all": {"actions": []},
    "action in another case": {"actions": ["Status"]},
    "action that looks alike": {"actions": ["stаtus"]},
    "other location": {"locations": ["https://other.example"]},
    "location below": {"locations": [API + "/accounts"]},
    "location with a slash": {"locations": [API + "/"]},
    "no location": {"locations": None},
    "new member": {"privileges": ["admin"]},
    "other value": {"creditor": "Merchant B"},
    "composed differently": {"creditor": "Me\u0301rchant A"},
    "other amount": {"amount": {"currency": "EUR", "value": "123.5"}},
    "amount as number": {"amount": {"currency": "EUR", "value": 123.5}},
    "deep member more": {"amount": {"currency": "EUR", "value": "123.50", "x": None}},
    "type never granted": {"type": "account"},
    "array as string": {"actions": "status"},
}


@pytest.mark.requirement("RAR-6-1")
@pytest.mark.parametrize("changes", WIDER.values(), ids=WIDER)
def test_more_than_the_grant_is_refused(changes: dict[str, Any]) -> None:
    for wanted in ([entry(**changes)], [ENTRY, entry(**changes)]):
        with pytest.raises(InvalidAuthorizationDetails) as problem:
            narrowed(*wanted)
        refused(problem, "details.exceed")


@pytest.mark.requirement("RAR-6-1")
def test_nothing_granted_nothing_narrowed() -> None:
    with pytest.raises(InvalidAuthorizationDetails) as problem:
        narrowed(ENTRY, granted=())
    refused(problem, "details.exceed")
    with pytest.raises(InvalidAuthorizationDetails) as problem:
        requested_details(Params(authorization_details="[]"))
    refused(problem, "details.malformed")


@pytest.mark.requirement("RAR-6-1")
def test_one_granted_payment_is_not_two() -> None:
    part = entry(actions=["status"])
    assert not covered((ENTRY, ENTRY), (ENTRY,))
    assert not covered((ENTRY, part), (ENTRY,))
    assert covered((ENTRY, ENTRY), (ENTRY, ENTRY))
    # The narrow one fits both, the whole one only the first: whoever comes first must give way.
    assert covered((part, ENTRY), (ENTRY, part))
    assert covered((part, ENTRY), (ENTRY, entry(actions=["status", "cancel"])))


@pytest.mark.requirement("RAR-12-1")
@pytest.mark.parametrize(
    ("wanted", "granted"),
    [(True, 1), (False, 0), (1, 1.0), ("1", 1), (None, False), ([], {}), ("", None), ("é", "e\u0301"), ("A", "Ａ"),
     (SCRIPT, SCRIPT.replace("<", "&lt;")), ("a", "a "), ([1, 2], [2, 1]), ([True], [1]), ({"a": 1}, {"a": True})],
)  # fmt: skip
def test_values_are_compared_without_normalisation(wanted: Any, granted: Any) -> None:
    one, other = {"type": "open", "x": wanted}, {"type": "open", "x": granted}
    assert not covered((one,), (other,))
    assert not covered((other,), (one,))
    assert covered((one,), (deepcopy(one),))
    assert covered((other,), (deepcopy(other),))


@pytest.mark.requirement("RAR-12-1")
def test_script_and_sql_come_back_as_they_went_in() -> None:
    found = entry(creditor=SCRIPT, locations=[SCRIPT])
    (read,) = parse_authorization_details(json.dumps([found]))
    check_details((read,), TYPES, None)
    assert read == found
    assert narrowed(found, granted=(read,)) == (found,)


arrays = st.lists(st.sampled_from("abcd") | st.text(max_size=3), min_size=1, max_size=5)
ordinary = json_values.filter(lambda value: "nan" not in repr(value))
entries = st.builds(
    lambda members, lists: {"type": "open"} | members | lists,
    st.dictionaries(st.text(max_size=5), ordinary, max_size=3).map(lambda d: d | {"type": "open"}),
    st.dictionaries(st.sampled_from(["locations", "actions", "datatypes", "privileges"]), arrays),
)


@pytest.mark.requirement("RAR-6-1")
@thoroughly
@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_a_part_is_covered_and_its_whole_by_it_is_not(granted: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = tuple(granted)
    assert covered(whole, deepcopy(whole))
    assert covered(tuple(reversed(whole)), whole)
    assert covered(whole[1:], whole)
    assert not covered((*whole, whole[0]), whole)
    chosen = data.draw(st.sampled_from(whole))
    for name in {"locations", "actions", "datatypes", "privileges"} & chosen.keys():
        part = chosen | {name: data.draw(st.lists(st.sampled_from(chosen[name]), min_size=1))}
        assert covered((part,), whole)
        assert not covered((chosen | {name: [*chosen[name], "something new"]},), whole)


# --- Tokens for one audience -------------------------------------------------------------------------------------


@pytest.mark.requirement("RAR-9.1-1")
def test_a_token_has_the_entries_of_its_audience() -> None:
    mine, other, both, everywhere, nowhere = (
        {"type": "t", "locations": [API + "/accounts"]},
        {"type": "t", "locations": ["https://other.example"]},
        {"type": "t", "locations": ["https://other.example", API]},
        {"type": "t"},
        {"type": "t", "locations": []},
    )
    unknown = {"type": "t", "locations": ["https://unknown.example"]}
    details = (mine, other, both, everywhere, nowhere, unknown)
    others = (everywhere, nowhere, unknown)
    assert for_audience(details, (API,), KNOWN) == (mine, both, *others)
    assert for_audience(details, (API + "/",), KNOWN) == (mine, *others)
    assert for_audience(details, ("https://other.example",), KNOWN) == (other, both, *others)
    assert for_audience(details, (API, "https://other.example"), KNOWN) == details
    assert for_audience(details, (), KNOWN) == others
    assert resources_of(details, KNOWN[:2]) == (API, "https://other.example")
    assert resources_of(others, KNOWN) == ()


@pytest.mark.requirement("RAR-9.1-1")
@pytest.mark.parametrize(
    "location", [API + ".evil.example", API + "x", API + "@evil", API.upper(), "api.example", API + "?a", API[:-1], ""]
)
def test_a_location_that_only_looks_like_the_audience(location: str) -> None:
    """It is of no other resource either, so nobody is given it by its location."""
    assert resources_of(({"type": "t", "locations": [location]},), (Resource(identifier=API),)) == ()


# --- What people see -----------------------------------------------------------------------------------------------


def test_an_entry_in_words() -> None:
    shown = in_words((entry(due="2026-02-28"), {"type": "unheard_of", "some_member": True}), TYPES)
    assert shown == [
        {
            "title": "A payment",
            "rows": [
                ("Amount", [("currency", "EUR"), ("value", "123.50")]),
                ("Paid to", "Merchant A"),
                ("due", "2026-02-28"),
                ("actions", "initiate, status"),
                ("locations", API),
            ],
        },
        {"title": "unheard_of", "rows": [("some member", "yes")]},
    ]


@pytest.mark.requirement("RAR-12-1")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SCRIPT, SCRIPT), ("", '""'), ([], "[]"), ({}, "()"), (None, "none"), (False, "no"), (0, "0"), (12.5, "12.5"),
        ("line\nbreak\x00", "line\\u000abreak\\u0000"), ("100\u202e000", "100\\u202e000"), ("a\u200bb", "a\\u200bb"),
        ({"name": "Bob, amount: 5"}, [("name", "Bob, amount: 5")]), ({"a, b": 1}, [("a, b", "1")]),
        ({"a": {"b": [1, {}]}, "d_e": "x"}, [("a", [("b", [("1", "1"), ("2", "()")])]), ("d e", "x")]),
        (["a", "b, c", " d", ""], 'a, "b, c", " d", ""'),
        ([{"a": 1}, {"a": 2}, "c"], [("1", [("a", "1")]), ("2", [("a", "2")]), ("3", "c")]),
        ({"a": {"b": {"c": {"d, e": "f: g", "h": [1, {"i": None}]}}}},
         [("a", [("b", [("c", '"d, e": "f: g", h: [1, (i: none)]')])])]),
        ("x" * 500, "x" * 500), ("x" * 501, "x" * 500 + "… (1 more characters)"),
    ],
)  # fmt: skip
def test_a_value_in_words(value: Any, text: str | list[Row]) -> None:
    ((shown),) = in_words(({"type": "open", "x": value},), TYPES)
    assert shown["rows"] == [("x", text)]


def test_nothing_long_hides_what_comes_after_it() -> None:
    ((shown),) = in_words((entry(amount={"currency": "x" * 900, "value": "1000000"}),), TYPES)
    amount = dict(shown["rows"][0][1])
    assert (amount["currency"], amount["value"]) == ("x" * 500 + "… (400 more characters)", "1000000")


@anything
@given(st.lists(entries, max_size=3))
def test_no_member_is_hidden_and_everything_prints(details: list[dict[str, Any]]) -> None:
    shown = in_words(tuple(details), TYPES)
    assert [len(one["rows"]) for one in shown] == [len(one) - 1 for one in details]
    assert all(text.isprintable() for one in shown for text in texts(one["rows"]))


def texts(rows: list[Row]) -> Iterator[str]:
    """All that is written in rows, and in the rows within them."""
    for label, value in rows:
        yield label
        yield from [value] if isinstance(value, str) else texts(value)


@pytest.mark.requirement("RAR-12-1")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bob\ufe0f", "bob\\ufe0f"), ("bo\u034fb", "bo\\u034fb"), ("\u3164", "\\u3164"), ("\U000e0100", "\\ue0100"),
        ("A" + "\u0301" * 6, "A" + "\u0301" * 4 + "\\u0301" * 2), ("Zu\u0308rich", "Zu\u0308rich"),
        ("สวัสดี", "สวัสดี"), ("हिन्दी", "हिन्दी"),
    ],
)  # fmt: skip
def test_what_nobody_could_see_is_spelt_out_and_scripts_are_left_alone(value: str, text: str) -> None:
    ((shown),) = in_words(({"type": "open", "x": value},), ())
    assert shown["rows"] == [("x", text)]
