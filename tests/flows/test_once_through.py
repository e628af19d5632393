"""Each flow, and each command that no other test runs, once on a small workspace that Prefect operates."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from centre import settings as all_settings
from centre.clock import FixedClock
from centre.people import Person
from centre.simulation import parameters
from data_contracts.events import Event
from flows import compose, deciding, materializing, operating, promoting, receiving, runs
from flows.cli import app
from flows.compose import Workspace
from tests.training.reports import card, passed_report, payload_folder, report_folder
from training.registry import MemoryRegistry, VersionCard
from training.subject import scope_for

NOW = datetime(2026, 5, 1, tzinfo=UTC)
START = date(2026, 3, 2)
ADA, RUI = Person("ada", frozenset({"engineer"})), Person("rui", frozenset({"reviewer"}))


@dataclass
class Operated:
    """A workspace within one `embedded` block, and a folder for what tests bring."""

    place: Workspace
    folder: Path
    tokens: dict[str, str]
    simulated: Any

    def register(self, *, marker: str, **told: Any) -> VersionCard:
        """An intent version that passed against today's champion."""
        report = passed_report(champion=self.place.standing().champion_digest("intent"))
        at = self.folder / marker
        return self.place.registry.register(
            "intent", payload=payload_folder(at / "payload", marker=marker),
            report=report_folder(at / "report", report), card=card(request={"as_of": NOW.isoformat()}, **told),
        )  # fmt: skip

    def approved(self, version: VersionCard) -> str:
        """The request of a version, approved and not yet acted on."""
        named = f"intent/{version.version}"
        asked = str(deciding.request(self.place, named, person=ADA, credential="token:ada")["request_id"])
        deciding.approve(self.place, asked, person=RUI, comment="read it", credential="token:rui")
        return asked


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """Two weeks of a tiny centre, taken in by the flow `simulate`; commands find the same workspace and API."""
    folder = tmp_path_factory.mktemp("once")
    tiny = replace(parameters.load(), contacts_per_weekday=60, agent_count=6, bilingual_agents=4, customer_count=500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_HOME", str(folder / "home"))
        patch.setenv("PARLEY_PROFILE", "test")
        patch.setattr(parameters, "load", lambda: tiny)
        patch.setattr(promoting, "policy_digest", lambda family: passed_report(family=family).policy)
        place = Workspace(all_settings.load(folder / "home"), FixedClock(NOW))
        vars(place)["registry"] = MemoryRegistry(folder / "registry")
        tokens = {
            one.name: place.people.add(one.name, roles=sorted(one.roles), by="test", clock=place.clock)
            for one in (ADA, RUI)
        }
        patch.setattr(compose, "workspace", lambda: place)
        with operating.embedded(place.settings):
            patch.setattr(operating, "embedded", lambda settings: contextlib.nullcontext())
            from flows.simulate import simulate

            done = simulate(place, weeks=2, seed=7, start=START)
            yield Operated(place, folder, tokens, done)


def parley(operated: Operated, *arguments: str | Path, code: int = 0, person: str = "ada") -> int:
    """Run a command as somebody; it must end with this code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_TOKEN", operated.tokens[person])
        ended = app.run([str(word) for word in arguments])
    assert ended == code
    return ended


def told(operated: Operated, capsys: pytest.CaptureFixture[str], *arguments: str | Path, **more: Any) -> dict[str, Any]:
    """What a command prints for programs."""
    capsys.readouterr()
    parley(operated, *arguments, "--json", **more)
    return dict(json.loads(capsys.readouterr().out))


def registered(name: str) -> Event:
    data = {"customer_id": name, "revision": 0, "language": "en"}
    return Event(id=name, source="crm", type="customer.registered", time=NOW, data=data, simulated=True)


def test_simulate_records_each_event_once(operated: Operated) -> None:
    from flows.simulate import simulate

    again = simulate(operated.place, weeks=2, seed=7, start=START)

    assert operated.simulated.taken > 5000
    assert operated.simulated.compacted.taken > 5000
    assert (again.taken, again.repeated) == (0, operated.simulated.taken)
    assert again.compacted.batch is None


def test_ingest_takes_a_file_through_the_log_into_the_archive(operated: Operated) -> None:
    from flows.ingest import ingest

    path = operated.folder / "one.jsonl"
    path.write_text(json.dumps(registered("from-a-file").to_cloudevent()) + "\n{}\n", encoding="utf-8")
    opened = receiving.open_files(operated.place, "events", [path], source=None, time_zone=None)

    done = ingest(operated.place, opened)

    assert (done.files[0].taken, len(done.files[0].faults), done.compacted.taken) == (1, 1, 1)
    assert "from-a-file" in operated.place.archive.columns("customers", ["customer_id"])["customer_id"].to_pylist()


def test_compact_moves_what_is_new_and_says_so_once(operated: Operated) -> None:
    from flows.compact import compact

    operated.place.log.append([registered("over-http")], received_at=NOW)

    first, again = compact(operated.place), compact(operated.place)

    assert (first.taken, again.batch) == (1, None)
    assert operated.place.log.find(compose.SOURCE, f"log.compacted/batch/{first.batch}") is not None


def test_materialize_makes_the_online_store_anew_and_the_mirror_current(operated: Operated) -> None:
    from flows.materialize import materialize

    store = operated.place.settings.feast_dir / "online.db"
    store.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(store)) as left:
        left.execute("create table of_an_erased_customer (name text)")

    done = materialize(operated.place, as_of=materializing.default_as_of(operated.place))

    with contextlib.closing(sqlite3.connect(store)) as opened:
        tables = {name for (name,) in opened.execute("select name from sqlite_master where type = 'table'")}
    assert "of_an_erased_customer" not in tables
    assert any("customer_features" in name for name in tables)
    assert materializing.is_current(operated.place)
    assert operated.place.log.find(compose.SOURCE, f"features.materialized/{done['version']}") is not None


def test_absorb_feedback_counts_the_verdicts_of_each_family(operated: Operated) -> None:
    from flows.absorb_feedback import absorb_feedback

    counted = absorb_feedback(operated.place)

    spoken = operated.place.archive.columns("verdicts", ["capability"])["capability"].to_pylist()
    assert counted["intent"]["verdicts"] == spoken.count("intent") > 0
    assert counted["routing"]["mature"] > 0
    assert counted["forecast"]["days"] > 10


def test_issue_forecast_leaves_the_baselines_table_and_says_so(operated: Operated) -> None:
    from flows import issuing
    from flows.issue_forecast import issue_forecast

    issue = issue_forecast(operated.place, as_of=issuing.default_as_of(operated.place))

    assert issue["source"] == "baseline"
    assert (operated.place.settings.issued_dir / issue["table"]).is_file()
    assert operated.place.log.find(compose.SOURCE, f"forecast.issued/{issue['issue_id']}") is not None


def test_the_forecast_that_follows_from_a_promotion_is_told_like_any_other(
    operated: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import issuing

    def issues() -> list[str]:
        return [one.event.data["issue_id"] for one in operated.place.log.read(types=["forecast.issued"])]

    monkeypatch.setattr(issuing, "default_as_of", lambda place: datetime(2026, 3, 11, tzinfo=UTC))
    before = issues()

    promoting.catch_up(operated.place, "intent")
    after_another_family = issues()
    promoting.catch_up(operated.place, "forecast")

    current = json.loads((operated.place.settings.issued_dir / "current.json").read_text(encoding="utf-8"))
    assert after_another_family == before
    assert issues() == [*before, current["issue_id"]]
    assert current["issue_id"].startswith("20260311T000000Z")


def test_watch_decides_and_says_why(operated: Operated) -> None:
    from flows.watch import watch

    (decided,) = watch(operated.place, ["routing"])

    assert "1000 " in decided["why"]
    assert "not measured" in decided["why"]


def test_watch_writes_down_what_nobody_decided_in_time(operated: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.watch import watch

    version = f"intent/{operated.register(marker='late').version}"
    asked = deciding.request(operated.place, version, person=ADA, credential="token:ada")["request_id"]
    monkeypatch.setattr(operated.place, "clock", FixedClock(NOW + timedelta(days=20)))

    watch(operated.place, [])

    last = operated.place.chain.entries()[-1]
    assert (last.kind, last.body["request"]) == ("promotion.expired", asked)


def test_promote_makes_an_approved_version_champion_and_moves_the_alias(operated: Operated) -> None:
    from flows.promote import promote

    version = operated.register(marker="flow")
    done = promote(operated.place, operated.approved(version))

    champion = operated.place.standing().champion("intent")
    assert champion is not None
    assert champion.version == done["version"] == version.version
    assert operated.place.registry.alias("intent") == version.version


def test_commands_promote_pull_and_compare(operated: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = operated.register(marker="one"), operated.register(marker="two")
    asked = operated.approved(other)

    promoted = told(operated, capsys, "promote", asked)
    pulled = told(operated, capsys, "pull", "intent", "--to", operated.folder / "pulled")
    compared = told(operated, capsys, "compare", f"intent/{one.version}", f"intent/{other.version}")

    assert promoted["version"] == pulled["version"] == other.version
    assert (Path(pulled["folder"]) / "payload.json").is_file()
    assert compared["same_rows"] is True
    assert {figure["metric"] for figure in compared["metrics"]} == {"accuracy", "ece_excess"}
    parley(operated, "compare", f"intent/{one.version}", f"intent/{other.version}")
    assert "judged on the same rows" in capsys.readouterr().out


NARROW = ("--queue", "cards", "--queue", "loans", "--language", "en", "--channel", "chat", "--unit", "north",
          "--share", "0.2", "--until", "2026-08-01")  # fmt: skip


def test_a_request_names_its_scope_and_what_it_leaves_out_is_what_the_report_supports(
    operated: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow, wide = (f"intent/{operated.register(marker=marker).version}" for marker in ("narrow", "wide"))

    limited = told(operated, capsys, "review", "request", narrow, *NARROW)["request_id"]
    signed = told(operated, capsys, "review", "show", limited)["signs"]["scope"]
    free = told(operated, capsys, "review", "request", wide, "--share", "1")["request_id"]

    assert signed == {
        "units": ["north"], "queues": ["cards", "loans"], "channels": ["chat"], "languages": ["en"], "share": 0.2,
        "until": "2026-08-01T00:00:00+00:00",
    }  # fmt: skip
    assert operated.place.standing().request(free).subject.scope == scope_for(passed_report())


@pytest.mark.parametrize(
    ("asked", "code", "why"),
    [
        (("--language", "fr"), 3, "passed only in en, zh"),
        (("--language", "*"), 3, "passed only in en, zh"),
        (("--until", "2026-05-01"), 3, "its scope ended"),
        (("--until", "soon"), 2, "--until"),
        (("--share", "1.01"), 2, "a share is a part of the whole"),
        (("--queue", ""), 2, "a scope names what it covers"),
        (("--condition", " "), 2, "a condition is said in words"),
    ],
)
def test_more_than_the_report_supports_or_what_makes_no_sense_is_not_asked_for(
    operated: Operated, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], code: int, why: str
) -> None:
    version = f"intent/{operated.register(marker='-'.join(asked).replace('/', '')).version}"
    entries = len(operated.place.chain.entries())

    parley(operated, "review", "request", version, *asked, code=code)

    assert why in capsys.readouterr().err
    assert len(operated.place.chain.entries()) == entries


def test_a_request_states_its_conditions_and_review_show_tells_them_line_by_line(
    operated: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = ("read twenty answers a day", "ask again in June, or before")
    named = [word for one in stated for word in ("--condition", one)]
    version = f"intent/{operated.register(marker='conditions').version}"

    asked = told(operated, capsys, "review", "request", version, *named)["request_id"]

    assert told(operated, capsys, "review", "show", asked)["signs"]["conditions"] == list(stated)
    parley(operated, "review", "show", asked)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("conditions") + 1 :] == list(stated)


def test_a_version_of_a_dirty_tree_is_not_reproduced(operated: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    version = operated.register(marker="dirty", dirty=True)

    parley(operated, "reproduce", f"intent/{version.version}", code=6)

    assert "dirty tree" in capsys.readouterr().err


def test_commands_compact_materialize_and_absorb_feedback(
    operated: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    operated.place.log.append([registered("by-command")], received_at=NOW)

    assert told(operated, capsys, "compact")["taken"] == 1
    assert set(told(operated, capsys, "absorb-feedback")) == {"intent", "routing", "forecast"}
    assert told(operated, capsys, "materialize", "--as-of", "2026-03-12")["as_of"] == "2026-03-12T00:00:00+00:00"
    assert told(operated, capsys, "issue-forecast", "--as-of", "2026-03-12")["source"] == "baseline"


def test_agents_are_planned_behind_the_forecast_where_rules_are_named(
    operated: Operated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = told(operated, capsys, "issue-forecast", "--plan")
    (operated.folder / "rules.yaml").write_text("luck: {scenarios: 50}\nrostering: {effort: 1}\n", encoding="utf-8")
    named = replace(operated.place.settings, staffing_rules=str(operated.folder / "rules.yaml"))
    monkeypatch.setattr(operated.place, "settings", named)

    planned = told(operated, capsys, "issue-forecast", "--plan")

    assert (skipped["staffing"], "PARLEY_STAFFING_RULES" in skipped["staffing_skipped"]) == (None, True)
    assert told(operated, capsys, "staff", "show")["plan_id"] == planned["staffing"]
    assert told(operated, capsys, "staff", "show")["issue_id"] == planned["issue_id"]


def test_an_ingest_of_which_nothing_is_taken_ends_with_two(
    operated: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    path = operated.folder / "blank.csv"
    path.write_text("text,label\n,\n ,\n", encoding="utf-8")

    result = told(operated, capsys, "ingest", "intent-csv", path, code=2)
    parley(operated, "ingest", "intent-csv", path, code=2)

    assert (result["files"][0]["taken"], result["files"][0]["refused"]) == (0, 2)
    assert str(path) in capsys.readouterr().err


def test_commands_on_people(operated: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    code = told(operated, capsys, "people", "add", "kim", "--role", "engineer")["invitation"]
    token = told(operated, capsys, "people", "accept", code)["token"]
    operated.tokens["kim"] = token

    rotated = told(operated, capsys, "people", "rotate", "kim", person="kim")["token"]
    parley(operated, "people", "invite", "kim", person="kim", code=4)
    operated.tokens["kim"] = rotated
    link = told(operated, capsys, "people", "invite", "kim", person="kim")["link"]
    disabled = told(operated, capsys, "people", "disable", "kim")
    parley(operated, "people", "invite", "kim", person="kim", code=4)

    assert rotated != token
    assert link.startswith("http")
    assert disabled == {"name": "kim", "disabled": True}


def test_the_log_of_a_run_is_text_or_json(operated: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    asked = runs.Run(run_id="20260501-000000-intent-0001", families=("intent",), reason="a test", requester="ada")
    run = runs.create(operated.place.settings, run=asked, at=NOW)
    parley(operated, "runs", "logs", run.run_id)
    before = capsys.readouterr().out
    (runs.sidecar(operated.place.settings, run.run_id) / "log.txt").write_text("collect: 9 rows\n", encoding="utf-8")

    parley(operated, "runs", "logs", run.run_id)

    assert "nothing was printed yet" in before
    assert "collect: 9 rows" in capsys.readouterr().out
    assert told(operated, capsys, "runs", "logs", run.run_id)["log"] == "collect: 9 rows\n"
    assert told(operated, capsys, "runs", "show", run.run_id)["data_docs"] is None


def test_a_dry_run_tells_what_would_run_and_leaves_no_clone(
    operated: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    run = told(operated, capsys, "retrain", "forecast", "--reason", "a look", "--dry-run")

    assert run["state"] == "finished"
    assert {"collect", "check", "build", "train@forecast", "judge@forecast"} <= set(run["options"]["would_run"])
    assert not runs.clone_of(operated.place.settings, run["run_id"]).exists()
