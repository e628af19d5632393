"""The file of wrap-up codes: what it says, and the line that an error names."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts.errors import InputError
from features import code_map
from features.code_map import LEARNED, Scope


def written(folder: Path, text: str) -> Path:
    path = folder / "codes.yaml"
    path.write_text(text, encoding="utf-8")
    return path


FILE = """\
weight: 0.4
codes:
  017: card_lost
  NO: {intent: card_stolen, weight: learned}
scopes:
  - {queue: cards, codes: {GEN: card_declined, OTHER: ignore}}
  - {channel: voice, codes: {GEN: account_inquiry}}
  - {source: crm, queue: cards, codes: {GEN: {intent: fraud, weight: 0.1}}}
"""


def test_codes_are_read_as_they_are_written_with_weights_and_lines(tmp_path: Path) -> None:
    first, second, *_ = code_map.load(written(tmp_path, FILE)).lines

    assert (first.code, first.intent, first.weight, first.scope) == ("017", "card_lost", 0.4, Scope())
    assert (second.code, second.intent, second.weight) == ("NO", "card_stolen", LEARNED)
    assert second.where.endswith("codes.yaml line 4")


@pytest.mark.parametrize(
    ("source", "queue", "channel", "intent"),
    [
        ("crm", "cards", "voice", "fraud"),
        ("zendesk", "cards", "voice", "card_declined"),
        ("zendesk", "loans", "voice", "account_inquiry"),
        ("zendesk", "cards", None, "card_declined"),
    ],
)
def test_the_narrowest_scope_decides_and_queue_before_channel(
    tmp_path: Path, source: str, queue: str, channel: str | None, intent: str
) -> None:
    line = code_map.load(written(tmp_path, FILE)).line("GEN", source=source, queue=queue, channel=channel)

    assert line is not None
    assert line.intent == intent


def test_an_ignored_code_names_no_intent_and_one_out_of_scope_has_no_line(tmp_path: Path) -> None:
    codes = code_map.load(written(tmp_path, FILE))
    ignored = codes.line("OTHER", source="crm", queue="cards", channel=None)

    assert ignored is not None
    assert ignored.intent is None
    assert codes.line("OTHER", source="crm", queue="loans", channel=None) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("codes: {A: x, B: y, A: z}", "mapped twice in one scope.*line 1"),
        ("scopes:\n- {queue: q, codes: {A: x}}\n- {queue: q, codes: {A: y}}", "mapped twice.*A once .queue q.*line 3"),
        ("codes:\n  A: {intnet: x}", "unknown key.*expected intent, weight.*came intnet.*line 2"),
        ("codes:\n  A: {weight: 0.2}", "without an intent.*line 2"),
        ("codes:\n  A: {intent: x, weight: 2}", "not a weight.*0 to 1.*came 2.*line 2"),
        ("weight: much", "not a weight.*came much.*line 1"),
        ("codes:\n  A:\n", "the intent of A is a word.*came nothing.*line 2"),
        ("codes:\n  A: [x, y]", "the intent of A is a word.*came a list.*line 2"),
        ("codes: [A]", "codes is a mapping.*came a list.*line 1"),
        ("scopes:\n  - {queue: q}", "a scope without codes.*line 2"),
        ("scopes: {queue: q}", "scopes are a list.*line 1"),
        ("codez: {}", "unknown key.*came codez.*line 1"),
        ("- A", "the file is a mapping.*line 1"),
        ("codes: {A: x\nB", "cannot be read.*line 2"),
        ("codes: {A: !!python/object/apply:os.system [ls]}", "the intent of A is a word"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        code_map.load(written(tmp_path, text))


def test_an_empty_file_maps_nothing(tmp_path: Path) -> None:
    assert code_map.load(written(tmp_path, "# nothing yet\n")).lines == ()


@pytest.mark.parametrize("name", ["codes.yaml", "data_contracts/../codes.yaml", "/etc/codes.yaml"])
def test_a_file_of_whose_change_dvc_would_not_know_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"data_contracts.*labels\.wrap_up_codes"):
        code_map.of_params(name, root=tmp_path)


def test_a_file_that_is_not_there_is_told_and_none_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file.*data_contracts/none\.yaml"):
        code_map.of_params("data_contracts/none.yaml", root=tmp_path)
    assert code_map.of_params(None, root=tmp_path) is None
