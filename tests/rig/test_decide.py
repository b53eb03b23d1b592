"""restmark decide: each sentence follows from the data, and turns exactly where it says that it does."""

from __future__ import annotations

import functools
import json
import math
import random
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.decide import decision, facts, living, page, sentence, speed, turning
from restmark_rig.decide.decision import Decision
from restmark_rig.decide.facts import Money, Sources, Stacks
from restmark_rig.decide.sentence import Sentence
from restmark_rig.decide.turning import Knob, Stance
from restmark_rig.model.results import Results
from restmark_rig.model.stats import Estimate
from restmark_rig.report.gains import Gain
from restmark_rig.store import results_file
from restmark_rig.studies import files
from restmark_rig.studies.costs import billing, capacity, figures
from restmark_rig.studies.costs.billing import Terms

from . import decide_example, front_example, synthetic_results
from .decide_example import GO, PYTHON, C
from .helpers import call_rig

TERMS = Terms(requests_per_s=3000.0, cpu_year=300.0, gib_year=40.0, peak_factor=2.0, headroom=0.3, workers_min=2)
MIX = {"/encode-json": 1.0}
PRICES = ("--requests-per-second", "3000", "--cpu-year", "300", "--memory-gib-year", "40")


@functools.cache
def usual() -> Results:
    """The run that most tests look at."""
    return synthetic_results.build()


@functools.cache
def measured() -> dict[str, figures.Source]:
    """What a bill is made of, of the example's study."""
    with tempfile.TemporaryDirectory() as folder:
        files.write(decide_example.study(), Path(folder))
        return figures.read([Path(folder)])


def gathered(results: Results, terms: Terms | None = TERMS, start: str = PYTHON, costs: bool = True, wait: float = 0.0) -> Stacks:
    """All that is known of a run and of the example's study."""
    studies = [decide_example.study()] if costs else []
    money = None
    if terms is not None:
        money = Money(terms, figures.stacks(measured(), MIX, 50_000.0))
    return facts.gather(results, results.contestant(start), MIX, studies, Sources("run", "costs" if costs else ""), money, wait)


def written(folder: Path, results: Results | None = None) -> tuple[Path, Path]:
    """A run and a study as files."""
    results_file.write(results or usual(), folder / "run")
    files.write(decide_example.study(), folder / "costs")
    return folder / "run", folder / "costs"


def decided_page(folder: Path) -> Path:
    """The page of the command, with money, a front server and all studies."""
    results = synthetic_results.build(rate_per_s=200)
    stacks = gathered(results)
    stacks = replace(stacks, mix={"/": 3.0, "/encode-json": 1.0})
    costs = {"/": 50.0, "/parse-msgpack": 1600.0, "/encode-json": 2900.0}
    made = decision.make(stacks, C, 500.0, 5.0, front_example.cells(PYTHON, costs, 12.0))
    path = folder / "decision.html"
    path.write_text(page.render(made), encoding="utf-8")
    return path


def the(made: Decision, key: str) -> Sentence:
    return next(one for one in made.sentences if one.key == key)


def test_a_turn_is_found_where_a_stance_changes_and_nowhere_else() -> None:
    rng = random.Random(5)
    for _ in range(300):
        now, at = math.exp(rng.uniform(-3, 8)), math.exp(rng.uniform(-3, 8))
        knob = Knob("x", "x", now, 1e-3, 1e6)
        found = turning.turns(knob, lambda value, at=at: Stance.GAIN if value < at else Stance.LOSS)  # type: ignore[misc]
        assert len(found) == 1
        assert found[0].turned == pytest.approx(at, rel=1e-8)
        assert (found[0].held < at) != (found[0].turned < at)
        assert found[0].rises == (now < at)
    assert turning.turns(Knob("x", "x", 1.0, 0.0, 10.0), lambda _: Stance.OPEN) == []


@pytest.mark.parametrize("now", [0.0, 0.25, 0.9])
def test_shares_and_counts_are_looked_at_to_their_ends(now: float) -> None:
    share = Knob("share", "share", now, 0.0, 0.9999, even=True)
    assert turning.turns(share, lambda value: Stance.GAIN if value < 0.5 else Stance.LOSS)[0].turned == pytest.approx(0.5, abs=1e-8)
    count = Knob("n", "n", 3.0, 0.0, 20.0, whole=True)
    up, down = turning.turns(count, lambda value: Stance.GAIN if value <= 1 else Stance.LOSS if value >= 7 else Stance.OPEN)
    assert (up.held, up.turned, down.held, down.turned) == (6.0, 7.0, 2.0, 1.0)
    zero = Knob("price", "price", 0.0, 0.0, 1e6)
    assert turning.turns(zero, lambda value: Stance.GAIN if value < 12.5 else Stance.LOSS)[0].turned == pytest.approx(12.5, rel=1e-8)


@pytest.mark.parametrize(("seed", "to"), [(0, C), (1, GO), (2, C), (3, GO)])
def test_every_sentence_turns_at_its_threshold_and_not_before(seed: int, to: str) -> None:
    rng = random.Random(seed)
    results = synthetic_results.build(seed=seed, factors={C: rng.uniform(0.5, 45), GO: rng.uniform(0.3, 4)}, rate_per_s=200)
    terms = replace(TERMS, requests_per_s=rng.choice([5.0, 300.0, 3000.0]), rest_share=rng.choice([0.0, 0.5, 0.9]), cpu_year=rng.choice([0.0, 300.0]))
    stacks = gathered(results, terms, wait=terms.rest_share)
    made = decision.make(stacks, to, engineer_day=500.0, move_days=rng.choice([0.5, 10.0, 200.0]))
    assert [one.key for one in made.sentences] == list(decision.ORDER)
    turned = 0
    for one in made.sentences:
        assert one.stance is not Stance.UNKNOWN, one.text
        assert one.probe is not None
        assert {one.probe(knob.key, knob.now) for knob in one.knobs} == {one.stance}, one.key
        for turn in one.turns:
            turned += 1
            epsilon = 0.0 if turn.knob.whole else 2e-9 * max(abs(turn.held), abs(turn.turned)) + 1e-12
            assert abs(turn.turned - turn.held) <= (1.0 if turn.knob.whole else epsilon), turn
            assert one.probe(turn.knob.key, turn.held) is one.stance
            assert one.probe(turn.knob.key, turn.turned) is turn.into
            assert turn.into is not one.stance
            for _ in range(20):  # nothing turns it on the way there; whole workers make islands of a rate's
                if turn.knob.key != "requests_per_s":
                    way = turn.knob.now + (turn.held - turn.knob.now) * rng.random()
                    assert one.probe(turn.knob.key, round(way) if turn.knob.whole else way) is one.stance, (one.key, turn, way)
    assert turned >= 6


def test_a_sentence_made_anew_with_the_threshold_has_the_other_stance() -> None:
    """The probe is what the sentence itself goes by."""
    results = usual()
    money = living.money(gathered(results), C, 500.0, 5.0)
    assert money.stance is Stance.GAIN
    assert {turn.knob.key for turn in money.turns} >= {"requests_per_s", "rest_share", "move_days"}
    for turn in money.turns:
        for value, stance in ((turn.held, money.stance), (turn.turned, turn.into)):
            days = value if turn.knob.key == "move_days" else 5.0
            terms = TERMS if turn.knob.key == "move_days" else replace(TERMS, **{turn.knob.key: value})  # type: ignore[arg-type]
            assert living.money(gathered(results, terms), C, 500.0, days).stance is stance, turn
    waiting = speed.waiting(gathered(results), C)
    for turn in waiting.turns:
        assert speed.waiting(gathered(results, wait=turn.turned), C).stance is turn.into


def test_thresholds_are_those_of_the_formulas() -> None:
    stacks = gathered(usual())
    gain = stacks.cpu[C]
    assert gain.times is not None
    assert gain.times.low is not None
    cpu = speed.cpu(stacks, C)
    noise = next(turn for turn in cpu.turns if turn.knob.key == sentence.NOISE)
    assert noise.turned == pytest.approx(math.log(gain.times.value / 1.01) / math.log(gain.times.value / gain.times.low), rel=1e-6)
    waits = speed.waiting(stacks, C).turns
    assert waits[0].turned == pytest.approx(1 - speed.LITTLE / (1 - 1 / gain.times.low), rel=1e-6)
    saving = living.saving(stacks, C, TERMS)
    assert saving is not None
    assert saving.money.low is not None
    assert stacks.bill is not None
    line = stacks.bill.line(PYTHON)
    assert line is not None
    days = next(turn for turn in living.money(stacks, C, 500.0, 5.0).turns if turn.knob.key == "move_days")
    assert days.turned == pytest.approx((saving.money.low - living.LITTLE * line.total.value) / 500, rel=1e-6)


def test_memory_turns_at_the_number_of_workers_where_the_lines_cross() -> None:
    stacks = gathered(synthetic_results.build(memory=False), terms=None)
    made = living.memory(stacks, GO)  # Go: 11 000 and 1500 KiB for each; Python: 9000 and 14 000
    assert made.stance is Stance.GAIN
    assert made.turns == ()
    back = living.memory(gathered(synthetic_results.build(memory=False), terms=None, start=GO), PYTHON)
    assert back.stance is Stance.LOSS
    two = living.memory(gathered(synthetic_results.build(memory=False), terms=None, start=C), GO)
    assert two.stance is Stance.LOSS
    # 11 000 + 1500 n is never within 1.1 times of 2000 + 900 n.
    assert two.turns == ()


def example(value: float, low: float, high: float, n: int, alone: tuple[float, float] | None = None) -> Gain:
    record = synthetic_results.build(rounds=1).contestants[0]
    by_rounds = Estimate(value, *(alone or (low, high)), n)
    return Gain(record, None, Estimate(value, low, high, n), 1.0, by_rounds)


def test_more_rounds_narrow_what_rounds_widened_and_no_more() -> None:
    gain = example(1.2, 0.9, 1.6, 5)
    assert sentence.after_rounds(gain, 5) == Estimate(1.2, pytest.approx(0.9), pytest.approx(1.6), 5)
    text = sentence.settling(gain)
    rounds = int(re.search(r"--rounds (\d+)", text)[1])  # type: ignore[index]
    assert sentence.side_of(sentence.after_rounds(gain, rounds)) is Stance.GAIN
    assert sentence.side_of(sentence.after_rounds(gain, rounds - 1)) is Stance.OPEN
    disturbed = example(1.2, 0.6, 2.4, 5, alone=(1.1, 1.3))
    assert "no number of rounds" in sentence.settling(disturbed)
    assert sentence.settling(example(3.0, 2.8, 3.2, 7)) == "it is settled by 7 rounds"


def test_a_tie_is_open_and_says_how_many_rounds_settle_it() -> None:
    tied = synthetic_results.build(factors={C: 2900 / 72 / 1.03}, rounds=3)
    one = speed.cpu(gathered(tied), C)
    assert one.stance is Stance.OPEN
    assert "no difference that can be told" in one.text
    assert "rounds" in one.settles


def test_what_moving_costs_is_a_loss() -> None:
    made = decision.make(gathered(usual()), C, engineer_day=500.0)
    assert the(made, "money").stance is Stance.GAIN
    assert the(made, "broken").stance is Stance.GAIN
    assert "is silently wrong in 2" in the(made, "broken").text
    assert the(made, "builds").turns[0].knob.key == "builds_a_day"
    assert the(made, "warm-up").stance is Stance.GAIN
    without = decision.make(gathered(usual(), terms=None), C)
    assert the(without, "builds").stance is Stance.LOSS
    assert the(without, "money").stance is Stance.UNKNOWN
    assert any("--cpu-year" in line for line in without.lacking)


def test_builds_turn_at_the_number_a_day_that_costs_what_moving_saves() -> None:
    stacks = gathered(usual())
    one = living.builds(stacks, C, 500.0)
    saving = living.saving(stacks, C, TERMS)
    assert saving is not None
    assert saving.money.low is not None
    most = max(decide_example.SECONDS[C])  # as dear as a build may be, while moving saves as little as it may
    assert one.turns[0].turned == pytest.approx(saving.money.low / (most * living.DAYS / living.DAY_S * 500), rel=1e-6)


def test_what_was_not_measured_is_said_and_never_a_zero() -> None:
    made = decision.make(gathered(synthetic_results.build(memory=False), terms=None, costs=False), C)
    unknown = [one.key for one in made.sentences if one.stance is Stance.UNKNOWN]
    assert unknown == ["memory", "latency", "money", "builds", "warm-up", "broken"]
    row = made.table.rows[1]
    assert [cell.text for cell in row[4:]] == ["–"] * 6
    assert len(made.lacking) == len(unknown) + 5  # one route, who was skipped, back ends, energy, and what is never measured


def test_latency_is_compared_at_a_fixed_rate_however_many_connections_each_takes() -> None:
    stacks = gathered(synthetic_results.build(rate_per_s=200), terms=None)
    one = speed.latency(stacks, C)
    assert one.stance is Stance.GAIN
    assert "at 200 requests/s" in one.text


def test_the_cheapest_is_meant_unless_somebody_is_named() -> None:
    stacks = gathered(usual())
    assert decision.make(stacks, None).to == C
    assert decision.make(stacks, GO).to == GO


def test_the_command_prints_and_writes_a_page(tmp_path: Path) -> None:
    run, costs = written(tmp_path)
    done = call_rig(tmp_path, "decide", "--run", str(run), "--costs", str(costs), "--from", PYTHON, *PRICES, "--engineer-day", "500")
    assert done.returncode == 0, done.stderr
    assert "Should Python 3, uWSGI be left for restmarkd, C structs?" in done.stdout
    assert len(re.findall(r"(?m)^\d+\. ", done.stdout)) == len(decision.ORDER)
    text = (run / "decision.html").read_text(encoding="utf-8")
    assert text.count('<li id="sentence-') == len(decision.ORDER)
    assert text.count("<table") == 1
    assert 'src="http' not in text
    assert "<script" not in text
    document = json.loads((run / "decision.json").read_text(encoding="utf-8"))
    assert [one["key"] for one in document["sentences"]] == list(decision.ORDER)
    again = call_rig(tmp_path, "decide", "--run", str(run), "--costs", str(costs), "--from", PYTHON, *PRICES, "--engineer-day", "500", "--json")
    assert json.loads(again.stdout) == document


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "python-uwsg"), "did you mean python-uwsgi?"),
        (("--from", "nginx"), "has no application in it"),
        (("--from", PYTHON, "--to", "nobody"), "--to nobody: not among the others"),
        (("--from", PYTHON, "--requests-per-second", "5"), "--cpu-year and --memory-gib-year is missing"),
        (("--from", PYTHON, "--mix", "/validate=1"), "which the run does not measure"),
        (("--from", PYTHON, "--move-days", "3"), "--move-days is paid by --engineer-day"),
    ],
)
def test_what_can_not_be_meant_is_refused(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    run, _ = written(tmp_path)
    done = call_rig(tmp_path, "decide", "--run", str(run), *words)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.split())


def test_a_mix_that_no_fixed_rate_covers_has_no_money_and_says_so(tmp_path: Path) -> None:
    run, costs = written(tmp_path)
    done = call_rig(tmp_path, "decide", "--run", str(run), "--costs", str(costs), "--from", PYTHON, "--mix", "/parse-msgpack=1", *PRICES)
    assert done.returncode == 0, done.stderr
    assert "it takes fixed rates on /parse-msgpack, and they were on /encode-json" in " ".join(done.stdout.split())


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    run, _ = written(tmp_path)
    other = replace(decide_example.study((capacity.CLAIM, decide_example.rates())), study="pipelining")
    files.write(other, tmp_path / "other")
    done = call_rig(tmp_path, "decide", "--run", str(run), "--costs", str(tmp_path / "other"), "--from", PYTHON)
    assert done.returncode == 1
    assert "a study of pipelining" in done.stderr


@pytest.mark.parametrize(("start", "told"), [(PYTHON, "at none of the rates that were tried did"), ("rust-axum", "no fixed rates of Rust, axum were measured")])
def test_a_stack_without_a_rate_that_holds_has_no_money(start: str, told: str) -> None:
    money = Money(TERMS, figures.stacks(measured(), MIX, 1.0))
    stacks = facts.gather(usual(), usual().contestant(start), MIX, [], Sources("run"), money)
    one = living.money(stacks, C, None, None)
    assert one.stance is Stance.UNKNOWN
    assert told in one.text


def test_the_bill_and_the_decision_agree() -> None:
    stacks = gathered(usual())
    assert stacks.bill is not None
    pairs = {one.name: one.money for one in billing.savings(stacks.bill)}
    assert {name: found.money for name in pairs if (found := living.saving(stacks, name, TERMS))} == pairs
