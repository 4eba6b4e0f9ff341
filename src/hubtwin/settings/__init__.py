"""Settings of a hub: `load_settings` reads hub.toml, the environment and flags into one frozen record."""

from hubtwin.settings.hub import VenueSettings
from hubtwin.settings.load import (
    BLOCKS,
    DEFAULT_HUB,
    FEEDS,
    Settings,
    as_exercise,
    find_data_dir,
    find_lang,
    load_settings,
)
from hubtwin.settings.map import MapSettings
from hubtwin.settings.partners import PartnerSettings
from hubtwin.settings.sources import MatcherSettings, SourceSettings

__all__ = [
    "BLOCKS",
    "DEFAULT_HUB",
    "FEEDS",
    "MapSettings",
    "MatcherSettings",
    "PartnerSettings",
    "Settings",
    "SourceSettings",
    "VenueSettings",
    "as_exercise",
    "find_data_dir",
    "find_lang",
    "load_settings",
]
