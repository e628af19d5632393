"""The stages of `dvc.yaml`: `python -m flows.stages collect | check | build | train FAMILY | judge FAMILY`.

Each reads what dvc.yaml declares and nothing else, from the folder it is started in; holds a lock of its own; writes to
a temporary folder and renames; dies with its parent; and gives the same bytes for the same inputs.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, IntegrityError, NotEnoughData, ParleyError
from flows import request as requests
from flows.outputs import plain, produced, put_in_place, read_table, write_json, write_table
from flows.request import FAMILIES, NO_CHAMPION

if TYPE_CHECKING:
    import pyarrow as pa

COLLECTED, CHECKED, QUALITY = Path("data/collected"), Path("data/checked"), Path("data/quality")
FEATURES, CHAMPIONS, MODELS, REPORTS = Path("data/features"), Path("data/champion"), Path("models"), Path("reports")
# Time, memory and Great Expectations' pages never repeat byte for byte: they lie beside the outputs, not among them.
MEASURED, DATA_DOCS = Path("measured"), Path("data_docs")
NO_DATA = "no-data.json"


def collect() -> None:
    """Take the snapshot of the archive that the request names; refuse one whose digest is another."""
    import pyarrow.compute as pc

    from centre import settings as workspace_settings
    from centre.archive import Archive
    from data_contracts.contracts import datasets

    request = requests.load(Path())
    archive = Archive(workspace_settings.load().archive_dir)
    came = archive.digest(request.archive_batch)
    if came != request.archive_digest:
        raise IntegrityError(
            "the archive is not the one that was asked for",
            expected=request.archive_digest,
            came=came,
            where=f"archive up to batch {request.archive_batch}",
            remedy="it only ever grows: restore it, or ask anew",
        )
    with produced(COLLECTED) as folder:
        for dataset in datasets():
            known = archive.read(dataset, known_until=request.as_of_time(), upto_batch=request.archive_batch)
            write_table(
                known.filter(pc.less(known["happened_at"], request.until_time())), folder / f"{dataset}.parquet"
            )


def check() -> None:
    """Check the snapshot as a whole: rows that break a rule are left out and listed, a broken batch stops the run."""
    from data_contracts import expectations
    from data_contracts.checking import check as checked
    from data_contracts.contracts import datasets

    as_of = requests.load(Path()).as_of_time()
    tables: dict[str, pa.Table] = {}
    refused: list[dict[str, Any]] = []
    stopping: list[dict[str, Any]] = []
    for dataset in datasets():
        result = checked(dataset, read_table(COLLECTED / f"{dataset}.parquet"), parents=_Parents(tables), as_of=as_of)
        tables[dataset] = result.accepted
        refused += [_fault(fault) for fault in result.quarantined]
        stopping += [_fault(fault) for fault in result.batch_faults]
    with produced(QUALITY) as folder:
        write_json(folder / "faults.json", {"refused": refused, "batch": stopping})
        filled = {name: table for name, table in tables.items() if table.num_rows}
        report = expectations.validate(filled, docs_to=DATA_DOCS, as_of=as_of)
        write_json(folder / "quality.json", plain(report))
    _refuse_broken(stopping)
    expectations.refuse_disagreement(report, where=str(QUALITY / "quality.json"))
    with produced(CHECKED) as folder:
        for dataset, table in tables.items():
            write_table(table, folder / f"{dataset}.parquet")


def build() -> None:
    """Build the rows that each family learns from; a family without data says so in the manifest and stops nobody."""
    from training import params as parameters

    request = requests.load(Path())
    tables = {path.stem: read_table(path) for path in sorted(CHECKED.glob("*.parquet"))}
    fresh = FEATURES.with_name("features.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    manifest = _built(tables, params=parameters.load(Path("params.yaml")), request=request, to=fresh)
    write_json(fresh / "manifest.json", manifest)
    for family in (*FAMILIES, "store"):
        (fresh / family).mkdir(exist_ok=True)
    for family in FAMILIES:
        if why := why_no_data(manifest, family):
            write_json(fresh / family / NO_DATA, {"family": family, "why": why})
    FEATURES.mkdir(parents=True, exist_ok=True)
    for path in sorted(fresh.iterdir()):
        put_in_place(path, FEATURES / path.name)
    fresh.rmdir()


def train(family: str) -> None:
    """Fit one family; without data the payload says so instead of a model."""
    request = requests.load(Path())
    with produced(MODELS / family) as folder:
        if nothing := _no_data(family):
            write_json(folder / NO_DATA, nothing)
            return
        module, params = _family(family), _params()
        began = time.monotonic()
        measured = module.fit(
            FEATURES / family,
            params=getattr(params, family),
            seed=request.seed,
            threads=request.threads,
            to=folder,
            encoder_cache=_encoder_cache(),
        )
    write_json(MEASURED / f"{family}.json", {"stage_s": round(time.monotonic() - began, 3), **plain(measured or {})})


def judge(family: str) -> None:
    """Judge the candidate beside baseline and champion, on frozen rows; write the report as JSON and as one page."""
    request = requests.load(Path())
    with produced(REPORTS / family) as folder:
        if nothing := _no_data(family):
            write_json(folder / NO_DATA, nothing)
            return
        from training import page

        params, champion = _params(), _champion(family, request.champion.get(family, NO_CHAMPION))
        report = _family(family).judge(
            FEATURES / family,
            candidate=MODELS / family,
            champion=champion,
            params=params,
            seed=request.seed,
            threads=request.threads,
        )
        (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
        (folder / "page.html").write_text(page.render(report), encoding="utf-8")


def place_champion(family: str, *, folder: Path, payload: Path | None) -> None:
    """Put the champion's payload (or the word that there is none) where `judge` declares it."""
    to = folder / CHAMPIONS / family
    shutil.rmtree(to, ignore_errors=True)
    if payload is None:
        to.mkdir(parents=True)
        write_json(to / "none.json", {"champion": NO_CHAMPION})
    else:
        shutil.copytree(payload, to)


def manifest_of(features: Path) -> dict[str, Any]:
    """What `build` made, per family. Raises IntegrityError where there is none."""
    path = features / "manifest.json"
    if not path.is_file():
        raise IntegrityError("build left no manifest", expected="manifest.json", came="none", where=str(features))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def why_no_data(manifest: Mapping[str, Any], family: str) -> str:
    """Why a family has nothing to learn from; empty if it has."""
    told = manifest["families"].get(family)
    if told is None:
        return "build wrote no entry for this family"
    if told.get("data") is False:
        return str(told.get("why") or "no rows")
    return ""


class _Parents(Mapping[str, Any]):
    """The keys of the tables checked so far, read when a reference rule asks."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables
        self._keys: dict[str, frozenset[str]] = {}

    def __getitem__(self, dataset: str) -> frozenset[str]:
        if dataset not in self._keys:
            from data_contracts.contracts import contract

            key = contract(dataset).keys[0]
            self._keys[dataset] = frozenset(self._tables[dataset][key].to_pylist())
        return self._keys[dataset]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def _fault(fault: Any) -> dict[str, Any]:
    """A fault without the row itself: rows may hold personal data, the quarantine keeps them."""
    return {name: value for name, value in plain(fault).items() if name != "row"}


def _refuse_broken(faults: list[dict[str, Any]]) -> None:
    if faults:
        told = "; ".join(f"{fault['dataset']}: {fault['message']}" for fault in faults[:5])
        raise NotEnoughData(
            "the snapshot breaks a rule that stops a batch", came=told, where=str(QUALITY / "faults.json")
        )


def _built(tables: dict[str, pa.Table], *, params: Any, request: requests.Request, to: Path) -> dict[str, Any]:
    """Family by family into one manifest: {families: {family: what was built, or data false and why}, digest}."""
    from features import building, code_map

    codes = code_map.of_params(params.labels.wrap_up_codes, root=Path())
    told: dict[str, Any] = {"families": {}, "as_of": request.as_of, "digest": request.archive_digest}
    with tempfile.TemporaryDirectory(prefix="parley-feast-") as repo:
        for family in FAMILIES:
            try:
                built = building.build(
                    tables,
                    params=params,
                    families=(family,),
                    as_of=request.as_of_time(),
                    to=to,
                    repo=Path(repo),
                    threads=request.threads,
                    codes=codes,
                )
            except ParleyError as nothing:  # its own rows are at fault: the others are built all the same
                told["families"][family] = {"data": False, "why": str(nothing)}
                continue
            told["families"][family] = built["families"][family]
            told["format"] = built["format"]
    return told


def _no_data(family: str) -> dict[str, Any] | None:
    path = FEATURES / family / NO_DATA
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _family(family: str) -> Any:
    from importlib import import_module

    if family not in FAMILIES:
        raise InputError("unknown family", expected=", ".join(FAMILIES), came=family, where="the stage's argument")
    return import_module(f"training.{family}")


def _params() -> Any:
    from training import params as parameters

    return parameters.load(Path("params.yaml"))


def _encoder_cache() -> Path | None:
    """Vectors by text, encoder and runtime: a cache, so it may be shared and lost, and is no dependency."""
    home = os.environ.get("PARLEY_HOME")
    return Path(home) / "encoder-cache" if home else None


def _champion(family: str, digest: str) -> Path | None:
    folder = CHAMPIONS / family
    if digest == NO_CHAMPION:
        return None
    from training import payload

    came = payload.digest(folder)
    if came != digest:
        raise IntegrityError(
            "the champion to compare with is not the one that was asked for",
            expected=digest,
            came=came,
            where=str(folder),
        )
    return folder


STAGES: Mapping[str, Callable[..., None]] = {
    "collect": collect,
    "check": check,
    "build": build,
    "train": train,
    "judge": judge,
}


def run(name: str, *arguments: str) -> None:
    """Run one stage here. Raises IntegrityError if the code that runs is not the code that lies here."""
    if name not in STAGES:
        raise InputError("unknown stage", expected=", ".join(STAGES), came=name, where="python -m flows.stages")
    if Path(__file__).resolve().parents[1] != Path.cwd().resolve():
        raise IntegrityError(
            "a stage must run the code of its own folder",
            expected=str(Path.cwd()),
            came=str(Path(__file__).resolve().parents[1]),
            where="python -m flows.stages",
            remedy="start it in the clone's top folder",
        )
    STAGES[name](*arguments)


def main(arguments: list[str]) -> int:
    """Run a stage as DVC does; an error of ours is told in one line and, for the flow, in `failure.json`."""
    from flows.environment import die_with_parent, quieten

    quieten()
    die_with_parent()
    try:
        run(*arguments)
    except ParleyError as error:
        _tell(error)
        return error.exit_code
    return 0


def _tell(error: ParleyError) -> None:
    sys.stderr.write(f"{error}\n")
    if beside := os.environ.get("PARLEY_RUN_DIR"):
        told = {name: getattr(error, name) for name in ("message", "expected", "came", "where", "remedy")}
        write_json(Path(beside) / "failure.json", {**told, "type": type(error).__name__, "exit_code": error.exit_code})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
