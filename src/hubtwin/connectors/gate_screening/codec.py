"""The message of a screening gate or of the desk beside it."""

from hubtwin.connectors.common.messages import Shape

TOPIC = "hubtwin/{hub_id}/gates/{gate_id}"
TOPICS = "hubtwin/+/gates/+"
PASSAGE = Shape(
    "passage",
    required=(
        "at",
        "exit",
        "gate",
        "lane",
        "id_type",
        "id_no",
        "document",
        "health_code",
        "itinerary_code",
        "desk",
        "provenance",
    ),
    optional=("test_age_h", "temperature_c", "origin_area"),
    personal=frozenset({"id_no", "health_code", "itinerary_code", "temperature_c", "origin_area", "test_age_h"}),
)
