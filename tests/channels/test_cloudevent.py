"""Envelopes: structured mode as the specification has it, every attribute required, nothing guessed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import HubError, Malformed
from hubtwin.channels.cloudevent import MAX_BYTES, read_event, write_event
from hubtwin.model.message import Envelope
from hubtwin.model.record import Marks, Provenance, Status

MADE = Marks(Status.EXERCISE, Provenance.SYNTHETIC, True)
EVENT = Envelope(
    *("k1", "/hubs/here", "hubtwin.case", "c1", 7, "2022-10-20T01:00:00Z", "/partners/p", "urn:x:1"),
    {"n": 1, "zh": "接站"},
    MADE,
)


def test_an_event_is_cloudevents_1_0_in_one_line() -> None:
    content = write_event(EVENT)
    assert b"\n" not in content
    told = json.loads(content)
    assert told == {
        "specversion": "1.0",
        "id": "k1",
        "source": "/hubs/here",
        "type": "hubtwin.case",
        "subject": "c1",
        "time": "2022-10-20T01:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:x:1",
        "recipient": "/partners/p",
        "sequence": "0000000007",
        "status": "Exercise",
        "provenance": "synthetic",
        "replayed": True,
        "data": {"n": 1, "zh": "接站"},
    }
    assert all(name.isalnum() and name == name.lower() for name in told), "names of attributes as the standard asks"
    assert read_event(content) == EVENT


def test_an_attribute_that_is_not_known_is_left_alone() -> None:
    told = json.loads(write_event(EVENT)) | {"traceparent": "00-x"}
    assert read_event(json.dumps(told, indent=1).encode()) == EVENT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in ("id", "source", "type", "subject", "time", "recipient", "dataschema", "data")),
        *((name, None) for name in ("sequence", "status", "provenance", "replayed", "specversion")),
        ("specversion", "0.3"),
        ("id", ""),
        ("id", 5),
        ("subject", "x" * 513),
        ("sequence", 7),
        ("sequence", "7"),
        ("sequence", "0000000000"),
        ("sequence", "٠٠٠٠٠٠٠٠٠٧"),
        ("sequence", "-000000007"),
        ("status", "actual"),
        ("provenance", ["real"]),
        ("replayed", "false"),
        ("data", [1]),
        ("data", "x"),
        ("datacontenttype", "text/xml"),
    ],
)
def test_a_wrong_attribute_is_named(name: str, value: object) -> None:
    told = json.loads(write_event(EVENT))
    told = {key: part for key, part in told.items() if key != name} if value is None else told | {name: value}
    with pytest.raises(Malformed) as refused:
        read_event(json.dumps(told).encode())
    assert name in str(refused.value.values["attribute"])
    assert refused.value.message("zh") != refused.value.message("en")


def test_what_is_too_long_or_no_json_is_not_sent() -> None:
    with pytest.raises(Malformed):
        write_event(replace(EVENT, data={"x": "y" * MAX_BYTES}))
    with pytest.raises(Malformed):
        write_event(replace(EVENT, data={"x": object()}))
    with pytest.raises(Malformed):
        write_event(replace(EVENT, subject=""))


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(HubError):
        read_event(content)


@pytest.mark.parametrize(("start", "end"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_what_is_nested_too_deep_to_be_kept_is_refused(start: bytes, end: bytes) -> None:
    for depth, fine in ((150, True), (300, False), (900, False), (2000, False)):
        content = write_event(EVENT).replace(b'"n":1', b'"n":' + start * depth + b"1" + end * depth)
        if fine:
            assert read_event(content)
            continue
        with pytest.raises(Malformed) as refused:
            read_event(content)
        assert refused.value.key == "channels.broken_event"
