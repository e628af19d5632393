"""The grounds on which a version may not even be asked for; each is one function that says why, or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from training.registry import VersionCard
from training.report import Report
from training.standing import Standing
from training.subject import ALL, Scope, scope_for

# What a card must say of a version, so that it can be traced and made again.
REQUIRED = ("run_id", "commit", "dvc_lock", "contracts", "feature_service", "trained_by")


def refusals(held: Standing, *, card: VersionCard, report: Report, scope: Scope, now: datetime) -> list[str]:
    """Every reason against requesting this version now; empty when it may be requested."""
    held = held.at(now)
    return [
        *_held(report), *_dirty(card), *_untraceable(card), *_another_family(card, report),
        *_other_bytes(card, report), *_stale(held, report), *_known_already(held, card), *_too_wide(report, scope),
        *_kept_by_nobody(report, scope), *_over_before_it_began(scope, now),
    ]  # fmt: skip


def _held(report: Report) -> list[str]:
    if report.verdict == "passed":
        return []
    return ["its report is held", *report.reasons]


def _dirty(card: VersionCard) -> list[str]:
    if card.card.get("dirty") is False:
        return []
    return ["it was trained from a tree with uncommitted changes, or does not say that it was not"]


def _untraceable(card: VersionCard) -> list[str]:
    missing = [key for key in REQUIRED if not card.card.get(key)]
    return [f"its card does not say {', '.join(missing)}"] if missing else []


def _another_family(card: VersionCard, report: Report) -> list[str]:
    return [] if card.family == report.family else [f"its report is of {report.family}, not of {card.family}"]


def _other_bytes(card: VersionCard, report: Report) -> list[str]:
    if report.artefact in ("", card.artefact):
        return []
    return [f"its report judged {report.artefact[:12]}, but its bytes are {card.artefact[:12]}"]


def _stale(held: Standing, report: Report) -> list[str]:
    champion = held.champion_digest(report.family)
    if report.champion == champion:
        return []
    return [f"it was judged against champion {report.champion[:12]}, but today's is {champion[:12]}: judge it again"]


def _known_already(held: Standing, card: VersionCard) -> list[str]:
    reasons = []
    if held.champion_digest(card.family) == card.artefact:
        reasons.append("these bytes are champion already")
    if (card.family, card.artefact) in held.revoked:
        reasons.append("these bytes were revoked")
    if any(one.version == card.version for one in held.open_requests(card.family)):
        reasons.append("a request for this version is open already")
    return reasons


def _too_wide(report: Report, scope: Scope) -> list[str]:
    reasons = []
    judged = report.answers_in or report.abstains_in
    extra = [one for one in scope.languages if one not in report.answers_in]
    if judged and extra:
        asked = "all languages" if scope.languages == ALL else ", ".join(extra)
        reasons.append(f"its scope has {asked}, but it passed only in {', '.join(report.answers_in) or 'none'}")
    if report.allowed_use == "pilot" and scope.share >= 1.0:
        reasons.append("without exact propensities only a shadow or a randomised share below 1 may be asked for")
    return reasons


def _kept_by_nobody(report: Report, scope: Scope) -> list[str]:
    """A forecast is one table for the whole centre: serving could not keep it within queues, languages or a share."""
    if report.family != "forecast" or replace(scope, until=None) == scope_for(report):
        return []
    return ["a forecast is issued for the whole centre at once: only --until may limit it"]


def _over_before_it_began(scope: Scope, now: datetime) -> list[str]:
    return [f"its scope ended at {scope.until}"] if scope.overdue(now) else []
