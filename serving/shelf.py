"""The approved models at hand: watches the history, pulls in a child process, verifies, loads, swaps at once.

What may answer is decided by the hash chain alone. A swap replaces one reference: a request that began with the old
model ends with it, the next one begins with the new. What cannot be verified is refused, and the last good model goes
on; what is wrong is told by `/readyz` and in every answer.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from centre.settings import Settings
from data_contracts.errors import IntegrityError, ParleyError, RegistryUnavailable, TamperedArtefact, UnavailableError
from training import payload, standing
from training.history import Entry, History
from training.standing import CAPABILITIES, Promotion, Standing

logger = logging.getLogger("parley.serving")

FAMILIES: Final = ("intent", "routing", "forecast")
# A pull copies some 100 MB and verifies them; a registry that takes longer than this is down.
PULL_S = 60.0

# After a pull that failed, seconds until the next attempt, doubling up to the last: no storm of child processes.
FIRST_PAUSE_S, LAST_PAUSE_S = 2.0, 60.0

Problem = dict[str, str]
Load = Callable[[str, Path], Any]
Pull = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Slot:
    """What answers for one family now. No model: the baseline answers (or nobody, when switched off)."""

    family: str
    model: Any = None
    promotion: Promotion | None = None
    folder: Path | None = None
    off: Mapping[str, str] | None = None
    problems: tuple[Problem, ...] = ()
    # Artefacts of this family that stand approved: a table that one of them issued may still be answered.
    approved: frozenset[str] = frozenset()

    @property
    def source(self) -> Literal["model", "baseline", "off"]:
        """Who answers. A forecast is answered from the table that a model issued, so there no model is loaded."""
        if self.off is not None:
            return "off"
        at_hand = self.model is not None or self.family == "forecast"
        return "model" if at_hand and self.promotion is not None else "baseline"

    @property
    def version(self) -> str | None:
        """The version as people write it, such as `intent/3`."""
        return None if self.promotion is None else f"{self.family}/{self.promotion.version}"

    @property
    def approval(self) -> str | None:
        """The digest of the approval under which the model answers."""
        return None if self.promotion is None else self.promotion.approval


class Shelving(Protocol):
    """What the application asks of a shelf."""

    def slot(self, family: str) -> Slot:
        """What answers for the family at this moment. Cheap: one look-up."""
        ...

    def slots(self) -> tuple[Slot, ...]:
        """All families that this process serves."""
        ...

    def start(self) -> None:
        """Load what is approved and keep watching."""
        ...

    def stop(self) -> None:
        """Stop watching."""
        ...


class StillShelf:
    """A shelf that holds what it is given: for tests, and for whoever brings models of their own."""

    def __init__(self, *slots: Slot) -> None:
        self._slots = {slot.family: slot for slot in slots}

    def put(self, slot: Slot) -> None:
        """Swap."""
        self._slots = {**self._slots, slot.family: slot}

    def slot(self, family: str) -> Slot:
        """See `Shelving.slot`."""
        return self._slots.get(family) or Slot(family)

    def slots(self) -> tuple[Slot, ...]:
        """See `Shelving.slots`."""
        return tuple(self.slot(family) for family in FAMILIES)

    def start(self) -> None:
        """Nothing to watch."""

    def stop(self) -> None:
        """Nothing to stop."""


@dataclass
class _Attempt:
    """A pull that failed: when it may be tried again."""

    artefact: str
    pause_s: float = FIRST_PAUSE_S
    not_before: float = 0.0


class Shelf:
    """The real shelf of one serving process."""

    def __init__(
        self, settings: Settings, history: History, *, families: Sequence[str] = FAMILIES,
        pull: Pull | None = None, load: Load | None = None,
    ) -> None:
        """`history` checks with the pinned key (`FileHistory.watch`); payloads lie in `settings.shelf_dir`, by family.

        `pull` fetches and verifies the champion of a family and says where it lies (default: in a child process);
        `load` makes a model of a folder (default: `training.loaders.<family>`). Touches nothing until `start`.
        """
        self._history, self._folder, self._families = history, settings.shelf_dir, tuple(families)
        self._poll_s = settings.poll_s
        self._pull, self._load = pull or pull_in_child(settings.home), load or load_family
        self._slots: dict[str, Slot] = {family: Slot(family) for family in self._families}
        self._failed: dict[str, _Attempt] = {}
        self._seen: tuple[tuple[Entry, ...], Standing] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def slot(self, family: str) -> Slot:
        """See `Shelving.slot`."""
        return self._slots.get(family) or Slot(family)

    def slots(self) -> tuple[Slot, ...]:
        """See `Shelving.slots`."""
        return tuple(self._slots[family] for family in self._families)

    def start(self) -> None:
        """Look once, so that the first request meets what is approved, then keep watching in a thread."""
        self.look()
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, name="parley-shelf", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """See `Shelving.stop`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def look(self) -> None:
        """One look at the history: verify what changed, then bring each family in line with it."""
        try:
            now = self._verified_standing()
        except (ParleyError, OSError, ValueError) as error:
            self._distrust(error)
            return
        for family in self._families:
            self._bring_in_line(family, now)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            try:
                self.look()
            except Exception:
                logger.exception("the shelf met something unexpected; the last good models go on")

    def _verified_standing(self) -> Standing:
        """What the history says, as its own check lets it through; worked out anew only when it changed."""
        entries = self._history.entries()
        if self._seen is None or self._seen[0] != entries:
            self._seen = (entries, standing.standing(self._history))
        return self._seen[1]

    def _distrust(self, error: Exception) -> None:
        """The history does not hold: nothing new is taken from it; models that were verified before go on."""
        self._seen = None
        reason = "history_tampered" if isinstance(error, IntegrityError) else "history_unreadable"
        for slot in self.slots():
            others = tuple(told for told in slot.problems if not told["reason"].startswith("history_"))
            self._put(replace(slot, problems=(*others, _problem(reason, error))))

    def _bring_in_line(self, family: str, now: Standing) -> None:
        approved = frozenset(one.artefact for one in now.approved_versions(family))
        slot = replace(self._slots[family], off=_switched_off(now, family), problems=(), approved=approved)
        champion = now.champion(family)
        if champion is None:
            self._failed.pop(family, None)
            self._put(replace(slot, model=None, promotion=None, folder=None))
        elif slot.promotion is not None and _is_same(slot.promotion, champion):
            self._put(slot)
        elif family == "forecast":
            self._put(replace(slot, promotion=champion))
        else:
            self._take_up(slot, champion, now)

    def _take_up(self, slot: Slot, champion: Promotion, now: Standing) -> None:
        """Load a new champion and swap; when that fails, what is good and still approved goes on."""
        family = slot.family
        failed = self._failed.get(family)
        if failed is not None and failed.artefact == champion.artefact and time.monotonic() < failed.not_before:
            self._put(replace(self._without_disowned(slot), problems=self._slots[family].problems))
            return
        try:
            folder = self._folder_of(champion)
            model = self._load(family, folder)
        except Exception as error:
            logger.exception("a promoted model could not be taken up", extra={"told": {"family": family}})
            self._fall_back(slot, champion, error, now)
            return
        self._failed.pop(family, None)
        self._put(replace(slot, model=model, promotion=champion, folder=folder))
        logger.info("model taken up", extra={"told": {"version": f"{family}/{champion.version}"}})

    def _folder_of(self, champion: Promotion) -> Path:
        """The verified payload: the copy at hand when its digest is right, else pulled anew by a child process."""
        at_hand = self._folder / champion.family / champion.artefact
        if _holds(at_hand, champion.artefact):
            return at_hand
        pulled = self._pull(champion.family)
        if pulled.get("artefact") != champion.artefact:
            raise RegistryUnavailable(
                "the promoted version could not be pulled", expected=f"artefact {champion.artefact[:16]}…",
                came=f"{str(pulled.get('artefact'))[:16]}…", where=f"{champion.family}/{champion.version}",
                remedy="See that the registry answers.",
            )
        folder = Path(str(pulled["folder"]))
        payload.verify(folder, expected=champion.artefact)
        return folder

    def _fall_back(self, slot: Slot, champion: Promotion, error: Exception, now: Standing) -> None:
        """Keep the model in memory if it still stands approved, else the last good copy, else the baseline."""
        failed = self._failed.get(slot.family)
        if failed is None or failed.artefact != champion.artefact:
            failed = self._failed[slot.family] = _Attempt(champion.artefact)
        failed.not_before = time.monotonic() + failed.pause_s
        failed.pause_s = min(failed.pause_s * 2, LAST_PAUSE_S)
        slot = self._without_disowned(slot)
        if slot.model is None:
            slot = self._last_good(slot, now)
        reason = "artefact_refused" if isinstance(error, IntegrityError) else "not_loaded"
        told = _problem(reason, error, version=f"{slot.family}/{champion.version}")
        self._put(replace(slot, problems=(told,)))

    def _without_disowned(self, slot: Slot) -> Slot:
        """The slot without its model, if that was revoked in the meantime."""
        if slot.promotion is None or slot.promotion.artefact in slot.approved:
            return slot
        return replace(slot, model=None, promotion=None, folder=None)

    def _last_good(self, slot: Slot, now: Standing) -> Slot:
        """The slot with the copy that the shelf last pointed at, if it is whole and the history still approves it."""
        place = self._folder / slot.family
        try:
            named = json.loads((place / "current.json").read_bytes())["artefact"]
            earlier = next(one for one in now.approved_versions(slot.family) if one.artefact == named)
            payload.verify(place / earlier.artefact, expected=earlier.artefact)
            model = self._load(slot.family, place / earlier.artefact)
        except Exception as error:  # noqa: BLE001 - whatever it is: there is no good copy, and the slot says why
            logger.info("no last good copy", extra={"told": {"family": slot.family, "why": str(error)[:300]}})
            return slot
        return replace(slot, model=model, promotion=earlier, folder=place / earlier.artefact)

    def _put(self, slot: Slot) -> None:
        """One assignment: whoever asks next gets the new slot, whoever asked before keeps the old one."""
        self._slots = {**self._slots, slot.family: slot}


def load_family(family: str, folder: Path) -> Any:
    """The model in a folder, by the family's own loader. One thread each: serving runs several texts side by side."""
    loader = importlib.import_module(f"training.loaders.{family}")
    return loader.load(folder, threads=1)


def pull_in_child(home: Path) -> Pull:
    """A pull that runs `python -m training.pulling FAMILY` for the workspace at `home`, so that this process never
    imports the registry's library. The child verifies chain, signature and digest, and leaves plain files."""

    def pull(family: str) -> Mapping[str, Any]:
        command = [sys.executable, "-m", "training.pulling", family]
        environment = {**os.environ, "PARLEY_HOME": str(home)}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=PULL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RegistryUnavailable("the pull did not end", expected=f"an end within {PULL_S:g} s",
                                      came=type(error).__name__, where=family) from error
        return _read_pulled(done, family)

    return pull


def _read_pulled(done: subprocess.CompletedProcess[bytes], family: str) -> Mapping[str, Any]:
    """What the child printed: the pulled copy, or its error, told on as an error of the same meaning."""
    try:
        told = dict(json.loads(done.stdout.decode("utf-8").strip().splitlines()[-1]))
    except (ValueError, IndexError, TypeError) as error:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UnavailableError("the pull said nothing readable", expected="one line of JSON", where=family,
                               came=(said[-1] if said else f"exit code {done.returncode}")[:300]) from error
    if done.returncode:
        refused = TamperedArtefact if done.returncode == IntegrityError.exit_code else RegistryUnavailable
        raise refused("the pull was refused", expected="a verified payload", came=str(told.get("detail"))[:500],
                      where=family)
    return told


def _holds(folder: Path, artefact: str) -> bool:
    try:
        payload.verify(folder, expected=artefact)
    except (ParleyError, OSError):
        return False
    return True


def _is_same(one: Promotion, other: Promotion) -> bool:
    return (one.artefact, one.approval, one.sequence) == (other.artefact, other.approval, other.sequence)


def _switched_off(now: Standing, family: str) -> Mapping[str, str] | None:
    return {"capability": CAPABILITIES[family]} if now.is_off(family) else None


def _problem(reason: str, error: Exception, **more: str) -> Problem:
    return {"reason": reason, "detail": str(error)[:500], **more}
