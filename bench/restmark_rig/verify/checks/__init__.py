"""The checks of verify, in the order in which they run."""

from __future__ import annotations

from .answers import BODY, SIZE, TYPE, VARY
from .base import WRONG_BODY, Check, Finding, Subject, Verdict
from .connection import BURST, FRAG, KEEP, PAIR
from .cost import COST
from .digest import DIGEST
from .fresh import FRESH
from .idle import IDLE
from .prepared import PREPARED
from .queries import QUERIES
from .record import RECORD
from .requests import ARGS, PATH
from .stop import STOP
from .survive import SURVIVE
from .transaction import TRANSACTION
from .validate import VALIDATE
from .wait import WAIT

CHECKS: tuple[Check, ...] = (
    *(BODY, TYPE, SIZE, VARY, DIGEST, ARGS, PATH, KEEP, FRAG, PAIR, BURST, VALIDATE, WAIT, RECORD),
    *(FRESH, TRANSACTION, QUERIES, PREPARED, COST, IDLE, SURVIVE, STOP),
)

__all__ = ["CHECKS", "COST", "STOP", "WRONG_BODY", "Check", "Finding", "Subject", "Verdict"]
