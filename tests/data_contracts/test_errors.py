"""One tree of errors, as drawn."""

from __future__ import annotations

import re

import pytest

from data_contracts import errors
from data_contracts.errors import InputError, MissingColumn, ParleyError

DRAWN = re.compile(r"^(?P<indent>[ |]*)(?:\+-- )?(?P<name>[A-Z]\w+) +(?P<exit>\d+) +(?P<http>\d+)  ", re.MULTILINE)


def every_kind() -> list[type[ParleyError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ParleyError)]


def test_the_docstring_draws_every_error_with_its_exit_code_and_status() -> None:
    drawn = {found["name"]: (int(found["exit"]), int(found["http"])) for found in DRAWN.finditer(errors.__doc__ or "")}
    built = {kind.__name__: (kind.exit_code, kind.http_status) for kind in every_kind() if kind is not ParleyError}
    assert drawn == built


def test_every_error_has_a_problem_type_of_its_own() -> None:
    kinds = [kind.kind for kind in every_kind()]
    assert len(set(kinds)) == len(kinds)


def test_a_message_says_what_was_expected_what_came_where_and_what_to_do() -> None:
    error = MissingColumn("no column", expected="text, label", came="txt", where="a.csv", remedy="Rename it.")
    assert str(error) == "no column: expected text, label, came txt, at a.csv. Rename it."


def test_a_message_without_details_is_only_itself() -> None:
    assert str(ParleyError("stopped")) == "stopped"


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__name__)
def test_no_error_ends_with_success(kind: type[ParleyError]) -> None:
    assert kind.exit_code != 0
    assert 400 <= kind.http_status <= 599


def test_the_command_line_and_http_tell_families_apart() -> None:
    families = ParleyError.__subclasses__()
    assert len({family.exit_code for family in families}) == len(families)
    assert all(issubclass(kind, ParleyError) for kind in InputError.__subclasses__())
