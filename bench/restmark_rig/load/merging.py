"""Several machines' results of one load as one result: totals are sums, and latencies those of all requests together.

Histograms are merged by adding counts, which is exact; quantiles are never averaged. Pure: documents in, a result out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..model import histogram
from ..model.histogram import Histogram
from ..model.load_machines import MachineRound
from .load import LoadResult, TargetResult, figures

Document = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What one machine brought: restmark-load's JSON, or why there is none. Times in microseconds."""

    name: str
    document: Document | None
    lost: str = ""
    start_late_us: int | None = None
    clock_offset_us: int = 0


def merge(parts: Sequence[Part]) -> LoadResult:
    """The whole load. Raises ValueError if no machine brought anything."""
    documents = [part.document for part in parts if part.document is not None]
    if not documents:
        raise ValueError("no machine has a result")
    own = [figures(document) for document in documents]
    first = own[0]
    whole = histogram.merged(_histograms(documents))
    counts = Counter[str]()
    for one in own:
        counts.update({name: getattr(one, name) for name in _SUMS})
    answered = [one for one in own if one.hdr_v2_base64 is not None]
    values = sum(histogram.decode(one.hdr_v2_base64 or "").count for one in answered)
    waits = [one.client_wait_ns for one in own]
    receives = [one.receives for one in own]
    return replace(
        first,
        **{name: counts[name] for name in _SUMS},
        duration_us=max(one.duration_us for one in own),
        total_us=max(one.total_us for one in own),
        latency_min_us=min((one.latency_min_us for one in answered), default=0),
        latency_max_us=max((one.latency_max_us for one in answered), default=0),
        latency_mean_us=sum(one.latency_mean_us * histogram.decode(one.hdr_v2_base64 or "").count for one in answered) / values if values else 0.0,
        latency_quantiles_us=_quantiles(whole, answered),
        client_wait_ns=None if None in waits else sum(wait or 0 for wait in waits),
        hdr_v2_base64=whole.encode() if whole.count else None,
        late=any(one.late for one in own),
        # Their counts are not told whole: the worst machine's stands for all, which is never too good.
        late_quantiles_us={name: max(one.late_quantiles_us.get(name, 0) for one in own) for name in first.late_quantiles_us},
        doubts=tuple(dict.fromkeys(doubt for one in own for doubt in one.doubts)),
        receives=None if None in receives else sum(count or 0 for count in receives),
        targets=_targets(own, documents),
        machines=tuple(map(_machine, parts)),
    )


_SUMS = (
    "requests",
    "in_window",
    "bytes",
    "connect_errors",
    "read_errors",
    "status_errors",
    "timeouts",
    "client_cpu_ns",
    "body_errors",
    "malformed",
    "threads",
    "unsent",
)


def _histograms(documents: Iterable[Document]) -> list[Histogram]:
    return [histogram.decode(document["latency"]["hdr_v2_base64"]) for document in documents if document["latency"]]


def _quantiles(whole: Histogram, answered: Sequence[LoadResult]) -> dict[str, int]:
    names = answered[0].latency_quantiles_us if answered else {}
    return {name: whole.quantile_us(float(name) / 100) for name in names}


def _targets(own: Sequence[LoadResult], documents: Sequence[Document]) -> tuple[TargetResult, ...]:
    merged = []
    for place, first in enumerate(own[0].targets):
        same = [one.targets[place] for one in own]
        kept = [document["targets"][place]["latency"] or {} for document in documents]
        # Of a single target the whole load's histogram is its.
        texts = [one.get("hdr_v2_base64") for one in kept] if len(own[0].targets) > 1 else [one.hdr_v2_base64 for one in own]
        whole = histogram.merged(histogram.decode(text) for text in texts if text)
        names = next((target.latency_quantiles_us for target in same if target.latency_quantiles_us), {})
        merged.append(
            TargetResult(
                first.target,
                sum(target.answered for target in same),
                sum(target.failed for target in same),
                max(target.latency_max_us for target in same),
                {name: whole.quantile_us(float(name) / 100) for name in names},
            )
        )
    return tuple(merged)


def _machine(part: Part) -> MachineRound:
    if part.document is None:
        return MachineRound(part.name, part.lost or "it brought no result", clock_offset_us=part.clock_offset_us)
    own, plan = figures(part.document), part.document["plan"]
    return MachineRound(
        name=part.name,
        connections=plan["connections"],
        threads=own.threads,
        requests=own.in_window,
        drained_requests=own.requests - own.in_window,
        errors=own.errors,
        duration_us=own.duration_us,
        total_us=own.total_us,
        rate_per_s=plan["rate_per_s"] / plan["parts"] if plan["rate_per_s"] else None,
        cpu_ns=own.client_cpu_ns,
        wait_ns=own.client_wait_ns,
        p50_us=own.latency_quantiles_us.get("50"),
        p99_us=own.latency_quantiles_us.get("99"),
        late=own.late,
        late_p50_us=own.late_quantiles_us.get("50"),
        late_p99_us=own.late_quantiles_us.get("99"),
        start_late_us=part.start_late_us,
        clock_offset_us=part.clock_offset_us,
    )
