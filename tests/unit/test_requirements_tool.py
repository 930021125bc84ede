"""The requirement lists, the markers that point into them, the tool that compares both, and its plugin."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import requirements
from tools.requirement_rows import (
    WHOLE_FILE,
    Row,
    RowsError,
    Totals,
    count,
    find_markers,
    read_index,
    read_rows,
)

ROOT = Path(__file__).resolve().parents[2]
LISTS = ROOT / "requirements"

PAR = """# PAR

Prefix `PAR`.

| ID | Level | Requirement on the AS | Negative case to try |
|---|---|---|---|
| PAR-2-1 | MUST | Push works [D-1]. | GET. |
| PAR-2-2 | MUST | A pipe \\| in a cell. | - |
| PAR-2.1-1 | SHOULD | Be brief. | - |

Text between two tables.

| ID | Level | Requirement on the AS | Negative case to try |
|---|---|---|---|
| PAR-3-1 | MAY | Be kind. | - |
"""
VENDORS = """
| Field | one | two |
|---|---|---|
| Path | `/a` | `/b` |

| ID | Requirement | Negative case |
|---|---|---|
| VEN-T-1 | Paths work. | - |
"""
PYPROJECT = """[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "-q --strict-markers --import-mode=importlib"
asyncio_default_fixture_loop_scope = "function"
markers = ["requirement(*ids): rows"]
"""

Write = Callable[[str, str], Path]
Tool = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a project that has two lists and no test yet."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    write_file("requirements/par.md", PAR)
    write_file("requirements/vendors.md", VENDORS)
    write_file("requirements/README.md", "| ID | Requirement |\n|---|---|\n| NOT-A-1 | row |\n")
    return write_file


@pytest.fixture
def tool(tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Runs the tool on that project: exit code, output, complaints."""

    def run(*argv: str) -> tuple[int, str, list[str]]:
        code = requirements.main(argv, tmp_path)
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


def table(out: str) -> dict[str, list[str]]:
    """The numbers of the printed table by list."""
    lines = [line.strip("│┃ ").replace("┃", "│").split("│") for line in out.splitlines() if line[:1] in "│┃"]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines if len(cells) == 5}


class TestRealLists:
    def test_every_list_has_the_rows_the_index_says(self) -> None:
        index = read_index(LISTS)
        total = index.pop("Total")
        assert count(read_rows(LISTS).values()) == index
        assert total == Totals(*map(sum, zip(*index.values(), strict=True))) == (542, 441, 64, 37)

    def test_every_row_says_something(self) -> None:
        assert [row.id for row in read_rows(LISTS).values() if len(row.text) < 20] == []

    def test_every_marker_of_our_tests_can_be_read(self) -> None:
        assert find_markers(ROOT / "tests").problems == []

    def test_the_command_prints_the_table(self) -> None:
        command = [sys.executable, "tools/requirements.py"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert table(done.stdout)["rfc9126-par"][0] == "49"
        assert table(done.stdout)["all"][0] == "542"


class TestReadRows:
    def test_rows_with_and_without_level(self, tmp_path: Path, write: Write) -> None:
        assert list(read_rows(tmp_path / "requirements").values()) == [
            Row("PAR-2-1", "MUST", "par", "Push works [D-1]."),
            Row("PAR-2-2", "MUST", "par", "A pipe \\| in a cell."),
            Row("PAR-2.1-1", "SHOULD", "par", "Be brief."),
            Row("PAR-3-1", "MAY", "par", "Be kind."),
            Row("VEN-T-1", "MUST", "vendors", "Paths work."),
        ]

    @pytest.mark.parametrize(
        ("row", "complaint"),
        [
            ("| PAR-2-1 | MUST | Again. | - |", "requirements/x.md:3: PAR-2-1 is already a row of par.md"),
            ("| X-1 | must | Lower. | - |", "requirements/x.md:3: X-1 has the level 'must'"),
            ("| X-1 | MUST | Short. |", "requirements/x.md:3: 3 cells under 4 headings"),
            ("| X-1 | MUST | a | b | c |", "requirements/x.md:3: 5 cells under 4 headings"),
            ("| X 1 | MUST | Space. | - |", "requirements/x.md:3: not a row ID: 'X 1'"),
        ],
    )
    def test_a_wrong_row_is_refused_with_its_place(
        self, tmp_path: Path, write: Write, row: str, complaint: str
    ) -> None:
        write("requirements/x.md", f"| ID | Level | Requirement | Negative |\n|---|---|---|---|\n{row}\n")
        with pytest.raises(RowsError) as refused:
            read_rows(tmp_path / "requirements")
        assert str(refused.value).startswith(complaint)

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RowsError, match="no requirement rows"):
            read_rows(tmp_path)


class TestFindMarkers:
    def test_every_place_a_marker_may_stand(self, tmp_path: Path, write: Write) -> None:
        write(
            "tests/deep/test_a.py",
            """import pytest
from pytest import mark
pytestmark = [pytest.mark.requirement("A-1"), mark.slow]
CASES = [pytest.param(1, marks=mark.requirement("A-2"))]

@pytest.mark.requirement("A-3", "A-4")
def test_one(): pass

@mark.requirement("A-5")
async def test_two(): pass

@pytest.mark.requirement("A-6")
class TestThings:
    pytestmark = pytest.mark.requirement("A-7")

    @pytest.mark.parametrize("x", [
        pytest.param(1, marks=pytest.mark.requirement("A-8")),
        pytest.param(2, marks=[pytest.mark.slow, pytest.mark.requirement(
            "A-9",
            "A-10",
        )]),
    ])
    def test_three(self, x): pass

TEXT = '@pytest.mark.requirement("A-99")'
""",
        )
        found = find_markers(tmp_path / "tests")
        assert found.problems == []
        assert [(marker.id, marker.line, marker.test) for marker in found.markers] == [
            ("A-1", 3, WHOLE_FILE),
            ("A-2", 4, WHOLE_FILE),
            ("A-3", 6, "test_one"),
            ("A-4", 6, "test_one"),
            ("A-5", 9, "test_two"),
            ("A-7", 14, "TestThings"),
            ("A-8", 17, "TestThings::test_three"),
            ("A-9", 19, "TestThings::test_three"),
            ("A-10", 20, "TestThings::test_three"),
            ("A-6", 12, "TestThings"),
        ]
        assert {marker.file for marker in found.markers} == {"tests/deep/test_a.py"}

    @pytest.mark.parametrize(
        "marker",
        [
            'requirement(f"A-{1}")',
            "requirement(NAME)",
            "requirement(*NAMES)",
            "requirement(1)",
            'requirement(b"A-1")',
            'requirement("A-1", NAME)',
            "requirement()",
            'requirement("A-1", why="x")',
            "requirement",
        ],
    )
    def test_a_marker_that_cannot_be_read_is_a_problem(self, tmp_path: Path, write: Write, marker: str) -> None:
        write("tests/test_a.py", f"import pytest\n\n@pytest.mark.{marker}\ndef test_a(): pass\n")
        found = find_markers(tmp_path / "tests")
        assert found.markers == []
        assert [(problem.file, problem.line) for problem in found.problems] == [("tests/test_a.py", 3)]

    def test_a_renamed_marker_is_a_problem(self, tmp_path: Path, write: Write) -> None:
        write("tests/test_a.py", "import pytest\nproves = pytest.mark.requirement\n")
        assert [problem.line for problem in find_markers(tmp_path / "tests").problems] == [2]

    def test_a_helper_proves_nothing(self, tmp_path: Path, write: Write) -> None:
        write("tests/test_a.py", "import pytest\n\n@pytest.mark.requirement('A-1')\ndef check(): pass\n")
        problems = find_markers(tmp_path / "tests").problems
        assert list(map(str, problems)) == [
            "tests/test_a.py:3: check is not a test, so it proves nothing",
        ]

    def test_a_file_that_cannot_be_parsed_is_a_problem(self, tmp_path: Path, write: Write) -> None:
        write("tests/test_a.py", "\n\ndef test_a(:\n")
        assert [problem.line for problem in find_markers(tmp_path / "tests").problems] == [3]

    def test_installed_packages_are_not_ours(self, tmp_path: Path, write: Write) -> None:
        write("tests/peers/node_modules/x/test_a.py", "def test_a(:\n")
        found = find_markers(tmp_path / "tests")
        assert (found.markers, found.problems) == ([], [])


PROOF = """import pytest

@pytest.mark.requirement("PAR-2-1", "PAR-2.1-1")
def test_push(): pass
"""


class TestTool:
    def test_the_table_counts_rows_and_proofs(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF)
        code, out, complaints = tool()
        assert (code, complaints) == (0, [])
        assert table(out) == {
            "list": ["rows", "proven", "not proven", "MUST not proven"],
            "par": ["4", "2", "2", "1"],
            "vendors": ["1", "0", "1", "1"],
            "all": ["5", "2", "3", "2"],
        }
        assert "without proof" not in out

    def test_no_tests_folder_means_no_proofs(self, tool: Tool) -> None:
        assert table(tool()[1])["all"] == ["5", "0", "5", "3"]

    def test_named_lists_show_their_open_must_rows_in_full(self, tool: Tool) -> None:
        code, out, _ = tool("requirements/par.md")
        assert code == 0
        assert "par: 2 MUST rows without proof\n  PAR-2-1  Push works [D-1].\n  PAR-2-2  A pipe" in out
        assert "PAR-2.1-1" not in out
        assert "VEN-T-1" not in out

    def test_all_shows_every_list(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF.replace('"PAR-2.1-1"', '"PAR-2-2"'))
        out = tool("--all")[1]
        assert "par: every MUST row is proven" in out
        assert "VEN-T-1  Paths work." in out

    def test_an_unknown_list_is_a_usage_error(self, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
        for argv in (["jarm"], ["--must", "jarm"]):
            with pytest.raises(SystemExit) as left:
                tool(*argv)
            assert left.value.code == 2
            assert "no list is called jarm; there are: par, vendors" in capsys.readouterr().err

    def test_json_has_every_row_with_its_proofs(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF)
        write("requirements/not-yet.txt", "VEN-T-1  later\n")
        report = json.loads(tool("--json")[1])
        proof = {"file": "tests/test_a.py", "line": 3, "test": "test_push"}
        rows = {row["id"]: row for row in report["rows"]}
        assert len(rows) == 5
        assert rows["PAR-2-1"]["proofs"] == [proof]
        assert rows["VEN-T-1"] == {
            "id": "VEN-T-1",
            "level": "MUST",
            "file": "vendors",
            "text": "Paths work.",
            "proofs": [],
            "not_yet": "later",
        }
        assert report["files"]["par"] == {"rows": 4, "proven": 2, "not_proven": 2, "must_not_proven": 1}
        assert report["total"]["must_not_proven"] == 2
        assert report["problems"] == []

    def test_json_of_one_list(self, tool: Tool) -> None:
        assert [row["id"] for row in json.loads(tool("--json", "vendors")[1])["rows"]] == ["VEN-T-1"]

    def test_a_marker_that_names_no_row_fails(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF.replace("PAR-2.1-1", "PAR-9-9"))
        code, out, complaints = tool()
        assert (code, complaints) == (1, ["tests/test_a.py:3: PAR-9-9 is no row of requirements/"])
        assert table(out)["par"] == ["4", "1", "3", "1"]

    def test_a_marker_that_cannot_be_read_fails(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF.replace('"PAR-2-1"', "ID"))
        code, _, complaints = tool("--json")
        assert code == 1
        assert complaints == ["tests/test_a.py:3: the row IDs of a requirement marker must be string literals"]

    def test_wrong_lists_fail(self, tool: Tool, write: Write) -> None:
        write("requirements/vendors.md", VENDORS.replace("VEN-T-1", "PAR-2-1"))
        assert tool() == (1, "", ["requirements/vendors.md:8: PAR-2-1 is already a row of par.md"])


class TestMust:
    def test_an_open_must_row_fails_and_only_of_the_lists_named(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF)
        line = "requirements/{}.md: {} has no proof and no line in requirements/not-yet.txt"
        assert tool("--must", "par")[::2] == (1, [line.format("par", "PAR-2-2")])
        assert tool("--must", "vendors")[::2] == (1, [line.format("vendors", "VEN-T-1")])
        both = [line.format("par", "PAR-2-2"), line.format("vendors", "VEN-T-1")]
        assert tool("--must")[::2] == tool("--must", "par", "vendors")[::2] == (1, both)

    def test_proofs_and_rows_put_off_satisfy_it(self, tool: Tool, write: Write) -> None:
        write("tests/test_a.py", PROOF)
        write("requirements/not-yet.txt", "# put off\n\nPAR-2-2  the reason [1]\n")
        code, out, complaints = tool("par", "--must", "par")
        assert (code, complaints) == (0, [])
        assert "PAR-2-2  A pipe \\| in a cell.  (not yet: the reason [1])" in out
        assert table(out)["par"] == ["4", "2", "2", "1"]

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("PAR-9-9  gone", "PAR-9-9 is no row of requirements/"),
            ("PAR-2-1  later", "PAR-2-1 is proven by tests/test_a.py:3 test_push: remove this line"),
            ("PAR-2-2", "PAR-2-2 is listed without a reason"),
            ("VEN-T-1  again", "VEN-T-1 is listed twice"),
        ],
    )
    def test_a_list_out_of_date_always_fails(self, tool: Tool, write: Write, line: str, complaint: str) -> None:
        write("tests/test_a.py", PROOF)
        write("requirements/not-yet.txt", f"VEN-T-1\tlater\n{line}\n")
        assert tool()[::2] == (1, [f"requirements/not-yet.txt:2: {complaint}"])


class TestPlugin:
    """A real pytest run in a folder of its own."""

    @pytest.fixture
    def run(self, tmp_path: Path, write: Write) -> Callable[..., subprocess.CompletedProcess[str]]:
        write("pyproject.toml", PYPROJECT)
        write("tests/conftest.py", 'pytest_plugins = ["tests.plugin_requirements"]\n')
        write("tests/plugin_requirements.py", (ROOT / "tests/plugin_requirements.py").read_text("utf-8"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(ROOT)])
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take most of the time of a start

        def run_pytest(*argv: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *argv]
            return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

        return run_pytest

    @pytest.fixture
    def proofs(self, write: Write) -> None:
        write(
            "tests/test_a.py",
            """import pytest

@pytest.mark.requirement("PAR-2-1", "PAR-2-2")
class TestPush:
    def test_a(self): pass

@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.requirement("PAR-2-1"))])
def test_b(x): pass

@pytest.mark.requirement("VEN-T-1")
def test_c(): pass

def test_d(): pass
""",
        )

    @pytest.mark.usefixtures("proofs")
    def test_good_markers_run_as_ever(self, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = run()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "5 passed" in done.stdout

    @pytest.mark.usefixtures("proofs")
    def test_the_option_runs_the_proofs_of_a_row(self, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = run("--requirement", "PAR-2-1", "-vv")
        assert "2 passed, 3 deselected" in done.stdout
        assert "TestPush::test_a PASSED" in done.stdout
        assert "test_b[2] PASSED" in done.stdout
        assert "3 passed, 2 deselected" in run("--requirement=PAR-2-1", "--requirement=VEN-T-1").stdout

    @pytest.mark.usefixtures("proofs")
    def test_the_option_refuses_a_row_that_does_not_exist(
        self, run: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        done = run("--requirement", "PAR-9-9")
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "no row of requirements/ is called PAR-9-9" in done.stderr

    @pytest.mark.parametrize(
        ("marker", "complaint"),
        [
            ('requirement("PAR-2-1", "PAR-9-9")', "PAR-9-9 is no row of requirements/"),
            ("requirement(7)", "must be string literals"),
            ("requirement()", "needs at least one row ID"),
        ],
    )
    def test_a_wrong_marker_stops_the_run(
        self, run: Callable[..., subprocess.CompletedProcess[str]], write: Write, marker: str, complaint: str
    ) -> None:
        write(
            "tests/test_a.py",
            f"import pytest\n\n@pytest.mark.{marker}\ndef test_a(): pass\n\ndef test_b(): pass\n",
        )
        done = run("-k", "test_b")
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "ERROR: tests/test_a.py::test_a: " in done.stderr
        assert complaint in done.stderr
        assert "passed" not in done.stdout

    def test_a_wrong_marker_is_named_on_parallel_workers_too(
        self, run: Callable[..., subprocess.CompletedProcess[str]], write: Write
    ) -> None:
        write("tests/test_a.py", PROOF.replace("PAR-2-1", "PAR-9-9"))
        done = run("-p", "xdist", "-n", "2")
        assert done.returncode != 0
        assert "tests/test_a.py::test_push: PAR-9-9 is no row of requirements/" in done.stdout
        assert "INTERNALERROR" not in done.stdout

    @pytest.mark.usefixtures("proofs")
    def test_wrong_lists_stop_the_run(self, run: Callable[..., subprocess.CompletedProcess[str]], write: Write) -> None:
        write("requirements/vendors.md", VENDORS.replace("VEN-T-1", "PAR-2-1"))
        done = run()
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "requirements/vendors.md:8: PAR-2-1 is already a row of par.md" in done.stderr
