"""From the world's cases to the rows of a centre: what its systems would have written down, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from centre.queueing.engine import Leg
from centre.simulation import clarifying, wording, wrapping
from centre.simulation.floor import Case, Floor
from centre.simulation.people import LANGUAGES
from centre.simulation.rows import Clockwork, Note, agent_id, contact_id, customer_id, keyed, listed


class Recorder:
    """Writes down what a floor did. Draws of its own: recording does not change the world."""

    def __init__(
        self,
        floor: Floor,
        clockwork: Clockwork,
        rng: np.random.Generator,
        asking: np.random.Generator,
        coding: np.random.Generator,
    ) -> None:
        self.floor = floor
        self.params = floor.params
        self.stamp = clockwork.stamp
        self.dice = wording.dice(rng)
        # Of their own, so that all other records are the same however many are asked back.
        self.asking_dice = wording.dice(asking)
        # As well: which code of the list an agent chooses moves nothing else.
        self.code_list = wrapping.CodeList(self.params, dice=wording.dice(coding))
        self.manner = clarifying.Manner(**self.params.clarified_manner)
        self.noise = wording.Noise(self.params.typo_chance, self.params.asr_error_chance)
        self.cut_s = self.params.wording_cut * floor.days.ends_s
        self.intents = [intent.id for intent in self.params.intents]
        self.groups = [group.id for group in self.params.groups]
        self.queues = list(self.params.queues)
        places = {intent: place for place, intent in enumerate(self.intents)}
        self.near = [[places[name] for name in intent.near] for intent in self.params.intents]

    def notes(self) -> Iterator[Note]:
        """All rows of all contacts that ended; decisions also of those that did not."""
        for case in self.floor.cases:
            for number, legs in enumerate(case.visits()):
                yield from self._visit(case, legs, revision=number)
            for sequence, leg in enumerate(case.legs):
                if leg.agent is not None:
                    yield self._decision(case, leg, sequence)

    def _visit(self, case: Case, legs: list[Leg], *, revision: int) -> Iterator[Note]:
        last = legs[-1]
        known = last.ended_s
        parts = [self._parts(case, leg) for leg in legs]
        yield self._contact(case, last, known - parts[-1][2], revision)
        if revision == 0:
            yield from self._utterances(case, known)
        onward = [*legs[1:], None]
        for leg, times, after in zip(legs, parts, onward, strict=True):
            yield self._segment(case, leg, times, known, handed_to=after)
        if last.agent is not None:
            yield from self._verdict(case, last.agent, revision, known)
            yield from self._rating(case, legs, revision, known)

    def _parts(self, case: Case, leg: Leg) -> tuple[int, int, int]:
        """Talk, hold and wrap-up, whole seconds that add up to the handle time."""
        handle = int(leg.ended_s - leg.answered_s)
        wrap_up = int(handle * self.params.wrap_up_share * (0.5 + self.dice()))
        held = self.floor.channels[case.channel] == "voice" and self.dice() < self.params.hold_share
        hold = int((handle - wrap_up) * self.params.hold_length * self.dice()) if held else 0
        return handle - wrap_up - hold, hold, wrap_up

    def _contact(self, case: Case, last: Leg, ended_s: float, revision: int) -> Note:
        name = contact_id(case.number)
        data = {
            "contact_id": name,
            "revision": revision,
            "channel": self.floor.channels[case.channel],
            "direction": "inbound",
            "queue": self.queues[case.first_queue],
            "topic": self.groups[case.topic] if case.topic >= 0 else None,
            "language": LANGUAGES[case.language],
            "customer_id": customer_id(case.customer) if case.identified else None,
            "priority": self.floor.rank(case),
            "started_at": self.stamp(case.started_s),
            "ended_at": self.stamp(ended_s),
            "outcome": "abandoned" if last.agent is None else "answered",
            "reopened": revision > 0,
        }
        kind = "contact.reopened" if revision else "contact.ended"
        return Note(last.ended_s, ended_s, kind, f"{name}.{revision}", data)

    def _segment(
        self, case: Case, leg: Leg, times: tuple[int, int, int], known: float, *, handed_to: Leg | None
    ) -> Note:
        name = f"{contact_id(case.number)}.s{case.legs.index(leg)}"
        ended = leg.ended_s - times[2]
        data: dict[str, Any] = {
            "segment_id": name,
            "contact_id": contact_id(case.number),
            "sequence": case.legs.index(leg),
            "kind": "queue" if leg.agent is None else "agent",
            "queue": self._queue(leg),
            "queued_at": self.stamp(leg.queued_s),
            "ended_at": self.stamp(ended),
            "wait_s": float(leg.wait_s),
            "outcome": "abandoned" if leg.agent is None else "transferred" if handed_to else "answered",
        }
        if leg.agent is not None:
            data |= self._handling(leg, leg.agent, times)
            data["transferred_to"] = self._queue(handed_to) if handed_to else None
            data["disposition_code"] = None if handed_to else self._code(case, queue=data["queue"])
        return Note(known, ended, "segment.ended", name, data)

    def _queue(self, leg: Leg) -> str:
        return self.queues[leg.contact.skill // len(LANGUAGES)]

    def _handling(self, leg: Leg, agent: int, times: tuple[int, int, int]) -> dict[str, Any]:
        talk, hold, wrap_up = times
        return {
            "agent_id": agent_id(agent),
            "offered_at": self.stamp(leg.answered_s),
            "answered_at": self.stamp(leg.answered_s),
            "talk_s": float(talk),
            "hold_s": float(hold),
            "wrap_up_s": float(wrap_up),
            "handle_s": float(talk + hold + wrap_up),
        }

    def _code(self, case: Case, *, queue: str) -> str | None:
        """What the agent took the contact for, as the list has it."""
        if self.dice() < self.params.code_missing:
            return None
        return self.code_list.choice(self._mistaken(case.intent, chance=self.params.code_noise), queue=queue)

    def _mistaken(self, intent: int, *, chance: float) -> str:
        """The intent's id, or with `chance` another's: mostly of one that it is confused with."""
        if self.dice() >= chance:
            return self.intents[intent]
        near = self.near[intent]
        if self.dice() < self.params.code_noise_near:
            return self.intents[near[int(self.dice() * len(near))]]
        return self.intents[int(self.dice() * len(self.intents))]

    def _utterances(self, case: Case, known: float) -> Iterator[Note]:
        channel, language = self.floor.channels[case.channel], LANGUAGES[case.language]
        late = case.started_s >= self.cut_s
        intent = self.intents[case.intent]
        first = wording.opening(intent, language=language, channel=channel, late=late, dice=self.dice, noise=self.noise)
        asked_back = channel == "chat" and self.asking_dice() < self.params.clarified_share
        turns = self._clarified(case, late=late) if asked_back else [("customer", first, 2)]
        if case.legs[0].agent is not None:
            reply = wording.answer(language=language, channel=channel, dice=self.dice)
            turns.append(("agent" if channel == "email" else "bot", reply, 6))
        if case.legs[0].agent is not None and channel != "email" and self.dice() < self.params.second_turn_chance:
            turns.append(("customer", wording.addition(language=language, channel=channel, dice=self.dice), 10))
        for turn, (speaker, text, after_s) in enumerate(turns):
            yield self._utterance(case, turn, speaker, text, after_s, known)

    def _clarified(self, case: Case, *, late: bool) -> list[tuple[str, str, int]]:
        """A vague opening, what the bot asks and the reply, all before the menu ends and the contact is routed."""
        said = clarifying.dialogue(
            self.params.intents[case.intent],
            near=[self.intents[place] for place in self.near[case.intent]],
            language=LANGUAGES[case.language],
            late=late,
            dice=self.asking_dice,
            manner=self.manner,
            noise=self.noise,
        )
        after_s = (0, case.menu_s // 2, case.menu_s)
        return [(speaker, text, at) for (speaker, text), at in zip(said, after_s, strict=True)]

    def _utterance(self, case: Case, turn: int, speaker: str, text: str, after_s: int, known: float) -> Note:
        spoken = case.legs[0].ended_s if speaker == "agent" else case.started_s + after_s
        name = contact_id(case.number)
        data = {
            "contact_id": name,
            "turn": turn,
            "speaker": speaker,
            "text": text,
            "language": LANGUAGES[case.language],
            "spoken_at": self.stamp(spoken),
        }
        return Note(max(known, spoken), spoken, "utterance.spoken", f"{name}.u{turn}", data)

    def _decision(self, case: Case, leg: Leg, sequence: int) -> Note:
        if leg.agent is None:
            raise ValueError("an abandoned leg was not decided")
        name = f"{contact_id(case.number)}.d{sequence}"
        data = {
            "decision_id": name,
            "revision": 0,
            "contact_id": contact_id(case.number),
            "attempt": sequence,
            "queue": self._queue(leg),
            "eligible": listed([agent_id(agent) for agent in leg.eligible]),
            "idle_s": keyed({agent_id(one): round(s, 3) for one, s in zip(leg.eligible, leg.idle_s, strict=True)}),
            "chosen_agent_id": agent_id(leg.agent),
            "propensity": round(leg.propensity, 12),
            "policy": self.params.propensity_policy,
            "policy_version": "1",
        }
        return Note(leg.answered_s, leg.answered_s, "decision.made", name, data)

    def _verdict(self, case: Case, agent: int, revision: int, known: float) -> Iterator[Note]:
        """An agent's word on the intent: asked at random, or unasked where the menu choice was wrong."""
        prompted = self.dice() < self.params.verdict_chance
        if not prompted and (case.topic in (case.group, -1) or self.dice() >= self.params.volunteer_chance):
            return
        name = f"{contact_id(case.number)}.v{revision}"
        given = int(known + self.params.verdict_delay_s * 2 * self.dice()) + 1
        data = {
            "verdict_id": name,
            "contact_id": contact_id(case.number),
            "capability": "intent",
            "agent_id": agent_id(agent),
            "verdict": "labelled",
            "instead": self._mistaken(case.intent, chance=self.params.verdict_noise),
            "prompted": prompted,
            "weight": 1.0,
        }
        yield Note(given, given, "verdict.given", name, data)

    def _rating(self, case: Case, legs: list[Leg], revision: int, known: float) -> Iterator[Note]:
        """A score that resolution, wait and transfers move; the very happy and the unhappy answer more often."""
        score = self._score(case, legs)
        keen = score in (1, 2, 5)
        if self.dice() >= self.params.rating_chance * (self.params.rating_bias if keen else 1.0):
            return
        name = f"{contact_id(case.number)}.r{revision}"
        given = int(known + self.params.rating_delay_s * 2 * self.dice()) + 1
        data = {"rating_id": name, "contact_id": contact_id(case.number), "score": score}
        yield Note(given, given, "customer.rated", name, data)

    def _score(self, case: Case, legs: list[Leg]) -> int:
        moved = self.params.rating_liking
        live = self.floor.channels[case.channel] != "email"
        waited_s = sum(leg.wait_s for leg in legs) if live else 0.0
        liking = moved["resolved" if case.resolved and legs[-1] is case.legs[-1] else "unresolved"]
        liking -= min(moved["wait_points_at_most"], waited_s / moved["wait_s_per_point"])
        liking -= moved["transfer"] * (len(legs) - 1)
        return min(5, max(1, round(liking + moved["noise"] * (2 * self.dice() - 1))))
