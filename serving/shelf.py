"""The approved models at hand: watches the history, pulls in a child process, verifies, loads, swaps at once.

What may answer is decided by the hash chain alone. A swap replaces one reference: a request that began with the old
model ends with it, the next one begins with the new. What cannot be verified is refused, and the last good model goes
on; what is wrong is told by `/readyz` and in every answer.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from centre.settings import Settings
from data_contracts.errors import IntegrityError, ParleyError, RegistryUnavailable
from serving.fetching import Load, Pull, load_family, pull_in_child
from serving.slots import FAMILIES, Problem, Slot
from training import payload, standing
from training.history import Entry, History
from training.standing import CAPABILITIES, Promotion, Standing

logger = logging.getLogger("parley.serving")

# After a pull that failed, seconds until the next attempt, doubling up to the last: no storm of child processes.
FIRST_PAUSE_S, LAST_PAUSE_S = 2.0, 60.0


@dataclass
class _Attempt:
    """A pull that failed: when it may be tried again."""

    artefact: str
    pause_s: float = FIRST_PAUSE_S
    not_before: float = 0.0


class Shelf:
    """The real shelf of one serving process."""

    def __init__(
        self,
        settings: Settings,
        history: History,
        *,
        families: Sequence[str] = FAMILIES,
        pull: Pull | None = None,
        load: Load | None = None,
    ) -> None:
        """`history` checks with the pinned key (`FileHistory.watch`); payloads lie in `settings.shelf_dir`, by family.

        `pull` fetches and verifies the champion of a family and says where it lies (default: in a child process);
        `load` makes a model of a folder (default: by the payload's own loader). Touches nothing until `start`.
        """
        self._history, self._folder, self._families = history, settings.shelf_dir, tuple(families)
        self._home, self._poll_s = settings.home, settings.poll_s
        self._pull, self._load = pull or pull_in_child(settings.home), load or load_family
        self._slots: dict[str, Slot] = {family: Slot(family) for family in self._families}
        self._failed: dict[str, _Attempt] = {}
        self._seen: tuple[tuple[Entry, ...], Standing] | None = None
        self._busy: set[str] = set()
        self._lock = threading.Lock()
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

    def look(self, *, waiting: bool = True) -> None:
        """One look at the history, then bring each family in line with it.

        `waiting`: new champions are taken up before this returns; otherwise beside it, one at a time for a family, so
        that a pull that hangs never keeps a switch or a roll-back from being seen.
        """
        try:
            now = self._verified_standing()
        except (ParleyError, OSError, ValueError) as error:
            self._distrust(error)
            return
        for family in self._families:
            champion = self._bring_in_line(family, now)
            if champion is not None and waiting:
                self._take_up(champion, now)
            elif champion is not None and family not in self._busy:
                self._busy.add(family)
                threading.Thread(target=self._take_up, args=(champion, now), daemon=True).start()

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            try:
                self.look(waiting=False)
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
        reason = "history_tampered" if isinstance(error, IntegrityError) else "history_unreadable"
        with self._lock:
            self._seen = None
            for family, slot in self._slots.items():
                others = tuple(told for told in slot.problems if not told["reason"].startswith("history_"))
                told = replace(slot, problems=(*others, _problem(reason, error, home=self._home)))
                self._slots = {**self._slots, family: told}

    def _bring_in_line(self, family: str, now: Standing) -> Promotion | None:
        """What follows at once from the history; the champion that is to be taken up now, if there is one."""
        champion, to_do = now.champion(family), False
        with self._lock:
            slot = self._as_of(self._slots[family], now)
            if champion is None:
                self._failed.pop(family, None)
                slot = replace(slot, model=None, promotion=None, folder=None, problems=())
            elif slot.promotion is not None and _is_same(slot.promotion, champion):
                slot = replace(slot, problems=())
            elif family == "forecast":
                slot = replace(slot, promotion=champion, problems=())
            else:
                slot = replace(slot, problems=self._problems_of_failure(slot, champion))
                to_do = self._is_due(champion)
            self._slots = {**self._slots, family: slot}
        return champion if to_do else None

    def _as_of(self, slot: Slot, now: Standing) -> Slot:
        """The slot with what the history says of switches and revocations; a model that was revoked is put down."""
        approved = {one.artefact: one.scope for one in now.approved_versions(slot.family)}
        slot = replace(slot, off=_switched_off(now, slot.family), approved=approved)
        if slot.promotion is None or slot.promotion.artefact in approved:
            return slot
        return replace(slot, model=None, promotion=None, folder=None)

    def _problems_of_failure(self, slot: Slot, champion: Promotion) -> tuple[Problem, ...]:
        """What was told of the attempt to take up this champion; a problem of the history itself is over."""
        failed = self._failed.get(slot.family)
        same = failed is not None and failed.artefact == champion.artefact
        return tuple(told for told in slot.problems if same and not told["reason"].startswith("history_"))

    def _is_due(self, champion: Promotion) -> bool:
        failed = self._failed.get(champion.family)
        return failed is None or failed.artefact != champion.artefact or time.monotonic() >= failed.not_before

    def _take_up(self, champion: Promotion, now: Standing) -> None:
        """Load a new champion and swap; when that fails, what is good and still approved goes on."""
        family = champion.family
        try:
            folder = self._folder_of(champion)
            model = self._load(family, folder)
        except Exception as error:
            logger.exception("a promoted model could not be taken up", extra={"told": {"family": family}})
            self._fall_back(champion, error, now)
        else:
            self._swap(champion, model, folder)
        finally:
            self._busy.discard(family)

    def _swap(self, champion: Promotion, model: Any, folder: Path) -> None:
        """One assignment: whoever asks next gets the new model, whoever asked before ends with the old one."""
        family = champion.family
        with self._lock:
            standing_now = self._seen[1].champion(family) if self._seen else None
            if standing_now is None or not _is_same(standing_now, champion):
                return  # decided otherwise while it was loaded; the next look sees to it
            self._failed.pop(family, None)
            slot = replace(self._slots[family], model=model, promotion=champion, folder=folder, problems=())
            self._slots = {**self._slots, family: slot}
        logger.info("model taken up", extra={"told": {"version": f"{family}/{champion.version}"}})

    def _folder_of(self, champion: Promotion) -> Path:
        """The verified payload: the copy at hand when its digest is right, else pulled anew by a child process."""
        at_hand = self._folder / champion.family / champion.artefact
        if _holds(at_hand, champion.artefact):
            return at_hand
        pulled = self._pull(champion.family)
        if pulled.get("artefact") != champion.artefact:
            raise RegistryUnavailable(
                "the promoted version could not be pulled",
                expected=f"artefact {champion.artefact[:16]}…",
                came=f"{str(pulled.get('artefact'))[:16]}…",
                where=f"{champion.family}/{champion.version}",
                remedy="See that the registry answers.",
            )
        folder = Path(str(pulled["folder"]))
        payload.verify(folder, expected=champion.artefact)
        return folder

    def _fall_back(self, champion: Promotion, error: Exception, now: Standing) -> None:
        """Keep the model in memory if it still stands approved, else the last good copy, else the baseline."""
        family = champion.family
        reason = "artefact_refused" if isinstance(error, IntegrityError) else "not_loaded"
        told = _problem(reason, error, home=self._home, version=f"{family}/{champion.version}")
        good = None if self._slots[family].model is not None else self._last_good(family, now)
        with self._lock:
            failed = self._failed.get(family)
            if failed is None or failed.artefact != champion.artefact:
                failed = self._failed[family] = _Attempt(champion.artefact)
            failed.not_before = time.monotonic() + failed.pause_s
            failed.pause_s = min(failed.pause_s * 2, LAST_PAUSE_S)
            slot = replace(self._slots[family], problems=(told,))
            if good is not None and good[0].artefact in slot.approved:
                slot = replace(slot, promotion=good[0], model=good[1], folder=good[2])
            self._slots = {**self._slots, family: slot}

    def _last_good(self, family: str, now: Standing) -> tuple[Promotion, Any, Path] | None:
        """The copy that the shelf last pointed at, if it is whole and the history still approves it."""
        place = self._folder / family
        try:
            named = json.loads((place / "current.json").read_bytes())["artefact"]
            earlier = next(one for one in now.approved_versions(family) if one.artefact == named)
            payload.verify(place / earlier.artefact, expected=earlier.artefact)
            return earlier, self._load(family, place / earlier.artefact), place / earlier.artefact
        except Exception as error:  # noqa: BLE001 - whatever it is: there is no good copy, and the log says why
            logger.info("no last good copy", extra={"told": {"family": family, "why": str(error)[:300]}})
            return None


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


def _problem(reason: str, error: Exception, *, home: Path, **more: str) -> Problem:
    """What went wrong, for whoever looks after the process; the workspace's own place is left out."""
    return {"reason": reason, "detail": str(error).replace(str(home), "PARLEY_HOME")[:500], **more}
