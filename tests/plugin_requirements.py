"""pytest plugin: requirement markers name rows that exist; `--requirement ID` runs the proofs of a row."""

from collections.abc import Generator, Iterable

import pytest

from tools.requirement_rows import MARKER, Row, RowsError, read_rows, wrong_arguments

_ROWS = pytest.StashKey[dict[str, Row]]()
_Made = pytest.Item | pytest.Collector | list[pytest.Item | pytest.Collector] | None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("requirements").addoption(
        "--requirement",
        action="append",
        default=[],
        metavar="ID",
        help="run only the tests that prove this row of requirements/ (may be repeated)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the lists once, and refuse a mistyped `--requirement` before anything is collected."""
    try:
        rows = read_rows(config.rootpath / "requirements")
    except RowsError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_ROWS] = rows
    unknown = [row_id for row_id in config.getoption("--requirement") if row_id not in rows]
    if unknown:
        raise pytest.UsageError(f"--requirement: no row of requirements/ is called {', '.join(unknown)}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check every marker, even of tests that `-k` or `-m` leaves out; then keep the tests asked for."""
    if wrong := _wrong_markers(items, config.stash[_ROWS]):
        raise pytest.UsageError(*wrong)
    wanted = set(config.getoption("--requirement"))
    if wanted:
        left_out = [item for item in items if wanted.isdisjoint(_proves(item))]
        items[:] = [item for item in items if not wanted.isdisjoint(_proves(item))]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, _Made, _Made]:
    """Check earlier on an xdist worker, where a usage error ends as an INTERNALERROR without its message."""
    made = yield
    if hasattr(collector.config, "workerinput"):
        nodes = made if isinstance(made, list) else [made]
        items = [node for node in nodes if isinstance(node, pytest.Item)]
        if wrong := _wrong_markers(items, collector.config.stash[_ROWS]):
            raise pytest.Collector.CollectError("\n".join(wrong))
    return made


def _wrong_markers(items: Iterable[pytest.Item], rows: dict[str, Row]) -> list[str]:
    wrong = []
    for item in items:
        for marker in item.iter_markers(MARKER):
            if text := wrong_arguments(marker.args, marker.kwargs):
                wrong.append(f"{item.nodeid}: {text}")
            else:
                unknown = [row_id for row_id in marker.args if row_id not in rows]
                wrong += [f"{item.nodeid}: {row_id} is no row of requirements/" for row_id in unknown]
    return wrong


def _proves(item: pytest.Item) -> set[str]:
    return {row_id for marker in item.iter_markers(MARKER) for row_id in marker.args}
