"""Kill this command at one certain file, however fast the machine is (tests/killing.py).

Python imports this module in every process that has this folder on PYTHONPATH, workers too. Every
file of the project gets its name by `os.replace`; when as many files as asked for have names that
match, the process that wrote the last one kills the whole group, or its leader alone.
"""

import glob
import json
import os
import signal

PATTERN, COUNT, ALONE = json.loads(os.environ["DSM_TEST_KILL"])
replace = os.replace


def replace_and_kill(source, target, **folders):
    replace(source, target, **folders)
    if len(glob.glob(PATTERN, recursive=True)) >= COUNT:
        leader = os.getpgrp()
        os.kill(leader if ALONE else -leader, signal.SIGKILL)


os.replace = replace_and_kill
