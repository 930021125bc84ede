"""Which specification rows have a test, which have none (`make requirements`).

    tools/requirements.py                           the table
    tools/requirements.py rfc9126-par jarm          also the MUST rows of these lists that no test proves
    tools/requirements.py --all                     the same for every list
    tools/requirements.py --must rfc9126-par        fail if such a row is neither proven nor in not-yet.txt
    tools/requirements.py --json [LIST ...]         every row with its proofs, for programs

Fails (1) whatever the options when a marker names no row, or requirements/not-yet.txt is out of date.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.requirement_rows import Marker, Problem, Row, RowsError, find_markers, read_rows

ROOT = Path(__file__).resolve().parents[1]
NOT_YET = "requirements/not-yet.txt"


@dataclass(frozen=True, slots=True)
class Report:
    """The rows, the markers that prove them, the ones put off, and all that is wrong."""

    rows: dict[str, Row]
    proofs: dict[str, list[Marker]]
    not_yet: dict[str, str]
    problems: list[Problem]

    def files(self) -> list[str]:
        """The lists, in the order of their names."""
        return list(dict.fromkeys(row.file for row in self.rows.values()))

    def unproven_must(self, files: Iterable[str]) -> list[Row]:
        """The MUST rows of the lists that no test proves, in the order of the lists."""
        wanted = set(files)
        return [
            row
            for row in self.rows.values()
            if row.file in wanted and row.level == "MUST" and row.id not in self.proofs
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of the table."""

    rows: int
    proven: int
    not_proven: int
    must_not_proven: int


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Print what was asked for; 0 if all is well, 1 with a line per problem otherwise."""
    parser = _parser()
    asked = parser.parse_args(argv)
    try:
        report = look(root)
    except RowsError as error:
        print(error, file=sys.stderr)
        return 1
    listed = _lists(parser, report, asked.lists)
    required = _required(parser, report, asked.must)
    if asked.json:
        print(json.dumps(as_json(report, listed or report.files()), indent=2, ensure_ascii=False))
    else:
        show(report, report.files() if asked.all else listed)
    complaints = [*map(str, report.problems), *missing(report, required)]
    for line in complaints:
        print(line, file=sys.stderr)
    return 1 if complaints else 0


def look(root: Path) -> Report:
    """Compare the lists, the tests and not-yet.txt below the folder."""
    rows = read_rows(root / "requirements")
    found = find_markers(root / "tests")
    problems = list(found.problems)
    proofs: dict[str, list[Marker]] = {}
    for marker in found.markers:
        if marker.id in rows:
            proofs.setdefault(marker.id, []).append(marker)
        else:
            problems.append(Problem(marker.file, marker.line, f"{marker.id} is no row of requirements/"))
    not_yet, wrong = read_not_yet(root / NOT_YET, rows, proofs)
    problems = sorted([*problems, *wrong], key=lambda problem: (problem.file, problem.line))
    return Report(rows, proofs, not_yet, problems)


def read_not_yet(
    path: Path, rows: dict[str, Row], proofs: dict[str, list[Marker]]
) -> tuple[dict[str, str], list[Problem]]:
    """ID and reason of each row put off, and the lines that must go; a missing file puts off nothing."""
    not_yet: dict[str, str] = {}
    problems: list[Problem] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        row_id, reason = [*line.split(maxsplit=1), ""][:2]
        reason = reason.strip()
        wrong = _wrong_line(row_id, reason, rows, proofs, not_yet)
        if wrong:
            problems.append(Problem(NOT_YET, number, wrong))
        else:
            not_yet[row_id] = reason
    return not_yet, problems


def _wrong_line(
    row_id: str, reason: str, rows: dict[str, Row], proofs: dict[str, list[Marker]], not_yet: dict[str, str]
) -> str | None:
    if row_id not in rows:
        return f"{row_id} is no row of requirements/"
    if row_id in proofs:
        return f"{row_id} is proven by {proofs[row_id][0]}: remove this line"
    if row_id in not_yet:
        return f"{row_id} is listed twice"
    if not reason:
        return f"{row_id} is listed without a reason"
    return None


def missing(report: Report, files: Iterable[str]) -> list[str]:
    """A line for each MUST row of the lists that is neither proven nor put off."""
    return [
        f"requirements/{row.file}.md: {row.id} has no proof and no line in {NOT_YET}"
        for row in report.unproven_must(files)
        if row.id not in report.not_yet
    ]


def standing(report: Report, rows: Iterable[Row]) -> Standing:
    """How far the rows are proven."""
    rows = list(rows)
    open_rows = [row for row in rows if row.id not in report.proofs]
    open_must = [row for row in open_rows if row.level == "MUST"]
    return Standing(len(rows), len(rows) - len(open_rows), len(open_rows), len(open_must))


def standings(report: Report) -> dict[str, Standing]:
    """The table's lines, by list."""
    return {
        file: standing(report, (row for row in report.rows.values() if row.file == file)) for file in report.files()
    }


def as_json(report: Report, files: Iterable[str]) -> dict[str, object]:
    """The table, the rows of the lists with their proofs, and the problems."""
    wanted = set(files)
    return {
        "files": {file: asdict(line) for file, line in standings(report).items()},
        "total": asdict(standing(report, report.rows.values())),
        "rows": [_row_as_json(report, row) for row in report.rows.values() if row.file in wanted],
        "problems": [asdict(problem) for problem in report.problems],
    }


def _row_as_json(report: Report, row: Row) -> dict[str, object]:
    markers = report.proofs.get(row.id, [])
    proofs = [{"file": marker.file, "line": marker.line, "test": marker.test} for marker in markers]
    return {**asdict(row), "proofs": proofs, "not_yet": report.not_yet.get(row.id)}


def show(report: Report, listed: Iterable[str]) -> None:
    """The table, then the unproven MUST rows of the lists."""
    console = Console(highlight=False)
    console.print(_table(report))
    for file in listed:
        rows = report.unproven_must([file])
        title = f"\n{file}: {len(rows)} MUST rows without proof" if rows else f"\n{file}: every MUST row is proven"
        console.print(Text(title, style="bold"))
        for row in rows:
            console.print(_unproven_line(report, row), soft_wrap=True)


def _table(report: Report) -> Table:
    table = Table(show_footer=True)
    table.add_column("list", "all", overflow="fold")
    total = standing(report, report.rows.values())
    columns = zip(("rows", "proven", "not proven", "MUST not proven"), asdict(total).values(), strict=True)
    for name, value in columns:
        table.add_column(name, str(value), justify="right")
    for file, line in standings(report).items():
        style = "red" if line.must_not_proven else "green"
        table.add_row(file, *(str(value) for value in asdict(line).values()), style=style)
    return table


def _unproven_line(report: Report, row: Row) -> Text:
    line = Text("  ").append(row.id, style="bold").append(f"  {row.text}")
    if reason := report.not_yet.get(row.id):
        line.append(f"  (not yet: {reason})", style="yellow")
    return line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/requirements.py", description="Which specification rows have a test, which have none."
    )
    parser.add_argument(
        "lists",
        nargs="*",
        metavar="LIST",
        help="show the unproven MUST rows of these lists (rfc9126-par ...)",
    )
    parser.add_argument("--all", action="store_true", help="show the unproven MUST rows of every list")
    parser.add_argument("--json", action="store_true", help="print rows, proofs and problems as JSON")
    parser.add_argument(
        "--must",
        nargs="*",
        metavar="LIST",
        help=f"fail if a MUST row of these lists (default: all) has no proof and no line in {NOT_YET}",
    )
    return parser


def _required(parser: argparse.ArgumentParser, report: Report, named: list[str] | None) -> list[str]:
    """The lists `--must` speaks of: none without the option, every one when it names none."""
    if named is None:
        return []
    return _lists(parser, report, named) or report.files()


def _lists(parser: argparse.ArgumentParser, report: Report, named: Iterable[str]) -> list[str]:
    """The names of lists as the report has them; `requirements/jarm.md` is as good as `jarm`."""
    names = [Path(name).name.removesuffix(".md") for name in named]
    for name in names:
        if name not in report.files():
            parser.error(f"no list is called {name}; there are: {', '.join(report.files())}")
    return names


if __name__ == "__main__":
    sys.exit(main())
