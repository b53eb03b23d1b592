"""Plants one bug after another in the facts and the plans, and lets the simulation find it.

Usage: mutations.py COMPILER BUILD_DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from compiling import PURE, SIMULATION, SOURCE, Compiler

HAPPENINGS = 3_000_000  # for one bug; most take some thousand. Not seconds: what is found depends on no machine


class Bug(NamedTuple):
    what: str
    file: str
    right: str
    wrong: str


BUGS = [
    Bug("back-off is too short", "fleet/slot.h", "SLOT_BACKOFF_MIN_MS = 100,", "SLOT_BACKOFF_MIN_MS = 50,"),
    Bug("recycling takes the place of a drain", "fleet/wish.c", "[PRESENT_DRAIN] =        { MERGE_REFUSE,", "[PRESENT_DRAIN] =        { MERGE_TAKE,"),
    Bug("a seat that is free keeps its facts", "fleet/fleet.c", "*seat = (struct seat){ .slot = { .state = RESTMARK_SLOT_EMPTY } };", "break;"),
    Bug("an order reaches an empty seat", "fleet/fleet.c", "if (seat->slot.state == RESTMARK_SLOT_EMPTY && !f->stopping)", "if (0)"),
    Bug("the daemon ends before its workers", "plan/slots.c", "if (f->seats[i][seat].slot.state != RESTMARK_SLOT_STOPPED)", "if (0)"),
    Bug("a stop forgets the workers beside others", "plan/slots.c", "seat < RESTMARK_SEATS; seat++)\n                        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,", "seat < 1; seat++)\n                        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,"),
    Bug("it is not said that all are ready", "plan/slots.c", "intents_add(out, &(struct intent){ .kind = INTENT_SERVE });", ""),
    Bug("a worker that starts takes over", "plan/replace.c", "if (seat->slot.state != RESTMARK_SLOT_READY || !is_awaited)", "if (seat->slot.state != RESTMARK_SLOT_STARTING || !is_awaited)"),
    Bug("the seat of an old worker is not freed", "plan/replace.c", "intents_add(out, &(struct intent){ .kind = INTENT_FREE, .slot = h->slot, .seat = h->seat });", ""),
    Bug("who drains is not told", "plan/replace.c", "finish_drain(out, i, farewell->ticket, true, text);", ""),
    Bug("a drain whose new worker fails is not told", "plan/replace.c", "drop(f, slot, why_not, out);", "intents_add(out, &(struct intent){ .kind = INTENT_UNWISH, .slot = slot });"),
    Bug("workers are replaced while a canary is examined", "plan/replace.c", "if (f->awaited >= 0 || f->stopping || f->facts[FACT_EXAMINES])", "if (f->awaited >= 0 || f->stopping)"),
    Bug("who yields is killed while it may be serving", "plan/replace.c", ".event = SLOT_EVENT_STOP,\n                                           .cause = RESTMARK_CAUSE_START });\n}\n\nstatic void cancel", ".event = SLOT_EVENT_KILL,\n                                           .cause = RESTMARK_CAUSE_START });\n}\n\nstatic void cancel"),
    Bug("a canary that fails is taken", "plan/reload.c", "if (why) {\n                (void)snprintf(r->text", "if (why && 0) {\n                (void)snprintf(r->text"),
    Bug("a reload does not wait for the old workers", "plan/reload.c", "beside->generation != f->current.number)\n                        return;", "beside->generation != f->current.number)\n                        continue;"),
    Bug("a reload ends with its canary", "plan/reload.c", "!r->is_committing && ", ""),
    Bug("a reload that fails is not told", "plan/reload.c", "        end(r, false, reply, out);", "        enter(r, RELOAD_IDLE, out);"),
    Bug("a reload that is stuck is said to be done", "plan/reload.c", "r->stuck = true;", ""),
    Bug("a canary that never gets ready is awaited for ever", "plan/reload.c", "r->deadline_ms = now_ms + f->next.canary_timeout_ms;", ""),
    Bug("sockets are closed with clients in their queues", "plan/resize.c", "if (h->ok)\n                        r->top--;", "if (1)\n                        r->top--;"),
    Bug("scaling is said to be done too early", "plan/resize.c", " && f->n_slots == f->n_workers)\n                finish", ")\n                finish"),
    Bug("a slot whose worker has ended is forgotten", "plan/resize.c", "if (own->slot.state == RESTMARK_SLOT_STOPPED) {", "if (0) {"),
    Bug("there are no sockets, and that is overlooked", "plan/resize.c", "if (h->text) {\n                r->goal", "if (0) {\n                r->goal"),
    Bug("an old request wins over a new one", "plan/resize.c", "if (h->difference == ORIGIN_COMMAND && h->ticket < r->ticket)", "if (0)"),
    Bug("a worker that is silent is in the rotation", "plan/rotation.c", " && !s->unresponsive)\n                        return true;", ")\n                        return true;"),
    Bug("the rotation is not kept current", "plan/rotation.c", "n == r->n && memcmp(slots, r->slots, n * sizeof *slots) == 0", "n == r->n"),
    Bug("a queue is watched that is served", "plan/relay.c", "bool wanted = can && i < f->n_slots && !is_served(f, i);", "bool wanted = can && i < f->n_slots;"),
    Bug("two connections are on their way at once", "plan/relay.c", "if (!r->is_taking && !r->job.runs)\n", "if (!r->job.runs)\n"),
    Bug("the pause has no end", "plan/relay.c", "return r->pause_ms;", "return 0;"),
    Bug("a worker on probation is passed connections", "fleet/fleet.c", "return !seat->on_probation && !seat->doomed", "return !seat->doomed"),
    Bug("a machine that stood still is not excused", "plan/health.c", "bool late = excuse(h, f, h->round_ms + h->interval_ms, now_ms);", "bool late = false;"),
    Bug("who never was deaf is condemned", "plan/health.c", "p->is->deaf_ms != 0 && ", ""),
    Bug("what stood still counts as silence", "plan/vital.c", "vital->moved_ms += stood_still_ms < silence_ms ? stood_still_ms : silence_ms;", ""),
    Bug("no limit is a limit of nothing", "plan/recycle.c", "policy->max_lifetime_ms != 0 && ", ""),
    Bug("an upgrade does not wait for those who are replaced", "plan/upgrade.c", "fleet_can_be_handed_over(f);", "1;"),
    Bug("an upgrade does not wait for a change of size", "plan/upgrade.c", "!f->facts[FACT_SCALES] && ", ""),
    Bug("who waits for an upgrade is not told of the stop", "plan/upgrade.c", 'intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_UPGRADE, .ticket = u->wanted, .and_earlier = true }, "the daemon stops");', ""),
    Bug("an upgrade that fails is tried for ever", "plan/upgrade.c", "        end(u, false, reply, out);", ""),
    Bug("systemd is not told that a reload is over", "plan/bulletin.c", " || h->kind == HAPPENING_RELOADED", ""),
    Bug("the status counts all workers as ready", "plan/bulletin.c", "fleet_count_ready(f), f->n_workers,", "f->n_workers, f->n_workers,"),
]


def plant(bug: Bug) -> str:
    text = (SOURCE / bug.file).read_text()
    if text.count(bug.right) != 1:
        raise SystemExit(f"{bug.file} has {text.count(bug.right)} times what was to be changed for: {bug.what}")
    return text.replace(bug.right, bug.wrong)


def run(program: Path, happenings: int) -> tuple[bool, str]:
    """Whether all is well, and the last line."""
    result = subprocess.run([program, "--seed", "1", "--happenings", str(happenings)], capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).strip().splitlines()
    return result.returncode == 0, lines[-1] if lines else ""


def objects_with(compiler: Compiler, objects: dict[Path, Path], bug: Bug) -> list[Path]:
    changed = SOURCE / bug.file
    if changed.suffix == ".c":
        return [*(o for s, o in objects.items() if s != changed), compiler.object(changed, plant(bug))]
    own = changed.with_suffix(".c")  # of a header, the file that it belongs to
    include = f'#include "{bug.file}"\n'
    return [*(o for s, o in objects.items() if s != own), compiler.object(own, own.read_text().replace(include, plant(bug)))]


def main() -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        compiler = Compiler(sys.argv[1], Path(sys.argv[2]), Path(directory))
        objects = {source: compiler.object(source) for source in [*PURE, *SIMULATION]}
        well, last = run(compiler.link(list(objects.values()), "well"), HAPPENINGS // 10)
        if not well:
            print(f"without a bug: {last}")
            return 1
        for bug in BUGS:
            begin = time.monotonic()
            well, last = run(compiler.link(objects_with(compiler, objects, bug), "changed"), HAPPENINGS)
            missed += well
            print(f"{'MISSED' if well else 'found '} {time.monotonic() - begin:5.1f} s  {bug.what}: {last}", flush=True)
    print(f"{len(BUGS)} bugs, {missed} missed")
    return 1 if missed else 0


sys.exit(main())
