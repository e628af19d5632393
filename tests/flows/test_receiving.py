"""Files come in whole or not at all, and simulated history does not slip into a real workspace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.errors import EventConflict, InputError, NotFound, RowRefused
from flows import asking, mending, receiving
from flows.compose import Workspace, workspace


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def customer(name: str, **changes: object) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": name, "source": "crm", "type": "customer.registered",
        "time": "2026-03-02T09:00:00Z", "knownat": "2026-03-02T09:00:00Z", "backfilled": True,
        "data": {"customer_id": name, "revision": 0, "language": "en"}, **changes,
    }  # fmt: skip


def write(path: Path, events: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


RATING = {"rating_id": "r-1", "contact_id": "c-1", "score": 5}


def compact(place: Workspace) -> compaction.Compacted:
    where = place.settings.quarantine_dir
    return compaction.compact(place.log, place.archive, clock=place.clock, quarantine=where)


def take(place: Workspace, path: Path, form: str = "events") -> receiving.Taken:
    (opened,) = receiving.open_files(place, form, [path], source=None, time_zone=None)
    return receiving.take(place, opened)


def test_an_unknown_format_names_the_known_ones(place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="anonymous-bank, events, intent-csv, volume-csv"):
        receiving.open_files(place, "xlsx", [tmp_path], source=None, time_zone=None)


def test_one_unreadable_file_stops_the_others_before_anything_is_written(place: Workspace, tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", [customer("k-1")])

    with pytest.raises(NotFound):
        receiving.open_files(place, "events", [good, tmp_path / "absent.jsonl"], source=None, time_zone=None)

    assert place.log.head() == 0


def test_a_conflict_in_a_file_leaves_nothing_of_it(place: Workspace, tmp_path: Path) -> None:
    other = customer("k-2", data={"customer_id": "k-2", "revision": 0, "language": "zh"})
    path = write(tmp_path / "file.jsonl", [customer("k-1"), customer("k-2"), other])

    with pytest.raises(EventConflict, match="k-2"):
        take(place, path)

    assert place.log.head() == 0


def test_a_file_given_twice_is_taken_once(place: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "file.jsonl", [customer("k-1"), customer("k-2")])

    first, again = take(place, path), take(place, path)

    assert (first.taken, first.repeated) == (2, 0)
    assert (again.taken, again.repeated) == (0, 2)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("events", "no json\n{}\n"),
        ("intent-csv", "text,label\n,\n ,\n"),
        ("events", json.dumps(customer("e-1", type="customer.rated", data={"rating_id": "r", "score": 11})) + "\n"),
    ],
)
def test_files_of_which_nothing_can_be_taken_are_refused(
    place: Workspace, tmp_path: Path, form: str, text: str
) -> None:
    path = tmp_path / "given"
    path.write_text(text, encoding="utf-8")

    taken = take(place, path, form)
    moved = compact(place)

    with pytest.raises(InputError, match="nothing of what was given") as refused:
        receiving.refuse_nothing_kept(place, [taken], moved)
    assert str(path) in refused.value.where
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("good", [customer("k-1"), customer("r-1", type="customer.rated", data=RATING)])
def test_one_row_that_is_taken_or_waits_for_its_parent_is_enough(
    place: Workspace, tmp_path: Path, good: dict[str, object]
) -> None:
    path = write(tmp_path / "file.jsonl", [good, {}])

    receiving.refuse_nothing_kept(place, [take(place, path)], compact(place))
    receiving.refuse_nothing_kept(place, [take(place, path)], compact(place))


def test_what_came_over_http_in_the_meantime_does_not_excuse_a_file(place: Workspace, tmp_path: Path) -> None:
    take(place, write(tmp_path / "other.jsonl", [customer("k-1")]))
    bad = take(place, write(tmp_path / "bad.jsonl", [{}]))

    with pytest.raises(InputError, match="1 refused of 1"):
        receiving.refuse_nothing_kept(place, [bad], compact(place))


def test_simulated_history_does_not_come_into_a_real_workspace(place: Workspace, tmp_path: Path) -> None:
    take(place, write(tmp_path / "real.jsonl", [customer("k-1")]))

    with pytest.raises(InputError, match="do not share a workspace"):
        take(place, write(tmp_path / "simulated.jsonl", [customer("k-2", simulated=True)]))

    assert place.log.head() == 1


def test_it_may_where_a_setting_says_so(home: Path, clock: FixedClock, tmp_path: Path) -> None:
    (home / "settings.yaml").write_text("mix_simulated: true\n")
    place = workspace(home, clock=clock)
    take(place, write(tmp_path / "real.jsonl", [customer("k-1")]))

    assert take(place, write(tmp_path / "simulated.jsonl", [customer("k-2", simulated=True)])).taken == 1


def test_a_mended_row_comes_back_and_no_longer_waits(place: Workspace, tmp_path: Path) -> None:
    rating = {"rating_id": "r-1", "contact_id": "c-1", "score": 11}
    event = customer("e-1", type="customer.rated", data=rating)
    take(place, write(tmp_path / "file.jsonl", [event]))
    compact(place)
    (kept,) = place.settings.quarantine_dir.glob("*.jsonl")

    still_wrong = write(tmp_path / "wrong.jsonl", [{"line": 1, "score": 12}])
    with pytest.raises(RowRefused):
        mending.replay(place, kept, still_wrong)
    told = mending.replay(place, kept, write(tmp_path / "mended.jsonl", [{"line": 1, "score": 1}]))

    assert told["taken"] == 1
    assert told["still_waiting"] == 0


@pytest.mark.parametrize(
    ("form", "text", "line"), [("events", "no json\n{}\n", 2), ("intent-csv", "text,label\nhello,hi\n ,hi\n", 3)]
)
def test_a_row_that_its_file_s_reader_refused_is_mended_in_the_file(
    place: Workspace, tmp_path: Path, form: str, text: str, line: int
) -> None:
    path = tmp_path / "given"
    path.write_text(text, encoding="utf-8")
    refused = len(take(place, path, form).faults)
    (kept,) = place.settings.quarantine_dir.glob("*.jsonl")

    with pytest.raises(InputError, match="never became an event") as error:
        mending.replay(place, kept, write(tmp_path / "mended.jsonl", [{"line": refused, "text": "hello"}]))

    assert error.value.where == f"{path}, line {line}"
    assert "mend the file and ingest it again" in error.value.remedy


@pytest.mark.parametrize("text", ["no json", '{"score": 1}', '{"line": "x"}', "[1]"])
def test_a_mended_row_that_cannot_be_read_names_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mended.jsonl"
    path.write_text('{"line": 1, "score": 1}\n' + text + "\n")

    with pytest.raises(InputError, match="line 2"):
        mending.changes_in(path)


def test_the_first_zone_that_a_source_states_is_the_zone_of_the_workspace(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("interval_start,queue,offered_count\n2026-03-02T09:00:00,q,3\n2026-03-02T09:30:00,q,4\n", "utf-8")
    (opened,) = receiving.open_files(place, "volume-csv", [path], source=None, time_zone="America/New_York")

    noted = receiving.take(place, opened).notes

    assert "America/New_York" in noted[-1]
    assert workspace(place.settings.home).settings.time_zone == "America/New_York"
    assert asking.workspace_parameters(place) == ("forecast.time_zone=America/New_York",)
    assert receiving.keep_zone(place, "Asia/Jerusalem") == ()


def test_a_file_does_not_speak_for_the_platform(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text,label\nhello,greet\n", encoding="utf-8")

    with pytest.raises(InputError, match="belongs to the platform"):
        receiving.open_files(place, "intent-csv", [path], source="parley/x", time_zone=None)
    assert receiving.open_files(place, "intent-csv", [path], source="crm", time_zone=None)
