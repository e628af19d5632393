"""Acting on an approval, and what follows from a new champion, a rollback or a switch."""

from __future__ import annotations

from typing import Any

from data_contracts.errors import NotEnoughData
from flows.compose import Workspace


def write(place: Workspace, request_id: str) -> dict[str, Any]:
    """Write `promotion.promoted` for an approved request; done already, the standing promotion is told again."""
    from training import promotion

    standing = place.standing()
    family = standing.request(request_id).family
    champion = standing.champion(family)
    if champion is None or champion.request_id != request_id:
        promotion.promote(
            place.history,
            place.registry,
            request_id,
            clock=place.clock,
            policy_digest=policy_digest(family),
            roles_of=lambda name: roles_of(place, name),
            profile=place.settings.profile,
        )
        champion = place.standing().champion(family)
    if champion is None:
        raise NotEnoughData("the promotion is not in the chain", expected=request_id, came="no champion", where=family)
    return {
        "family": family,
        "version": champion.version,
        "artefact": champion.artefact,
        "approval": champion.approval,
        "request_id": request_id,
    }


def expire(place: Workspace) -> list[str]:
    """Write down the requests that nobody decided in time, and name them.

    Who holds no signing key writes nothing: the standing tells what is late as expired anyway.
    """
    from training import promotion, signing

    if not (place.settings.keys_dir / signing.PRIVATE).is_file():
        return []
    return [str(entry.body["request"]) for entry in promotion.expire(place.history, clock=place.clock)]


def policy_digest(family: str) -> str:
    """The digest of the gate policy as the running code has it."""
    from flows.checkout import source_folder
    from training import params as parameters

    return parameters.load(source_folder() / "params.yaml").policy(family).digest()


def roles_of(place: Workspace, name: str) -> frozenset[str]:
    """A person's roles now; none if disabled or unknown."""
    return next(
        (frozenset(person.roles) for person in place.people.list() if person.name == name and not person.disabled),
        frozenset(),
    )


def mirror_alias(place: Workspace, family: str) -> None:
    """Let MLflow's alias repeat the chain."""
    from training import cards

    champion = place.standing().champion(family)
    cards.mirror(place.registry, family, champion.version if champion else None)


def catch_up(place: Workspace, family: str) -> None:
    """A new forecast champion issues its forecast; a new routing champion gets a mirror that knows what is known."""
    if family == "forecast":
        from flows import issuing

        issuing.issue_and_tell(place, as_of=issuing.default_as_of(place))
    if family == "routing":
        from flows import materializing

        if not materializing.is_current(place):
            materializing.refresh(place)
