"""The weather of a simulated day: fog in the morning, rain in the afternoon, and the warnings that go with them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import cos, pi
from typing import NamedTuple

import numpy as np

from hubtwin.connectors.weather.simulator import Info, Observed, Warned, cap, observations

EVERY_MIN = 10  # a station tells every ten minutes; ours
FOG_UNTIL_H, RAIN_H = 10.0, (15.5, 19.0)
CODES = {"大雾": ("Fog", "07"), "暴雨": ("Rainstorm", "01")}
COLOURS = {"blue": ("蓝色", "Minor"), "yellow": ("黄色", "Moderate"), "orange": ("橙色", "Severe")}


class Said(NamedTuple):
    """A step in the life of a warning: hour of the day, event, colour (empty: lifted), and what it says."""

    hour: float
    event: str
    colour: str
    zh: str
    en: str


DAY = (
    Said(6.5, "大雾", "yellow", "能见度小于500米的雾将持续。", "Fog with less than 500 m of visibility will last."),
    Said(10.0, "大雾", "", "大雾已消散。", "The fog has cleared."),
    Said(15.0, "暴雨", "blue", "未来12小时降雨量将达50毫米以上。", "More than 50 mm of rain within 12 hours."),
    Said(16.5, "暴雨", "yellow", "未来6小时降雨量将达50毫米以上。", "More than 50 mm of rain within 6 hours."),
    Said(19.5, "暴雨", "", "降雨已减弱。", "The rain has eased."),
)


class Sky:
    """The weather at one station of a simulated day; `day_start` is aware. The same seed gives the same bytes."""

    def __init__(self, day_start: datetime, told: dict[str, str], rng: np.random.Generator) -> None:
        """Draw the day; `told` names station, sender and area."""
        self._start, self._told = day_start, told
        self._noise = rng.normal(0.0, 1.0, size=(24 * 60 // EVERY_MIN + 60, 4))
        self._first = 8 + int(rng.integers(0, 1000))

    def observation(self, at: datetime, lon: float | None, lat: float | None) -> bytes:
        """Return the page of an observation."""
        hour = (at - self._start) / timedelta(hours=1)
        noise = self._noise[int(hour * 60) // EVERY_MIN % len(self._noise)]
        fog, rain = hour < FOG_UNTIL_H, RAIN_H[0] <= hour < RAIN_H[1]
        shower = 9.0 * max(0.0, 1 - abs(hour - sum(RAIN_H) / 2) / 1.8) if rain else 0.0
        wind = max(0.3, 2.2 + (2.0 if rain else 0.0) + 0.6 * float(noise[1]))
        told = Observed(
            at,
            self._told["station"],
            temperature_c=round(17.0 - 4.0 * cos((hour - 3) / 24 * 2 * pi) + 0.2 * float(noise[0]), 1),
            wind_mps=round(wind, 1),
            gust_mps=round(wind * 1.7, 1),
            rain_1h_mm=round(max(0.0, shower + 0.4 * float(noise[2])), 1) if rain else 0.0,
            visibility_m=round(
                max(80.0, (420.0 if fog else 3500.0 if rain else 12000.0) * (1 + 0.08 * float(noise[3])))
            ),
            text="雾" if fog else "雨" if rain else "多云",
            lon=lon,
            lat=lat,
        )
        return observations([told])

    def warnings(self) -> Iterator[tuple[datetime, bytes]]:
        """Yield (when, CAP document) of the day's warnings in order; each takes the place of the one before it."""
        before: dict[str, tuple[str, datetime]] = {}
        for number, said in enumerate(DAY):
            at = self._start + timedelta(hours=said.hour)
            identifier = f"SIM-{self._told['station']}_{at:%Y%m%d%H%M%S}_{self._first + number}"
            earlier = (before[said.event],) if said.event in before else ()
            kind = "Alert" if not earlier else "Update" if said.colour else "Cancel"
            told = Warned(identifier, self._told["sender"], at, self._infos(said, at), kind, "Actual", earlier)
            before[said.event] = (identifier, at)
            yield at, cap(told)

    def _infos(self, said: Said, at: datetime) -> tuple[Info, ...]:
        english, _ = CODES[said.event]
        zh, severity = COLOURS.get(said.colour, ("", "Minor"))
        action, lifted = ("发布" if zh else "解除"), not said.colour
        head_zh = f"{self._told['sender']}{action}{said.event}{zh}预警（模拟）"
        head_en = f"{english} {'warning lifted' if lifted else f'{said.colour} warning'} (simulated)"
        shared = {
            "severity": severity,
            "urgency": "Past" if lifted else "Expected",
            "expires": None if lifted else at + timedelta(hours=6),
            "area": self._told["area"],
            "colour": said.colour,
        }
        return (
            Info("zh-CN", said.event, head_zh, said.zh, **shared),  # type: ignore[arg-type]
            Info("en", english, head_en, said.en, **shared),  # type: ignore[arg-type]
        )
