#!/usr/bin/python3
"""Check the dataset, then become the server: checked_start.py DATASET COMMAND [ARGUMENT]...

For servers whose master ends with status 0, or goes on, when its workers can not load the dataset. Runs on any Python 3.9, without packages.
"""

from __future__ import annotations

import os
import sys

import dataset
import msgpack_read

path, *command = sys.argv[1:]
try:
    dataset.load(path, msgpack_read.unpackb)
except dataset.DatasetError as error:
    sys.exit(str(error))
os.execvp(command[0], command)
