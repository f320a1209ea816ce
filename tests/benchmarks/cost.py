# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and write its cost as JSON: seconds of wall time, seconds of CPU time, MiB of its largest process.

This is a separate program because a new process counts the memory of its parent: this program uses little memory.
"""

import json
import pathlib
import resource
import subprocess
import sys
import time

begun = time.monotonic()
status = subprocess.call(sys.argv[2:])
wall = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cost = [wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]
pathlib.Path(sys.argv[1]).write_text(json.dumps(cost), encoding="utf-8")
sys.exit(status)
