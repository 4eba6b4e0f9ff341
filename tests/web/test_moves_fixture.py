"""The invented server of the pages moves cases and tasks by the very tables of the core."""

import json
import os
from pathlib import Path

from hubtwin.model.case import MOVES
from hubtwin.model.task import TASK_MOVES

FIXTURE = Path(__file__).parents[2] / "ui/dev/fixtures/moves.json"


def test_the_moves_of_the_invented_server_are_those_of_the_core() -> None:
    case = [
        {
            "command": move.command,
            "from": move.from_state.value,
            "to": move.to_state.value,
            "needs": list(move.needs),
            "clock": move.clock,
            "outcome": move.outcome.value if move.outcome else None,
        }
        for move in MOVES
    ]
    task = [
        {
            "command": move.command,
            "from": move.from_state.value,
            "to": move.to_state.value,
            "reason": move.reason,
            "team": move.team,
        }
        for move in TASK_MOVES
    ]
    content = json.dumps({"case": case, "task": task}, ensure_ascii=False, separators=(",", ":"))
    if os.environ.get("HUBTWIN_WRITE_DOCS"):
        FIXTURE.write_text(content, encoding="utf-8")
    assert FIXTURE.read_text(encoding="utf-8") == content, "run HUBTWIN_WRITE_DOCS=1 make test, and read what changed"
