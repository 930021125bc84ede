"""The rows of requirements/ and the markers in tests/ that say which test proves which row.

Nothing here runs a test: rows come from the Markdown tables, markers from the syntax trees of the test files.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LEVELS = ("MUST", "SHOULD", "MAY")
MARKER = "requirement"
WHOLE_FILE = "(whole file)"

_ID = re.compile(r"[A-Z]+(-[A-Z0-9.]+)*-[0-9]+")
_PIPE = re.compile(r"(?<!\\)\|")
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of a specification; `file` is the name of its list without `.md`."""

    id: str
    level: str
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """One ID in one `@pytest.mark.requirement(...)`: `test` proves the row `id`."""

    id: str
    file: str
    line: int
    test: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.test}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person has to correct, with the place where."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Found:
    """What the test files say: the good markers and those that cannot be read."""

    markers: list[Marker]
    problems: list[Problem]


class Totals(NamedTuple):
    """How many rows a list has, in the columns of the README's index."""

    rows: int
    must: int
    should: int
    may: int


class RowsError(Exception):
    """The lists themselves are wrong, so nothing can be said about the tests."""


# -- rows ------------------------------------------------------------------------------------------


def read_rows(folder: Path) -> dict[str, Row]:
    """Every row of every list, by ID; refuses duplicates and rows that do not fit their table."""
    rows: dict[str, Row] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        for line, row in _rows_of(path):
            if row.id in rows:
                raise _wrong(path, line, f"{row.id} is already a row of {rows[row.id].file}.md")
            rows[row.id] = row
    if not rows:
        raise RowsError(f"{folder.name}/: no requirement rows found")
    return rows


def count(rows: Iterable[Row]) -> dict[str, Totals]:
    """The totals of each list, from its rows."""
    levels: dict[str, list[str]] = {}
    for row in rows:
        levels.setdefault(row.file, []).append(row.level)
    return {file: Totals(len(seen), *(seen.count(level) for level in LEVELS)) for file, seen in levels.items()}


def read_index(folder: Path) -> dict[str, Totals]:
    """The totals of each list as the README's index states them; the last line under the name `Total`."""
    index: dict[str, Totals] = {}
    for header, _line, cells in _table_lines(folder / "README.md"):
        if header[0] == "File":
            name = re.sub(r"[*\[]|\.md|\]\(.*\)", "", cells[0])
            index[name] = Totals(*(int(cell.strip("*")) for cell in cells[2:]))
    return index


def _rows_of(path: Path) -> Iterator[tuple[int, Row]]:
    for header, line, cells in _table_lines(path):
        if header[0] != "ID":
            continue
        if len(cells) != len(header):
            raise _wrong(path, line, f"{len(cells)} cells under {len(header)} headings")
        has_level = header[1] == "Level"
        level, text = (cells[1], cells[2]) if has_level else ("MUST", cells[1])
        if not _ID.fullmatch(cells[0]):
            raise _wrong(path, line, f"not a row ID: {cells[0]!r}")
        if level not in LEVELS:
            raise _wrong(path, line, f"{cells[0]} has the level {level!r}, not one of {', '.join(LEVELS)}")
        yield line, Row(cells[0], level, path.stem, text)


def _table_lines(path: Path) -> Iterator[tuple[list[str], int, list[str]]]:
    """(header cells, line number, cells) of each line of each table."""
    header: list[str] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in _PIPE.split(line)[1:-1]]
        if header is None:
            header = cells
        elif not set("".join(cells)) <= set("-:"):
            yield header, number, cells


def _wrong(path: Path, line: int, text: str) -> RowsError:
    return RowsError(f"{path.parent.name}/{path.name}:{line}: {text}")


# -- markers ---------------------------------------------------------------------------------------


def find_markers(tests: Path) -> Found:
    """Every requirement marker below the folder; file names start with the folder's own name."""
    found = Found([], [])
    for path in sorted(tests.rglob("*.py")):
        inside = path.relative_to(tests)
        if _SKIPPED_FOLDERS.isdisjoint(inside.parts):
            _search(path, (tests.name / inside).as_posix(), found)
    return found


def wrong_arguments(args: Iterable[object], kwargs: Iterable[object] = ()) -> str | None:
    """What is wrong with a marker's arguments, when they are not one or more strings."""
    args = list(args)
    if list(kwargs):
        return "a requirement marker takes row IDs only, no keywords"
    if not args:
        return "a requirement marker needs at least one row ID"
    if not all(isinstance(arg, str) for arg in args):
        return "the row IDs of a requirement marker must be string literals"
    return None


def _search(path: Path, name: str, found: Found) -> None:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        found.problems.append(Problem(name, error.lineno or 1, f"cannot be parsed: {error.msg}"))
        return
    _Finder(name, found).visit(tree)


class _Finder(ast.NodeVisitor):
    """Walks one file, remembering inside which class and function it is."""

    def __init__(self, file: str, found: Found) -> None:
        self.file = file
        self.found = found
        self.names: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            if _is_marker_call(decorator) and not node.name.startswith("test"):
                self._problem(decorator, f"{node.name} is not a test, so it proves nothing")
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_Call(self, node: ast.Call) -> None:
        if _is_marker_call(node):
            self._take(node)
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if _is_marker(node):
            self._problem(node, "a requirement marker is called where it stands, with its row IDs")
        else:
            self.generic_visit(node)

    def _inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()

    def _take(self, call: ast.Call) -> None:
        literals = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
        if wrong := wrong_arguments(literals, call.keywords):
            self._problem(call, wrong)
            return
        test = "::".join(self.names) or WHOLE_FILE
        for arg, literal in zip(call.args, literals, strict=True):
            self.found.markers.append(Marker(str(literal), self.file, arg.lineno, test))

    def _problem(self, node: ast.expr, text: str) -> None:
        self.found.problems.append(Problem(self.file, node.lineno, text))


def _is_marker_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _is_marker(node.func)


def _is_marker(node: ast.expr) -> bool:
    """`pytest.mark.requirement`, or `mark.requirement` after `from pytest import mark`."""
    if not isinstance(node, ast.Attribute) or node.attr != MARKER:
        return False
    owner = node.value
    return (isinstance(owner, ast.Attribute) and owner.attr == "mark") or (
        isinstance(owner, ast.Name) and owner.id == "mark"
    )
