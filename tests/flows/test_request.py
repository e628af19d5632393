"""What a run was asked for survives the file, the same bytes for the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_contracts.errors import InputError, UnknownParameter
from flows import request as requests
from flows.request import Request

ASKED = Request(
    as_of="2026-05-01T00:00:00+00:00",
    until="2026-05-01T00:00:00+00:00",
    seed=7,
    archive_batch=3,
    archive_digest="ab" * 32,
    champion={"routing": "none", "intent": "cd" * 32, "forecast": "none"},
)


def test_a_request_reads_back_as_it_was_written(tmp_path: Path) -> None:
    requests.write(ASKED, folder=tmp_path)

    assert requests.load(tmp_path) == ASKED


def test_times_stay_text_because_bare_dates_break_dvc(tmp_path: Path) -> None:
    import yaml

    path = requests.write(ASKED, folder=tmp_path)

    read = yaml.safe_load(path.read_text())
    assert isinstance(read["as_of"], str)
    assert isinstance(read["archive_digest"], str)


def test_the_order_of_champions_does_not_change_the_bytes(tmp_path: Path) -> None:
    turned = requests.from_json({**ASKED.to_json(), "champion": dict(reversed(ASKED.champion.items()))})

    one = requests.write(ASKED, folder=tmp_path / "a").read_bytes()
    other = requests.write(turned, folder=tmp_path / "b").read_bytes()

    assert one == other


def test_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(UnknownParameter, match="archive_batch") as refused:
        requests.from_json({**ASKED.to_json(), "as_off": "2026"})

    assert "as_off" in str(refused.value)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(InputError, match="no seed"):
        requests.from_json({name: value for name, value in ASKED.to_json().items() if name != "seed"})


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T02:00:00+02:00", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T00:00:00Z", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_utc_and_a_day_is_its_beginning(text: str, means: datetime) -> None:
    assert requests.moment(text, where="--as-of") == means


@pytest.mark.parametrize("text", ["2026-05-01T00:00:00", "yesterday", ""])
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--as-of"):
        requests.moment(text, where="--as-of")


def test_the_request_that_is_committed_can_be_read() -> None:
    repository = Path(requests.__file__).parents[1]

    assert requests.load(repository).champion == {"intent": "none", "routing": "none", "forecast": "none"}
