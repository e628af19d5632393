"""What the platform may say about itself is said somewhere in it: no event is declared in vain."""

from __future__ import annotations

import ast

from data_contracts.events import PLATFORM_TYPES
from tests.repository.sources import sources


def test_every_event_of_the_platform_is_said_by_some_code() -> None:
    said = {
        word.value
        for source in sources()
        if source.module != "data_contracts.events"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        for word in node.args
        if isinstance(word, ast.Constant)
    }

    assert [name for name in PLATFORM_TYPES if name not in said] == []
