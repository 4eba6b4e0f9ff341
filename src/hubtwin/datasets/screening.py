"""Screening at the exits: who passed a gate with which codes, how lanes fill, and what tests say.

The states of the two codes are data: each says what it stands for and where that is written.
"""

from dataclasses import dataclass

from hubtwin.datasets.table import Column, Dataset, Grade


@dataclass(frozen=True, slots=True)
class CodeState:
    """A state that a code on a phone can show. `none`: nobody could be shown a code (no phone, foreign document)."""

    state: str
    zh: str
    en: str
    source: str


_CODE_STANDARD = (
    "GB/T 38961/38962/38963-2020 (personal health information code: reference model, data format, interface); three "
    "colours as shown by the national platform, http://lwstw.com/gupiaohangqing/g7v35l5riv.html; full text not read"
)
_CARD = "rules of the itinerary card as answered to its users, http://m.ddtbk.com/news/476329.html"
_DESK = "ours: the desk path, for people without a phone and for foreign documents"

HEALTH_CODES = (
    CodeState("green", "绿码", "nothing known against the person", _CODE_STANDARD),
    CodeState("yellow", "黄码", "under observation, or symptoms at a check", _CODE_STANDARD),
    CodeState("red", "红码", "confirmed, suspected, or subject to isolation", _CODE_STANDARD),
    CodeState("none", "无码", "no code could be shown", _DESK),
)
ITINERARY_CODES = (
    CodeState("green", "绿卡", "no overseas travel in 14 days", _CARD),
    CodeState("yellow", "黄卡", "overseas in the last 14 days", _CARD),
    CodeState("orange", "橙卡", "close contact of a confirmed or suspected case", _CARD),
    CodeState("red", "红卡", "confirmed or suspected; named but not in use", _CARD),
    CodeState("none", "无卡", "no card could be shown; none exists after 2022-12-13", _DESK),
)
DOCUMENT_KINDS = ("citizen", "permit", "passport", "other")  # permit: residents of HK, Macao, Taiwan; foreign residents
TEST_KINDS = ("antigen", "nucleic")
TEST_RESULTS_VALUES = ("negative", "positive", "invalid")
TEST_AGE_MAX_H = 720  # an older test says nothing of today
TEMPERATURE_C = (25.0, 45.0)  # what a skin thermometer at a gate can show of a living person

GATE_SCREENINGS = Dataset(
    "gate_screenings",
    "出站查验",
    "passages of persons at the screening gates of an exit",
    key=("at_min", "gate_id", "pid"),
    columns=(
        Column("at_min", "minute", "通过时间", "when the person was at the gate, epoch minute", Grade.L3),
        Column("exit_id", "string", "出口", "exit", Grade.L3),
        Column("gate_id", "string", "闸机", "gate, unique in the hub", Grade.L3),
        Column("lane", "int", "通道", "lane of the exit", Grade.L3, minimum=1, maximum=200),
        Column("pid", "pid", "人员假名", "pseudonym", Grade.L4),
        Column(
            "health_code",
            "string",
            "健康码",
            "health code as shown",
            Grade.L4,
            values=tuple(code.state for code in HEALTH_CODES),
        ),
        Column(
            "itinerary_code",
            "string",
            "行程码",
            "itinerary card as shown",
            Grade.L4,
            values=tuple(code.state for code in ITINERARY_CODES),
        ),
        Column(
            "test_age_h",
            "int",
            "核酸时长",
            "whole hours since the specimen of the last nucleic-acid test; empty where none is shown",
            Grade.L4,
            nullable=True,
            minimum=0,
            maximum=TEST_AGE_MAX_H,
        ),
        Column(
            "temperature_c",
            "float",
            "体温",
            "skin temperature, degrees Celsius",
            Grade.L4,
            nullable=True,
            minimum=TEMPERATURE_C[0],
            maximum=TEMPERATURE_C[1],
        ),
        Column("origin_area", "string", "来源地", "area code of the declared origin", Grade.L4, nullable=True),
        Column("document_kind", "string", "证件类别", "kind of document", Grade.L3, values=DOCUMENT_KINDS),
        Column("desk", "bool", "人工台", "screened at the desk by a person, not at a gate", Grade.L3),
    ),
)

LANE_COUNTS = Dataset(
    "lane_counts",
    "通道计数",
    "persons through and before each screening lane, by minute",
    key=("exit_id", "lane", "minute_min"),
    columns=(
        Column("exit_id", "string", "出口", "exit"),
        Column("lane", "int", "通道", "lane of the exit", minimum=1, maximum=200),
        Column("minute_min", "minute", "分钟", "the minute that was counted, epoch minute"),
        Column("passed", "int", "通过人数", "persons through in that minute", Grade.L2, minimum=0, maximum=200),
        Column("waiting", "int", "等候人数", "persons waiting at its end", Grade.L2, minimum=0, maximum=5000),
    ),
)

TEST_RESULTS = Dataset(
    "test_results",
    "检测结果",
    "results of antigen and nucleic-acid tests",
    key=("report_id", "kind", "specimen_min"),
    columns=(
        Column("report_id", "string", "报告编号", "report, unique at its laboratory", Grade.L3),
        Column("pid", "pid", "人员假名", "pseudonym", Grade.L4),
        Column("kind", "string", "检测类别", "kind of test", Grade.L4, values=TEST_KINDS),
        Column("specimen_min", "minute", "采样时间", "when the specimen was taken, epoch minute", Grade.L4),
        Column("result_min", "minute", "出结果时间", "when the result was given", Grade.L4, nullable=True),
        Column("result", "string", "结果", "result; invalid: test again", Grade.L4, values=TEST_RESULTS_VALUES),
    ),
)
