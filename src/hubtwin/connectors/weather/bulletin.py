"""The text of a warning bulletin as Chinese weather stations write it, and the colour of a signal in a headline.

The form: station, moment, action, event, colour, "预警", level and degree in brackets, a colon, the text. The four
colours stand for the four levels of the Emergency Response Law (2024) Art. 63; their CAP severity is ours.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.values import FIRST_YEAR, LAST_YEAR

COLOURS: Mapping[str, str] = {"蓝": "blue", "黄": "yellow", "橙": "orange", "红": "red"}
SEVERITIES: Mapping[str, str] = {"blue": "Minor", "yellow": "Moderate", "orange": "Severe", "red": "Extreme"}
_DEGREES: Mapping[str, str] = {"特别严重": "red", "严重": "orange", "较重": "yellow", "一般": "blue"}
_ALERT, _CANCEL = ("发布",), ("解除", "取消", "撤销")
_UPDATE = ("继续发布", "变更", "更新", "更改", "升级", "降级")
_ACTIONS = {
    **dict.fromkeys(_ALERT, "Alert"),
    **dict.fromkeys(_UPDATE, "Update"),
    **dict.fromkeys(_CANCEL, "Cancel"),
}
_BULLETIN = re.compile(
    r"(?P<station>[^\d\s:：]{2,40}?气象(?:台|局|站|服务中心))"
    r"(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日(?P<hour>[0-9]{1,2})[时:：](?P<minute>[0-9]{1,2})分?"
    rf"(?P<action>{'|'.join(sorted(_ACTIONS, key=len, reverse=True))})"
    r"(?P<event>[^\s:：\[【]{1,12}?)(?:(?P<colour>[蓝黄橙红])色)?预警(?:信号)?"
    r"(?:[\[【][ⅠⅡⅢⅣIV1-4一二三四]{1,3}级(?:[/／](?P<degree>特别严重|严重|较重|一般))?[\]】])?"
    r"[。:：]?(?P<text>.*)"
)
_SIGNAL = re.compile(r"(?P<zh>[蓝黄橙红])色|\b(?P<en>blue|yellow|orange|red)\s+(?:warning|alert|signal)", re.IGNORECASE)
_CHANGED = re.compile(r"(?:更新|变更|升级|降级)为")


class Bulletin(NamedTuple):
    """What a bulletin says. `colour` is None where it names none, as one that lifts a warning may."""

    station: str
    at_s: int
    msg_type: str
    event: str
    colour: str | None
    text: str


def parse_bulletin(line: str, zone: ZoneInfo) -> Bulletin:
    """Return what a bulletin says; its time is on the clock of `zone`. Raises Malformed for a text that is none."""
    found = _BULLETIN.fullmatch(line.strip())
    if found is None:
        raise Malformed("connectors.weather.no_bulletin")
    year, month, day, hour, minute = (int(found[name]) for name in ("year", "month", "day", "hour", "minute"))
    try:
        at = datetime(year, month, day, hour, minute, tzinfo=zone)
    except ValueError:
        raise Malformed("connectors.weather.broken_moment") from None
    if not FIRST_YEAR <= at.year < LAST_YEAR:
        raise Malformed("connectors.weather.broken_moment")
    colour = COLOURS.get(found["colour"] or "") or _DEGREES.get(found["degree"] or "")
    msg_type = _ACTIONS[found["action"]]
    if msg_type == "Alert" and _CHANGED.search(found["text"]):
        msg_type = "Update"
    if colour is None and msg_type != "Cancel":
        raise Malformed("connectors.weather.no_colour")
    at_s = int((at - EPOCH).total_seconds())
    return Bulletin(found["station"], at_s, msg_type, found["event"], colour, found["text"].strip())


def find_colour(text: str) -> str | None:
    """Return the colour of a signal that a headline names, None where it names none or several."""
    found = {COLOURS[each["zh"]] if each["zh"] else each["en"].lower() for each in _SIGNAL.finditer(text)}
    return next(iter(found)) if len(found) == 1 else None
