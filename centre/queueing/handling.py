"""How long a contact takes: lognormal by kind, with what each agent adds or saves, shrunken by how little is known."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from statistics import NormalDist
from typing import Final

import numpy as np

from centre.queueing.call_log import NOBODY, Bools, CallLog, Floats, Ints
from data_contracts.errors import NotEnoughData

MIN_HANDLE_S: Final = 10.0  # shorter contacts are wrong connections and tests (DESIGN section 6 leaves them out too)
FEWEST: Final = 2  # handled contacts of a kind that is fitted by itself
_NORMAL: Final = NormalDist()


@dataclass(frozen=True)
class Handling:
    """Handle times by kind of contact (rows) and agent (columns of `effects`).

    Above MIN_HANDLE_S the log of seconds is normal around `log_mean[kind] + effects[kind, agent]` with `log_sd[kind]`;
    one that is handed on adds `transfer_shift[kind]`. `short_share[kind]` end below, evenly spread.
    """

    log_mean: Floats
    log_sd: Floats
    effects: Floats
    transfer_shift: Floats
    short_share: Floats
    handled: Floats

    def seconds(self, kind: int, agent: int, quantile: float, *, transferred: bool = False) -> float:
        """The handle time at this place (0 to 1) of the distribution: a greater quantile never takes less."""
        short = float(self.short_share[kind])
        if quantile < short:
            return MIN_HANDLE_S * quantile / short
        deviate = _NORMAL.inv_cdf((quantile - short) / (1.0 - short) or 1e-12)
        shape = self.log_mean[kind] + self.effects[kind, agent] + self.log_sd[kind] * deviate
        return max(MIN_HANDLE_S, exp(shape + (self.transfer_shift[kind] if transferred else 0.0)))

    def mean_s(self, kind: int) -> float:
        """Mean of the fitted lognormal of a kind with the mean agent, seconds; short contacts are not in it."""
        return exp(float(self.log_mean[kind]) + float(self.log_sd[kind]) ** 2 / 2)


def fit(log_: CallLog) -> Handling:
    """Fit every kind; one with fewer than two handled contacts takes the figures of all together.

    Raises NotEnoughData where the whole log has fewer than two.
    """
    handled = ~np.isnan(log_.handle_s) & ~log_.gone
    long = handled & (log_.handle_s > MIN_HANDLE_S)
    if long.sum() < FEWEST:
        raise NotEnoughData(
            "too few handled contacts", expected=f"{FEWEST} or more of over {MIN_HANDLE_S:.0f} s", came=str(long.sum())
        )
    found = [
        _kind(log_, handled & here, long & here if (long & here).sum() >= FEWEST else long) for here in _each(log_)
    ]
    mean, sd, effects, shift, short, counts = zip(*found, strict=True)
    return Handling(
        np.array(mean), np.array(sd), np.array(effects), np.array(shift), np.array(short), np.array(counts, dtype=float)
    )


def _each(log_: CallLog) -> list[Bools]:
    return [log_.kind == place for place in range(len(log_.kinds))]


def _kind(log_: CallLog, handled: Bools, long: Bools) -> tuple[float, float, Floats, float, float, int]:
    """Mean and sd of logs, each agent's effect, what handing on adds, the share of short ones, the count."""
    logs, moved = np.log(log_.handle_s[long]), log_.transferred[long]
    shift = float(logs[moved].mean() - logs[~moved].mean()) if moved.sum() >= FEWEST and (~moved).any() else 0.0
    level = logs - shift * moved
    effects, within = agent_effects(level, log_.agent[long], agents=len(log_.agents))
    short = log_.handle_s[handled] <= MIN_HANDLE_S
    return float(level.mean()), within, effects, shift, float(short.mean()) if len(short) else 0.0, int(handled.sum())


def agent_effects(logs: Floats, agent: Ints, *, agents: int) -> tuple[Floats, float]:
    """Each agent's effect on the log of seconds, shrunken to 0, and the sd that is left within an agent.

    Empirical Bayes: effect = n / (n + within / between) x (own mean - mean of all); the variance between agents by
    moments from the one-way layout (Searle, Casella and McCulloch 1992, section 3.6). One who handled none has 0.
    """
    named = agent != NOBODY
    counts = np.bincount(agent[named], minlength=agents).astype(np.float64)
    mean = float(logs.mean())
    sums = np.bincount(agent[named], weights=logs[named] - mean, minlength=agents)
    own = np.divide(sums, counts, out=np.zeros(agents), where=counts > 0)
    total, groups = counts.sum(), float((counts > 0).sum())
    spread = float(logs.std(ddof=1))
    if groups < 2 or total - groups < 1:
        return np.zeros(agents), spread
    within = float(((logs[named] - mean - own[agent[named]]) ** 2).sum() / (total - groups))
    centre = float(sums.sum() / total)
    excess = float((counts * (own - centre) ** 2).sum()) - (groups - 1) * within
    between = max(0.0, excess / (total - float((counts**2).sum()) / total))
    if between == 0.0:
        return np.zeros(agents), spread
    return own * counts / (counts + within / between), within**0.5
