"""A sealed line holds only where, as, and by whom it was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from data_contracts.errors import InputError, TamperedHistory
from training import chain
from training.chain import START, Entry, Head
from training.signing import Signer

SIGNER = Signer.fresh()
AT = datetime(2026, 5, 1, 9, tzinfo=UTC)


def sealed(after: Head = START, *, signer: Signer = SIGNER, **body: Any) -> Entry:
    return chain.seal("promotion.requested", actor="erin", body=body or {"n": 1}, at=AT, after=after, signer=signer)


def test_a_line_comes_back_as_the_entry_that_was_sealed() -> None:
    entry = sealed(comment="好的 \u2028 \x85 ok", share=0.1)

    assert chain.read(entry.line(), after=START, verifier=SIGNER.verifier) == entry
    assert "\n" not in entry.line()


def test_times_are_kept_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=8)))

    entry = chain.seal("x", actor="a", body={}, at=there, after=START, signer=SIGNER)

    assert json.loads(entry.line())["at"] == "2026-05-01T09:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("change", "why"),
    [({"actor": "mallory"}, "content"), ({"body": {"n": 2}}, "content"), ({"at": "2026-05-02T09:00:00.000000+00:00"},
     "content"), ({"kind": "promotion.approved"}, "content"), ({"sequence": 2}, "number 2"),
     ({"previous": "1" * 64}, "sealed to"), ({"digest": "0" * 64}, "content"), ({"signature": "AAAA"}, "signature"),
     ({"more": 1}, "not an entry")],
)  # fmt: skip
def test_any_changed_field_is_told(change: dict[str, object], why: str) -> None:
    line = json.dumps({**json.loads(sealed().line()), **change}, sort_keys=True, separators=(",", ":"))

    with pytest.raises(TamperedHistory, match=f"line 1 .*{why}"):
        chain.read(line, after=START, verifier=SIGNER.verifier)


def test_a_line_sealed_anew_by_another_key_is_refused() -> None:
    forged = sealed(signer=Signer.fresh())

    with pytest.raises(TamperedHistory, match="signature"):
        chain.read(forged.line(), after=START, verifier=SIGNER.verifier)


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "NaN", "[" * 100_000, '{"at": 5}', "\udcff"])
def test_what_is_no_entry_is_refused_by_name(line: str) -> None:
    with pytest.raises(TamperedHistory, match="line 1"):
        chain.read(line, after=START, verifier=SIGNER.verifier)


def test_the_same_content_in_another_spelling_is_refused() -> None:
    with pytest.raises(TamperedHistory, match="not written as"):
        chain.read(json.dumps(json.loads(sealed().line())), after=START, verifier=SIGNER.verifier)


def test_entries_are_checked_wherever_they_come_from() -> None:
    first = sealed()
    second = sealed(Head(1, first.digest))

    assert chain.check([first, second], verifier=SIGNER.verifier) == Head(2, second.digest)
    with pytest.raises(TamperedHistory, match="line 1"):
        chain.check([second], verifier=SIGNER.verifier)
    with pytest.raises(TamperedHistory, match="line 1"):
        chain.check([Entry(**{**vars(first), "actor": "mallory"}), second], verifier=SIGNER.verifier)


@pytest.mark.parametrize(
    "told",
    [{"at": datetime(2026, 5, 1)}, {"actor": " "}, {"kind": ""}, {"body": {"x": object()}}, {"body": {"x": "\ud800"}}],  # noqa: DTZ001
)
def test_what_cannot_be_an_entry_is_refused_before_it_is_sealed(told: dict[str, Any]) -> None:
    said = {"kind": "x", "actor": "a", "body": {}, "at": AT, **told}

    with pytest.raises(InputError):
        chain.seal(said["kind"], actor=said["actor"], body=said["body"], at=said["at"], after=START, signer=SIGNER)
