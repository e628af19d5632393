"""How worn an exam is: rows that judged before are chosen by, a little, each time they judge again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from training.history import History
from training.registry import Registry, VersionCard
from training.report import Report
from training.standing import standing


def counted(report: Report, *, history: History, registry: Registry, run_id: str) -> Report:
    """The report with `rows.times_used`: how many versions these very rows judged since the family's last promotion.

    Versions of the same run do not count, so that registering again gives the same report. Raises RegistryUnavailable.
    """
    promoted = [int(one.version) for one in standing(history).promotions if one.family == report.family]
    since = [card for card in registry.list(report.family) if int(card.version) > max(promoted, default=0)]
    others = [card for card in since if card.card.get("run_id") != run_id]
    used = sum(_judged_digest(card, registry) == report.rows.judged_digest for card in others)
    return replace(report, rows=replace(report.rows, times_used=used))


def _judged_digest(card: VersionCard, registry: Registry) -> str:
    with tempfile.TemporaryDirectory(prefix="parley-exam-") as folder:
        kept = registry.fetch_report(card.family, card.version, Path(folder) / "report")
        return Report.from_json((kept / "report.json").read_text("utf-8")).rows.judged_digest
