"""python3 -m restmark_rig.agent: serves a run that is coordinated elsewhere. Standard library only, from here on down."""

from __future__ import annotations

import sys

from .program import main

sys.exit(main())
