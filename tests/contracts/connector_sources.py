"""Every source that the kit is applied to."""

from tests.contracts import (
    source_bookings,
    source_crowd_counters,
    source_gate_screening,
    source_lane_counters,
    source_rail_timetable,
    source_risk_areas,
    source_running_information,
    source_test_results,
    sources_panorama,
)
from tests.contracts.connector_kit import Source

SOURCES: tuple[Source, ...] = (
    source_bookings.SOURCE,
    source_crowd_counters.SOURCE,
    source_gate_screening.SOURCE,
    source_lane_counters.SOURCE,
    source_rail_timetable.SOURCE,
    source_risk_areas.SOURCE,
    source_running_information.SOURCE,
    source_test_results.SOURCE,
    *sources_panorama.SOURCES,
)
