"""How a process of a test dies at a failpoint."""

import os
import signal

from hubtwin.base.failpoint import arm


def arm_kill(spec: str) -> None:
    """Kill this process at the n-th passing of a failpoint; `spec` is "name:n", empty for never; the name
    "*" counts the passings of all."""
    if not spec:
        return
    name, _, count = spec.partition(":")
    left = [int(count or 1)]

    def act(passed: str) -> None:
        if name in {passed, "*"}:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    arm(act)
