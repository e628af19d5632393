"""What a running application holds in its hands: the doors, and what it keeps between requests."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from data_contracts.events import Event
from serving import envelope
from serving.authentication import Doorkeeper
from serving.doors import Doors
from serving.envelope import Answer
from serving.issued import Issued
from serving.metrics import Gauges, Metrics
from serving.mirrored import Mirrored
from serving.planned import Plans
from serving.recall import Recall
from serving.recording import Recorder
from serving.slots import Slot
from serving.work import Readers, Workplace


@dataclass
class Desk:
    """Made once per application; started and stopped with it."""

    doors: Doors
    metrics: Metrics
    doorkeeper: Doorkeeper
    recorder: Recorder
    recall: Recall
    mirror: Mirrored
    issued: Issued
    plans: Plans
    readers: Readers
    work: dict[str, Workplace]
    # Routing requests under way, by contact and attempt: a second one waits for the first.
    under_way: dict[str, Any]
    is_open: bool = False

    def start(self) -> None:
        """Load what is approved, start the writer, open."""
        self.recorder.start()
        self.doors.shelf.start()
        self.is_open = True

    def stop(self) -> None:
        """Stop watching, let answers end, write what waits."""
        self.is_open = False
        self.doors.shelf.stop()
        for place in self.work.values():
            place.close()
        self.recorder.stop()

    def now(self) -> datetime:
        """The time by the doors' clock."""
        return self.doors.clock.now()

    def slot(self, family: str) -> Slot:
        """What answers for the family now."""
        return self.doors.shelf.slot(family)

    def finished(self, answer: Answer, *, since: float) -> Answer:
        """The answer with its verdict drawn, counted, and remembered; the caller has it written."""
        share, seed = self.doors.settings.verdict_share, self.doors.seed
        asked = envelope.asks_for_verdict(answer.prediction_id, share=share, seed=seed)
        told = answer.degraded
        if self.recorder.is_behind:
            told = (*told, {"reason": "record_behind", "detail": "the event log does not keep up"})
        done = replace(answer, verdict_asked=asked, verdict_probability=share, degraded=told)
        self._count(done, seconds=time.perf_counter() - since)
        return done

    def served(self, answer: Answer, *, since: float) -> dict[str, Any]:
        """The envelope of an answer that is written soon, not waited for."""
        done = self.finished(answer, since=since)
        event = done.event()
        self.recorder.hand_over([event])
        self.recall.remember(event)
        return done.envelope()

    async def served_durably(self, answer: Answer, *, beside: Iterable[Event], since: float) -> dict[str, Any]:
        """The envelope of an answer that is on disk, with the events beside it, before it is given."""
        done = self.finished(answer, since=since)
        event = done.event()
        await self.recorder.write([*beside, event])
        self.recall.remember(event)
        return done.envelope()

    def _count(self, answer: Answer, *, seconds: float) -> None:
        reasons = [str(told["reason"]) for told in answer.degraded]
        self.metrics.answer(
            answer.capability, answer.source, reasons=reasons, asked=answer.verdict_asked, seconds=seconds
        )


def furnish(doors: Doors) -> Desk:
    """A desk for these doors; nothing is started, read or written yet."""
    limits, clock = doors.limits, doors.clock
    recorder = Recorder(doors.log, clock=clock, bound=limits.unwritten, behind_s=limits.behind_s)
    # The canonical way is one text a run on one thread: the cores are used by texts side by side.
    readers = Readers("intent", threads=doors.settings.threads, waiting=limits.waiting, wait_s=limits.wait_s)
    routing = Workplace("routing", threads=1, waiting=limits.waiting, wait_s=limits.wait_s)
    planners = Workplace("planners", threads=1, waiting=limits.planning, wait_s=limits.planning_s)
    what_if = Workplace("what-if", threads=1, waiting=0, wait_s=limits.what_if_s)
    desk = Desk(
        doors=doors,
        metrics=Metrics(),
        doorkeeper=Doorkeeper(doors.people, clock=clock),
        recorder=recorder,
        recall=Recall(doors.log, bound=limits.recalled, find_record=doors.find_record, find_latest=doors.find_latest),
        mirror=Mirrored(doors.mirror_dir),
        issued=Issued(doors.issued_dir),
        plans=Plans(doors.staffing_dir),
        readers=readers,
        work={"intent": readers, "routing": routing, "planners": planners, "what-if": what_if},
        under_way={},
    )
    desk.metrics.watch(_gauges(desk))
    return desk


def _gauges(desk: Desk) -> Gauges:
    shelf = desk.doors.shelf
    models = "The version that answers for a family; 1 when a model is loaded, 0 when the baseline answers."
    return Gauges(
        {
            "parley_queue_depth": (
                "Requests that wait for or run in a model, or elsewhere for planners.",
                ("family",),
                lambda: [((name,), place.depth) for name, place in desk.work.items()],
            ),
            "parley_unwritten_events": (
                "Events that wait to be written to the log.",
                (),
                lambda: [((), desk.recorder.unwritten)],
            ),
            "parley_record_lag_seconds": (
                "Age of the oldest event that waits to be written.",
                (),
                lambda: [((), desk.recorder.lag_s)],
            ),
            "parley_model_info": (
                models,
                ("family", "version", "approval"),
                lambda: [
                    ((slot.family, slot.version or "", slot.approval or ""), float(slot.promotion is not None))
                    for slot in shelf.slots()
                ],
            ),
            "parley_shelf_problems": (
                "Things that are wrong with a family's model.",
                ("family",),
                lambda: [((slot.family,), len(slot.problems)) for slot in shelf.slots()],
            ),
        }
    )


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
