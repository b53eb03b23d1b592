"""What the page and the Markdown show, in order: built once from the results, so that both say the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..model import cpulist
from ..model.memory_records import LOAD
from ..model.results import Cell, Machine, Results
from ..model.rounds_held import rounds_held
from ..model.workloads import ROUTE_ENCODE, back_end_of, requested
from . import (
    against,
    answer,
    back_end_chart,
    back_ends,
    charts,
    doubts,
    load_machines,
    methodology,
    numbers,
    resource_tables,
    scaling,
    scaling_chart,
    tables,
)
from .analysis import Analysis, Load, load_of
from .gains import Gains, baseline
from .memory import Memory
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S
from .scaling import Curve, Scaling
from .svg import Figure
from .table import CellText, Column, Table
from .texts import BIAS, LOOPBACK_BIAS, NETWORK_BIAS, OK_BADGE, VERDICTS, WORKLOADS


@dataclass(frozen=True)
class Block:
    """Figures and tables of one load within a section; the first one is open, the others are folded."""

    title: str
    figures: list[Figure]
    tables: list[Table]


@dataclass(frozen=True)
class Section:
    """One workload (or another part with the same make-up). sentences: what its figures say, before them."""

    key: str
    title: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


class View:
    """All parts of the report. price_per_vcpu_hour: None leaves the price out.

    Raises UsageFault for a baseline that was not measured.
    """

    def __init__(self, results: Results, price_per_vcpu_hour: float | None = None) -> None:
        self.scaling = Scaling(results)
        self.results = results = scaling.without(results)
        self.analysis = Analysis(results)
        self.memory = Memory(results)
        self.price_per_vcpu_hour = price_per_vcpu_hour
        self.answer = answer.of_run(results, self.analysis, self.memory)
        self.methodology = methodology.sentences(results, self.analysis)
        self.bias = [NETWORK_BIAS if text == LOOPBACK_BIAS and results.load_machines else text for text in BIAS]
        self.command = shlex.join(results.argv)
        self.badges = {OK_BADGE: OK_BADGE} | {name: badge for name, (badge, _) in VERDICTS.items()}
        self.verdict_texts = {name: text for name, (_, text) in VERDICTS.items()}

    @property
    def started(self) -> str:
        """When the run began, UTC."""
        return _utc(self.results.started_unix_ms)

    @property
    def where(self) -> str:
        """The machine in one line."""
        results = self.results
        if results.server_machine is None:
            return _in_one_line(results.machine)
        load = f"load from {results.machine.hostname}: {_in_one_line(results.machine)}"
        return f"servers on {results.server_place}: {_in_one_line(results.server_machine)}; {load}"

    @property
    def how(self) -> str:
        """The settings in one line."""
        settings = self.results.settings
        workers = f"{numbers.counted(settings.workers, 'worker')} each" + (f" within {settings.limits.text}" if settings.limits else "")
        pins = "not pinned"
        if settings.server_cpus and settings.client_cpus:
            server, client = cpulist.render(set(settings.server_cpus)), cpulist.render(set(settings.client_cpus))
            pins = f"servers on CPU {server}, client on CPU {client}"
        connections = "/".join(str(number) for number in settings.connections)
        length = f"{settings.duration_ms / 1000:g} s"
        rounds = f"{rounds_held(self.results).text} of {length}" if settings.rounds else f"memory only, under loads of {length}"
        return f"{rounds}, {connections} connections, {workers}, {pins}"

    def alarms(self) -> list[str]:
        """What must be read before any figure."""
        found = []
        if not self.results.complete:
            by = f" by {self.results.interrupted}" if self.results.interrupted else ""
            cut_short = f"This run was interrupted{by}: the figures below are those measured until then"
            what = cut_short if self.results.was_cut_short else "Some rounds of this run could not be made"
            found.append(f"{what}, {rounds_held(self.results).text}.")
        for entry in self.results.verifications:
            if not entry.passed:
                what = "; ".join(entry.failures) or "no details were recorded"
                found.append(f"{entry.contestant} did not pass verification {entry.phase} the load: {what}")
        found += [
            f"{line.topic}: {line.value}" + (f" ({line.advice})" if line.advice else "")
            for line in self.results.machine.findings
            if line.verdict == "warning"
        ]
        return [*found, *self.results.remarks]

    def overview(self) -> Section | None:
        """The remade graph and the two matrices."""
        load = self.analysis.main_load
        if load is None:
            return None
        graph = charts.overview(self.analysis, load)
        rate = f"Requests/s, medians, {load.title}"
        cpu = f"Server CPU µs per request, medians, {load.title}"
        matrices = [
            tables.matrix(self.analysis, load, CPU_US_PER_REQUEST, cpu),
            tables.matrix(self.analysis, load, REQUESTS_PER_S, rate),
        ]
        block = Block(load.title, [graph] if graph else [], matrices)
        return Section("overview", "All workloads", "", [block])

    def against_section(self) -> Section | None:
        """Gains against the baseline; None without one."""
        load = self.analysis.main_load
        chosen = baseline(self.results, self.results.settings.baseline) if load else None
        if load is None or chosen is None:
            return None
        gains = Gains(self.analysis, load, chosen)
        shown, drawn = against.tables(gains, self.memory, self.results.settings.mix), charts.against(gains)
        text = f"{chosen.title} is 1×: 2× is half the CPU time, twice the requests, half the wait; below 1× it is worse than that."
        return Section("against", f"Against {chosen.title}", text, [Block(load.title, [drawn] if drawn else [], shown)]) if shown else None

    def workloads(self) -> list[Section]:
        """One section a workload."""
        found = []
        for route in self.analysis.routes:
            blocks = [
                Block(
                    load.title,
                    charts.workload_figures(self.analysis, route, load),
                    [tables.workload(self.analysis, route, load)],
                )
                for load in self._loads(route)
            ]
            sweeps = [tables.sweep(self.analysis, route, metric) for metric in (CPU_US_PER_REQUEST, REQUESTS_PER_S)]
            found.append(Section(_key(route), requested(route), WORKLOADS[route], blocks, [t for t in sweeps if t]))
        return found

    def back_ends_section(self) -> Section | None:
        """Where the time of requests goes that ask a database or a cache; None where none did."""
        load = self.analysis.main_load
        routes = [route for route in self.analysis.routes if back_end_of(route)]
        if load is None or not routes:
            return None
        figures, shown = [], []
        for route in routes:
            drawn = back_end_chart.figure(route, back_ends.parts_of(self.analysis, route, back_ends.ALONE))
            figures += [drawn] if drawn else []
            shown += [back_ends.table(self.analysis, route, one) for one in dict.fromkeys((load, back_ends.ALONE))]
        footprints = back_ends.footprints(self.results)
        first = Block("", figures, [])
        return Section(
            "back-ends",
            "Where a request's time goes",
            f"{back_ends.which(self.results)} Under load CPU time alone is told; the bars are of one request at a time, and waiting is its wall time less "
            "all CPU time.",
            [first],
            [*([footprints] if footprints else []), *(one for one in shown if one.rows)],
            back_ends.sentences(self.results, self.analysis),
        )

    def latencies(self) -> list[Section]:
        """Latency, a section a workload."""
        found = []
        for route in self.analysis.routes:
            blocks = []
            for load in self._loads(route):
                figure = charts.latency_ranges(self.analysis, route, load)
                blocks.append(
                    Block(load.title, [figure] if figure else [], [tables.latencies(self.analysis, route, load)])
                )
            found.append(Section(f"latency-{_key(route)}", requested(route), "", blocks))
        return found

    def load_machines_section(self) -> Section | None:
        """What each load machine did; None where this one made the load."""
        shown = load_machines.table(self.results)
        return Section("load-machines", "Load machines", load_machines.sentence(self.results), [], [shown]) if shown else None

    def memory_section(self) -> Section | None:
        """Memory; None if it was not looked at."""
        if not self.memory:
            return None
        figure = charts.memory_bars(self.memory)
        shown = [resource_tables.worker_costs(self.memory), resource_tables.against_original(self.memory)]
        shown = [table for table in shown if table.rows]
        text = "" if LOAD in self.memory.phases() else "Nothing was looked at under load."
        text = (
            text
            or f"Under load means requests of {ROUTE_ENCODE}; references, which lack it, are asked for what they have."
        )
        block = Block("", [figure] if figure else [], shown)
        return Section("memory", "Memory", text, [block], [resource_tables.footprints(self.memory)])

    def scaling_section(self) -> Section | None:
        """Throughput and CPU cost by number of workers; None where the run has one number."""
        shown = scaling.tables(self.scaling)
        if not shown:
            return None
        curves: dict[tuple[str, Load], list[Curve]] = {}
        for curve in self.scaling.curves():
            curves.setdefault((curve.route, curve.load), []).append(curve)
        drawn = [(table, scaling_chart.figure(number, found)) for number, (table, found) in enumerate(zip(shown, curves.values(), strict=True))]
        blocks = [Block("" if number == 0 else table.caption, [figure] if figure else [], [table]) for number, (table, figure) in enumerate(drawn)]
        text = "The other sections have the servers with the first of these numbers of workers alone."
        return Section("scaling", "Scaling", text, blocks)

    def cost_section(self) -> Section | None:
        """CPU cost, and money with a price; None without figures."""
        load = self.analysis.main_load
        if load is None:
            return None
        shown = [resource_tables.cpu_cost(self.analysis, load)]
        if self.price_per_vcpu_hour is not None:
            shown.append(resource_tables.money(self.analysis, load, self.price_per_vcpu_hour))
        text = (
            "Server CPU only: memory, traffic and idle time cost extra. CPU seconds for a million requests are the "
            "same number as microseconds for one."
        )
        return Section("cost", "CPU cost", text, [Block("", [], shown)])

    def warm_ups(self) -> Table | None:
        """How long it took until they were steady; None where it was not recorded."""
        return tables.warm_ups(self.analysis) if self.results.warm_ups else None

    def same_server(self) -> Table | None:
        """The A/A table."""
        return tables.same_server(self.analysis) if self.analysis.same_pairs else None

    def doubtful_cells(self) -> Table | None:
        """The verdicts by cause, with their evidence."""
        return doubts.table(self.results.cells, self._cell_name)

    def outliers(self) -> list[str]:
        """Warnings about single rounds."""
        found = []
        for warning in self.analysis.outlier_warnings():
            rounds = numbers.listed([str(number) for number in warning.rounds])
            text = f"{self._cell_name(warning.cell)}: {warning.metric.title} of round {rounds} lies far from the others"
            if warning.slow_start:
                text += "; the first round is among them: the warm-up may have been too short"
            found.append(text + ".")
        return found

    def not_first(self) -> list[str]:
        """Every cell in which the rig's authors' server is not first."""
        return [answer.not_first(entry) for entry in self.analysis.not_first()]

    def _cell_name(self, cell: Cell) -> str:
        return f"{cell.contestant}, {requested(cell.route)}, {load_of(cell).title}"

    def _loads(self, route: str) -> list[Load]:
        """The loads of a route, the main one first."""
        present = [load for load in self.analysis.loads if self.analysis.cells(route, load)]
        return sorted(present, key=lambda load: load != self.analysis.main_load)

    def facts(self) -> list[tuple[str, str]]:
        """Machine, settings and versions of the rig, label and value."""
        results, machine, settings = self.results, self.results.machine, self.results.settings
        finished = "–" if results.finished_unix_ms is None else _utc(results.finished_unix_ms)
        rows = [
            ("restmark", results.rig_version),
            ("Started", self.started),
            ("Finished", finished),
            *_about(machine, ""),
            *([("Servers on", str(results.server_place)), *_about(results.server_machine, "Servers': ")] if results.server_machine else []),
            *_references(results),
            ("CPUs kept awake", "no" if results.idle_latency_us is None else "yes, no idle state but polling"),
            ("Settings", self.how),
            ("Seed", str(results.seed)),
            ("Dataset", f"{settings.dataset_records:,} records, {settings.dataset_json_bytes:,} bytes as JSON"),
            ("SHA-256 of the JSON", settings.dataset_sha256),
            ("Client timeout", f"{settings.timeout_ms / 1000:g} s"),
            *((f"Version of {name}", version) for name, version in results.tools.items()),
        ]
        rows += [(f"Threshold {name}", f"{value:g}") for name, value in results.thresholds.items()]
        return rows

    def contestants(self) -> Table:
        """Who took part, with versions."""
        columns = [Column(title, numeric=False) for title in ("Contestant", "Name", "Model", "Level", "Made with", "Versions")]
        table = Table("contestants", "Contestants", columns)
        for record in self.results.contestants:
            versions = ", ".join(f"{label} {version}" for label, version in record.versions.items())
            note = f"the same server as {record.same_as}" if record.same_as else record.description
            words = (record.title, record.name, record.model, record.level or "–", note, versions)
            table.rows.append([CellText(word) for word in words])
        return table

    def legend(self) -> list[tuple[str, str]]:
        """Badge names that occur in the run, with what they mean."""
        occurring = {name for cell in self.results.cells for name in cell.verdict_names}
        return [(name, text) for name, text in self.verdict_texts.items() if name in occurring]


def _in_one_line(machine: Machine) -> str:
    cpus = f"{machine.cpus_online} CPUs"
    return ", ".join(word for word in (machine.cpu_model, cpus, machine.kernel, machine.virtualisation) if word)


def _about(machine: Machine, whose: str) -> list[tuple[str, str]]:
    """Label and value of what is told of a machine. whose: stands before each label."""
    memory = None if machine.memory_total_kib is None else f"{numbers.mib(machine.memory_total_kib)} MiB"
    rows = [
        ("Host", machine.hostname),
        ("System", f"{machine.os}, {machine.kernel}, {machine.architecture}"),
        ("CPU", machine.cpu_model or "unknown"),
        ("CPUs", f"{machine.cpus_online}, usable: {cpulist.render(set(machine.cpus_allowed))}"),
        ("Memory", memory or "unknown"),
        ("Virtualisation", machine.virtualisation or "unknown"),
    ]
    return [(whose + label, value) for label, value in rows]


def _references(results: Results) -> list[tuple[str, str]]:
    """What the rig's own pieces of work took in quiet, as far as they were looked at."""
    rows = []
    if results.reference_ns:
        rows.append(("Reference work in quiet", f"{results.reference_ns / 1e6:.3f} ms of CPU time"))
    if results.handover_ns:
        rows.append(("Sending 128 KiB to the client's CPU in quiet", f"{results.handover_ns / 1e3:.1f} µs of CPU time"))
    return rows


def _key(route: str) -> str:
    return route.strip("/").replace("/", "-") or "root"


def _utc(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
