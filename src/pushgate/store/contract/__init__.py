"""What every adapter of `store.ports.Transient` must do, as checks that anybody can run on their own.

A check is an async function that gets `open`: an async function without arguments that opens one more
instance over the same data. The data must be empty when the check begins. In your tests, with
pytest and pytest-asyncio:

    from functools import partial
    from pushgate.store import contract

    async def open_mine(url: str) -> MyTransient:
        return MyTransient(url)

    @pytest.mark.parametrize("check", contract.ALL, ids=lambda check: check.__name__)
    async def test_contract(check: contract.Check, empty_database: str) -> None:
        await check(partial(open_mine, empty_database))

`ALL` is made of three parts. `CHECKS` need one instance and suit a store in memory too. `SHARED_CHECKS`
open several instances over one set of data, and close and reopen them. `PROCESS_CHECKS` do so from other
processes, started afresh: `open` must be picklable (a module's function, or functools.partial of one), and a
test that is run as a script needs the usual `if __name__ == "__main__"`.

Rows that a check expects to survive have an hour left on the real clock, and rows that it expects to be
purged are past their time, so a store that forgets rows by itself can pass. Such a store leaves out
`purge_counts_what_it_deletes` and `purge_drops_marks_that_are_old`.

A broken rule is an AssertionError that says what was expected; nothing here needs pytest.
"""

from __future__ import annotations

from pushgate.store.contract.one_instance import (
    a_caller_that_gives_up_spoils_nothing,
    add_all_is_all_or_nothing,
    add_keeps_a_value,
    add_refuses_a_consumed_key,
    add_refuses_a_live_key,
    consume_is_first_exactly_once,
    get_does_not_consume,
    keys_are_bytes,
    kinds_are_separate,
    many_rows_stay_apart,
    marks_are_made_once,
    one_of_many_adders_wins,
    one_of_many_consumers_wins,
    one_of_many_sets_wins,
    purge_counts_what_it_deletes,
    purge_drops_marks_that_are_old,
    purge_goes_by_keep_until,
    unknown_keys_are_none,
    values_are_bytes,
    values_may_be_large,
)
from pushgate.store.contract.processes import (
    one_process_makes_a_mark,
    one_process_wins_a_key,
    one_process_wins_a_row,
    what_was_acknowledged_survives_a_kill,
)
from pushgate.store.contract.several_instances import (
    a_mark_that_is_made_again_is_kept_for_its_own_time,
    closing_loses_nothing,
    everything_survives_a_restart,
    instances_see_each_other,
    marks_of_one_instance_hold_for_all,
    one_instance_wins,
)
from pushgate.store.contract.support import Check, Open

__all__ = ["ALL", "CHECKS", "PROCESS_CHECKS", "SHARED_CHECKS", "Check", "Open"]

CHECKS: tuple[Check, ...] = (
    add_keeps_a_value,
    unknown_keys_are_none,
    add_refuses_a_live_key,
    add_refuses_a_consumed_key,
    add_all_is_all_or_nothing,
    marks_are_made_once,
    get_does_not_consume,
    consume_is_first_exactly_once,
    kinds_are_separate,
    keys_are_bytes,
    values_are_bytes,
    values_may_be_large,
    many_rows_stay_apart,
    purge_goes_by_keep_until,
    purge_counts_what_it_deletes,
    purge_drops_marks_that_are_old,
    one_of_many_consumers_wins,
    one_of_many_adders_wins,
    one_of_many_sets_wins,
    a_caller_that_gives_up_spoils_nothing,
)
SHARED_CHECKS: tuple[Check, ...] = (
    instances_see_each_other,
    one_instance_wins,
    marks_of_one_instance_hold_for_all,
    a_mark_that_is_made_again_is_kept_for_its_own_time,
    everything_survives_a_restart,
    closing_loses_nothing,
)
PROCESS_CHECKS: tuple[Check, ...] = (
    one_process_wins_a_row,
    one_process_wins_a_key,
    one_process_makes_a_mark,
    what_was_acknowledged_survives_a_kill,
)
ALL: tuple[Check, ...] = (*CHECKS, *SHARED_CHECKS, *PROCESS_CHECKS)
"""Every check."""
