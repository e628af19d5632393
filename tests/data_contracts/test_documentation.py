"""The reference pages say all that the contracts, events and errors say."""

from __future__ import annotations

import re

from data_contracts import documentation
from data_contracts.contracts import contract, datasets
from data_contracts.events import DATASET_OF, PLATFORM_TYPES
from tests.data_contracts.test_errors import every_kind


def test_every_dataset_column_meaning_and_written_rule_is_on_the_contracts_page() -> None:
    page = documentation.contracts_page()
    for told in map(contract, datasets()):
        assert f"\n## {told.dataset}\n" in page
        assert all(f"`{column.name}`" in page and column.meaning in page for column in told.columns)
        assert all(f"`{rule.name}`" in page for rule in (*told.batch_rules, *told.reference_rules))


def test_every_type_of_event_is_on_the_events_page() -> None:
    page = documentation.events_page()
    assert all(f"`{name}`" in page for name in (*DATASET_OF, *PLATFORM_TYPES))


def test_every_error_is_on_the_errors_page() -> None:
    page = documentation.errors_page()
    for kind in every_kind():
        assert f"`{kind.__name__}` | `{kind.kind}` | {kind.exit_code} | {kind.http_status} |" in page


def test_the_pages_are_the_same_each_time_and_their_tables_are_whole() -> None:
    for page in (documentation.contracts_page, documentation.events_page, documentation.errors_page):
        assert page() == page()
        for table in re.findall(r"(?:^\|.*\|\n)+", page(), re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(cells) == 1, table.splitlines()[0]
