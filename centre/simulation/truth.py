"""What is true of the simulated world and stands in no record."""

from __future__ import annotations

from centre.simulation.floor import Case, Floor
from centre.simulation.rows import agent_id, contact_id
from data_contracts.errors import NotFound


class Truth:
    """Answers about one run, by the ids that its records carry."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._cases = {contact_id(case.number): case for case in floor.cases}
        self._agents = {agent_id(place): place for place in range(len(floor.agents.names))}

    @property
    def contact_ids(self) -> tuple[str, ...]:
        """All contacts that began, ended or not."""
        return tuple(self._cases)

    @property
    def agent_ids(self) -> tuple[str, ...]:
        """All agents."""
        return tuple(self._agents)

    def intent(self, contact: str) -> str:
        """What the customer really wanted."""
        return self._floor.params.intents[self._case(contact).intent].id

    def group(self, contact: str) -> str:
        """The topic that the menu should have said."""
        return self._floor.params.groups[self._case(contact).group].id

    def resolved(self, contact: str) -> bool:
        """Whether it was resolved in the end."""
        return self._case(contact).resolved

    def follows(self, contact: str) -> str | None:
        """The contact of which this one is a repeat or a redial."""
        place = self._case(contact).follows
        return contact_id(place) if place >= 0 else None

    def expected_resolution(self, contact: str, agent: str) -> float:
        """The chance that this agent would resolve it."""
        return self._floor.resolution(self._case(contact), self._agent(agent))

    def expected_handle_s(self, contact: str, agent: str) -> float:
        """The median seconds that this agent would need for it."""
        return self._floor.expected_handle_s(self._case(contact), self._agent(agent))

    def _case(self, contact: str) -> Case:
        if contact not in self._cases:
            raise NotFound("no such contact in this run", came=contact)
        return self._cases[contact]

    def _agent(self, agent: str) -> int:
        if agent not in self._agents:
            raise NotFound("no such agent in this run", expected=f"a001 to a{len(self._agents):03d}", came=agent)
        return self._agents[agent]
