"""What goes back to a partner about what it sent: why it was refused, and how far what it asked for is."""

from collections.abc import Callable

from hubtwin.base.ids import stable_key
from hubtwin.channels.send import Parcel
from hubtwin.model.event import Message
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.task import Task, TaskState

REFUSED, TASK_STATE = "hubtwin.refused", "hubtwin.task_state"
REFUSED_SCHEMA, TASK_SCHEMA = "urn:hubtwin:refused:1", "urn:hubtwin:task_state:1"
_WITH_REASON = (TaskState.DECLINED.value, TaskState.CANCELLED.value)


def reply_parcels(message: Message, find_task: Callable[[str], Task | None]) -> list[Parcel]:
    """Return what a message of the channel `flow.dispatch.REPLIES` says to its partner; nothing for a task that is
    gone. `find_task` is that of the ledger.
    """
    if "task" not in message.payload:
        return [refused_parcel(message)]
    task = find_task(str(message.payload["task"]))
    return [] if task is None else [task_parcel(message, task)]


def task_parcel(message: Message, task: Task) -> Parcel:
    """Return the state of a task as the event in `message` told it. A reason goes along where the task was declined or
    taken back, as long as it is the present one.

    The subject is the id of the task, so that its states come in their order, and no partner chooses a subject.
    """
    payload, told = message.payload, task.told
    data = {
        "message_id": told["message_id"],
        "ref": told["ref"],
        "task": task.task_id,
        "state": payload["state"],
        "at_min": message.at_min,
        "due_min": payload["due_min"],
        "version": payload["version"],
    }
    if payload["state"] in _WITH_REASON and payload["version"] == task.version and task.reason:
        data["reason"] = task.reason
    return Parcel(str(told["partner"]), TASK_STATE, task.task_id, TASK_SCHEMA, data, task.marks)


def refused_parcel(message: Message) -> Parcel:
    """Return why a message of a partner was not used: a text key, and the sentence in both languages."""
    payload = message.payload
    names = ("message_id", "type", "reason", "zh", "en")
    data = {**{name: payload[name] for name in names}, "at_min": message.at_min}
    subject = stable_key("refused", payload["partner"], payload["message_id"])
    return Parcel(str(payload["partner"]), REFUSED, subject, REFUSED_SCHEMA, data, _marks(message))


def _marks(message: Message) -> Marks:
    payload = message.payload
    return Marks(Status(str(payload["status"])), Provenance(str(payload["provenance"])), bool(payload["replayed"]))
