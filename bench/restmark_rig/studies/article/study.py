"""The study: the article's sentences in the order of their numbers."""

from __future__ import annotations

from ...model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_TRANSFER
from ..study import Study
from . import fastcgi
from .times import Sentence

_WORK = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_LOOP)
_TODAY = "Today's interpreters, compilers and libraries are not those of 2019, and these servers are not the article's."

SENTENCES = (
    Sentence(
        1,
        "fifty",
        "Python is 50 times slower.",
        "“Python is 50 times slower than C++ on most benchmarks”. Give or take a factor of two.",
        ("python-uwsgi",),
        ("restmarkd", "rust-axum"),
        (ROUTE_LOOP,),
        25,
        100,
        f"A loop of integers is where interpreters are worst; the article names it as what services seldom do. {_TODAY}",
    ),
    Sentence(
        2,
        "pypy-go",
        "PyPy is close to Go.",
        "PyPy comes close to Go. Taken for close: less than twice its CPU time.",
        ("pypy-tuned",),
        ("go-nethttp",),
        _WORK,
        None,
        2,
        f"After its warm-up, which 'restmark costs' measures. {_TODAY}",
    ),
    Sentence(
        3,
        "transfer",
        "Transferring data is fast in Python.",
        "Sending what is there already costs Python little more than others. Taken for that: less than twice Go's CPU time.",
        ("python-uwsgi",),
        ("go-nethttp",),
        (ROUTE_TRANSFER,),
        None,
        2,
        "It is uWSGI, written in C, that sends it. The kernel's copy is most of it, and the same for both.",
    ),
    Sentence(
        4,
        "actix",
        "Actix copies its answer, and checks that it is UTF-8.",
        "Actix pays for a copy and a check of what it sends. Taken for that: more than 1.1 times the CPU time of axum, which hands a shared buffer on.",
        ("rust-actix",),
        ("rust-axum",),
        (ROUTE_TRANSFER,),
        1.1,
        None,
        f"The contestant hands actix-web shared bytes; one that hands it a String pays for both. {_TODAY}",
    ),
    Sentence(
        6,
        "rust-go",
        "Rust is twice as fast as Go.",
        "Rust needs half of Go's time. Give or take a half.",
        ("go-nethttp",),
        ("rust-axum",),
        (ROUTE_PARSE, ROUTE_ENCODE),
        1.5,
        3,
        f"Both as most would write them; tuned ones are others. {_TODAY}",
    ),
    Sentence(
        7,
        "go-pypy",
        "Go is four times as fast as PyPy.",
        "Go needs a quarter of PyPy's time. Give or take a half.",
        ("pypy-tuned",),
        ("go-nethttp",),
        (ROUTE_PARSE, ROUTE_ENCODE),
        2.7,
        6,
        f"After PyPy's warm-up. {_TODAY}",
    ),
)

STUDY = Study(
    name="article",
    title="The article of 2019, sentence by sentence",
    notice=(
        "The figures of this study are ratios of CPU time under a load of its own: they never enter the tables of restmark run, which verifies all "
        "that it measures and says which differences are none."
    ),
    lead=(
        "“Benchmarking Python vs PyPy vs Go vs Rust” compared five workloads by hand, and is where this project comes from. What it says is put to "
        "the test here, with today's versions and by rules that were written before the figures were known. Those on builds, "
        "warm-up and broken data are in the study of costs."
    ),
    contestants=("restmarkd", "python-uwsgi", "pypy-tuned", "go-nethttp", "rust-axum", "rust-actix"),
    claims=tuple(sorted((fastcgi.CLAIM, *(sentence.claim() for sentence in SENTENCES)), key=lambda claim: claim.number)),
    requires=(fastcgi.NGINX.requirement,),
)
