"""Facts of made persons for the province's template. Document numbers begin with 99, which is nobody's."""

from pathlib import Path
from typing import Any

from hubtwin.rules.documents import citizen_check
from hubtwin.rules.template import Template, bind, read_template
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES

FOLDER = Path(__file__).parents[2] / "data/templates/province"
PROFILE = DISCLOSURES.profiles["province"]
AT_MIN = 27_770_460  # 2022-10-20 09:00 in Hangzhou


def template(version: int = 1) -> Template:
    """Return a shipped version of the template."""
    return bind(read_template((FOLDER / f"persons-{version}.toml").read_text(encoding="utf-8")), PROFILE)


def citizen(number: int) -> str:
    """Return the made citizen number of a person."""
    body = f"99{number // 1000:04d}19900101{number % 1000:03d}"
    return body + citizen_check(body)


def facts(number: int, **changed: Any) -> dict[str, Any]:
    """Return the facts of a person; `changed` are by path with __ for a dot."""
    told: dict[str, Any] = {
        "case": f"c-{number}",
        "identity": {"name": f"合成{number}", "id_type": "citizen", "id_no": citizen(number), "phone": "13800000000"},
        "place": {
            "destination_code": "330102",
            "destination": "合成路 1 号",
            "train": "G1234",
            "arrived_min": AT_MIN - 60,
            "now": "stays here",
        },
        "exposure": {
            "area_code": "330102",
            "level": "high",
            "from_min": AT_MIN - 5_000,
            "until_min": AT_MIN - 3_000,
            "kind": "stay",
        },
        "tests": [
            {"kind": "nucleic", "result": "negative", "sampled_min": AT_MIN - 40},
            {"kind": "antigen", "result": "negative", "sampled_min": AT_MIN - 50},
        ],
        "health": {"symptoms": "stays here too"},
        "verified": {"at_min": AT_MIN, "by_post": "S1"},
    }
    for path, value in changed.items():
        place, _, name = path.rpartition("__")
        (told[place] if place else told)[name] = value
    return told
