"""The build stage: nothing of the future gets into it, and the same records give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import NotEnoughData, UnknownParameter
from features import building, demand, forecast, intent, offers, routing
from features.params import FeatureParams, IntentDataParams, LabelParams, RoutingDataParams
from tests.features.centre import START, shuffled_after, tiny_centre

AS_OF = START + timedelta(days=35)
PARAMS = FeatureParams(intent=IntentDataParams(min_train_rows=5), routing=RoutingDataParams())
Built = tuple[Path, dict[str, pa.Table]]


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return tiny_centre()


@pytest.fixture(scope="module")
def built(tables: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tables, tmp_path_factory.mktemp("built"), AS_OF)


def _build(tables: dict[str, pa.Table], folder: Path, as_of: datetime) -> Path:
    to = folder / "features"
    building.build(tables, params=PARAMS, families=building.FAMILIES, as_of=as_of, to=to, repo=folder / "feast")
    return to


def _bytes(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_future_shuffled_changes_no_byte_of_any_family(
    tables: dict[str, pa.Table], built: Path, tmp_path: Path
) -> None:
    spoiled = shuffled_after(tables, AS_OF)
    assert any(spoiled[name] != tables[name] for name in tables)
    again = _build(spoiled, tmp_path, AS_OF)
    assert _bytes(again) == _bytes(built)


def test_the_future_left_out_changes_no_byte_either(tables: dict[str, pa.Table], built: Path, tmp_path: Path) -> None:
    cut = {name: told.filter(pc.less_equal(told["known_at"], AS_OF)) for name, told in tables.items()}
    assert _bytes(_build(cut, tmp_path, AS_OF)) == _bytes(built)


def test_the_past_shuffled_does_change_the_features(tables: dict[str, pa.Table], built: Path, tmp_path: Path) -> None:
    spoiled = shuffled_after(tables, AS_OF - timedelta(days=10))
    assert _bytes(_build(spoiled, tmp_path, AS_OF)) != _bytes(built)


def test_routing_features_of_a_moment_do_not_change_with_what_became_known_later(
    tables: dict[str, pa.Table], built: Path, tmp_path: Path
) -> None:
    moment = START + timedelta(days=20)
    spoiled = _build(shuffled_after(tables, moment), tmp_path, AS_OF)
    before, after = (_earlier(folder / "routing" / "offers.parquet", moment) for folder in (built, spoiled))
    assert before.num_rows > 200
    features = ["segment_id", *routing.COLUMNS]
    assert before.select(features).equals(after.select(features))


def _earlier(path: Path, moment: datetime) -> pa.Table:
    told = pq.read_table(path)
    return told.filter(pc.less(told["happened_at"], moment - timedelta(hours=1)))


def test_labels_that_train_were_known_when_judging_began(built: Path, tables: dict[str, pa.Table]) -> None:
    told = pq.read_table(built / "routing" / "offers.parquet")
    judged = told.filter(pc.equal(told["part"], "judge"))
    cut = pc.min(judged["happened_at"]).as_py()
    window = timedelta(days=PARAMS.labels.usual_window_days, hours=PARAMS.labels.repeat_settle_h)
    contacts = tables["contacts"]
    ended = dict(zip(contacts["contact_id"].to_pylist(), contacts["ended_at"].to_pylist(), strict=True))
    for row in told.filter(pc.not_equal(told["part"], "judge")).to_pylist():
        assert row["happened_at"] < cut
        assert row["resolved"] is None or ended[row["contact_id"]] + window <= cut
    parts = set(told["part"].to_pylist())
    assert parts == {"train", "calibrate", "judge"}


def test_intent_examples_at_an_earlier_moment_are_blind_to_later_verdicts(tables: dict[str, pa.Table]) -> None:
    moment = START + timedelta(days=20)
    one, other = (
        intent.examples(told, params=PARAMS.intent, labels=PARAMS.labels, as_of=moment)
        for told in (tables, shuffled_after(tables, moment))
    )
    assert len(one) > 300
    assert one.equals(other)


def test_a_design_is_blind_to_counts_known_after_its_origin(tables: dict[str, pa.Table]) -> None:
    past = demand.intervals(tables, params=PARAMS.forecast, as_of=AS_OF)
    origin = START + timedelta(days=28)
    known = np.asarray([moment <= origin for moment in past["known_at"].to_pylist()])
    noise = np.where(known, past["offered_count"].to_numpy(), 999.0)
    spoiled = past.set_column(past.column_names.index("offered_count"), "offered_count", pa.array(noise))
    ask = {"horizon_start": origin, "horizon_end": origin + timedelta(days=1), "known_until": origin}
    told = forecast.design(past, params=PARAMS.forecast, **ask)
    blind = forecast.design(spoiled, params=PARAMS.forecast, **ask)
    assert told.to_pandas().equals(blind.to_pandas())  # NaN equals NaN there
    assert told.num_rows == 2 * 48


def test_every_offer_has_its_row_and_every_judged_decision_its_candidates(
    built: Path, tables: dict[str, pa.Table]
) -> None:
    told = pq.read_table(built / "routing" / "offers.parquet")
    known = tables["segments"].filter(pc.less_equal(tables["segments"]["known_at"], AS_OF))
    assert told["segment_id"].to_pylist() == sorted(known["segment_id"].to_pylist())
    assert told.schema.names == offers.OFFERS_SCHEMA.names
    who = pq.read_table(built / "routing" / "candidates.parquet")
    judged = told.filter(pc.equal(told["part"], "judge"))
    assert who.num_rows == 4 * judged.num_rows
    chosen = who.filter(who["chosen"]).sort_by("decision_id")
    same = judged.sort_by("decision_id").select(list(routing.COLUMNS))
    assert chosen.select(list(routing.COLUMNS)).equals(same)
    assert set(chosen["propensity"].to_pylist()) == {0.25}
    assert who.filter(pc.invert(who["chosen"]))["propensity"].null_count == 3 * judged.num_rows


def test_the_manifest_tells_rows_period_service_sources_and_that_all_of_it_is_simulated(built: Path) -> None:
    told = json.loads((built / "manifest.json").read_text())
    assert {(one["simulated"], *one["sources"]) for one in told["families"].values()} == {("all", "tiny")}
    assert set(told["families"]) == {"intent", "routing", "forecast"}
    assert told["families"]["routing"]["service"] == "routing_v1"
    for family, file in (("intent", "examples"), ("routing", "offers"), ("forecast", "intervals")):
        rows = pq.read_metadata(built / family / f"{file}.parquet").num_rows
        assert told["families"][family]["rows"] == rows == sum(told["families"][family]["parts"].values())


def _real(tables: dict[str, pa.Table], dataset: str, chosen: Callable[[int], bool]) -> dict[str, pa.Table]:
    """The same tables, where the chosen rows of one dataset are no simulation and come from the bank."""
    told = tables[dataset].to_pylist()
    for number, row in enumerate(told):
        row |= {"simulated": False, "source": "bank"} if chosen(number) else {}
    return tables | {dataset: pa.Table.from_pylist(told, schema=tables[dataset].schema)}


@pytest.mark.parametrize(
    ("family", "dataset", "touched"),
    [("intent", "contacts", True), ("routing", "segments", True), ("forecast", "contacts", True),
     ("routing", "ratings", False), ("forecast", "utterances", False)],
)  # fmt: skip
@pytest.mark.parametrize(("kind", "share"), [("some", 2), ("none", 1), ("all", 10**9)])
def test_each_family_tells_whether_all_some_or_none_of_its_own_rows_are_simulated(
    tables: dict[str, pa.Table], tmp_path: Path, family: str, dataset: str, touched: bool, kind: str, share: int
) -> None:
    mixed = _real(tables, dataset, lambda number: share < 10**9 and number % share == 0)

    built = building.build(
        mixed, params=PARAMS, families=[family], as_of=AS_OF, to=tmp_path / "features", repo=tmp_path / "feast"
    )

    told = built["families"][family]
    assert told["simulated"] == (kind if touched else "all")
    assert told["sources"] == {"some": ["bank", "tiny"], "none": ["bank"], "all": ["tiny"]}[kind if touched else "all"]


def test_evidence_that_is_only_simulated_stays_so_whatever_was_learned_from(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    mixed = _real(tables, "segments", lambda number: number < 100)

    built = building.build(
        mixed, params=PARAMS, families=["routing"], as_of=AS_OF, to=tmp_path / "features", repo=tmp_path / "feast"
    )

    assert (
        built["families"]["routing"] | {"simulated": "all", "sources": ["bank", "tiny"]} == built["families"]["routing"]
    )


def test_no_path_and_no_pickle_is_among_the_payload(built: Path) -> None:
    for name, data in _bytes(built).items():
        assert str(built).encode() not in data, name
        assert not name.endswith((".pkl", ".pickle", ".dill"))


def test_an_unknown_family_is_refused_by_name(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    with pytest.raises(UnknownParameter, match="intent, routing, forecast"):
        building.build(tables, params=PARAMS, families=["sentiment"], as_of=AS_OF, to=tmp_path, repo=tmp_path / "r")


@pytest.mark.parametrize("family", ["routing", "forecast"])
def test_without_records_a_family_says_what_it_lacks(family: str, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData):
        building.build({}, params=PARAMS, families=[family], as_of=AS_OF, to=tmp_path, repo=tmp_path / "r")


def test_without_records_there_are_no_examples(tmp_path: Path) -> None:
    told = intent.build({}, params=PARAMS.intent, labels=LabelParams(), as_of=AS_OF, to=tmp_path)
    assert told["rows"] == 0
