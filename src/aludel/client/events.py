"""Decoder of the server-sent events of a job."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from aludel.errors import BackendUnavailable
from aludel.jobs import Item, Job, JobProgress
from aludel.models import Model


class ItemEvent(Model):
    """An item that has ended. ``id`` resumes the stream after it."""

    id: str
    item: Item


class ProgressEvent(Model):
    """The progress of the job."""

    progress: JobProgress


class EndEvent(Model):
    """The job has ended; the stream's last event."""

    job: Job


JobEvent = ItemEvent | ProgressEvent | EndEvent


@dataclass(slots=True)
class Decoder:
    """Turns the lines of a stream into events.

    Attributes:
        last: id of the last item, from which a broken stream is resumed.
    """

    last: str | None = None
    _name: str = ""
    _id: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> JobEvent | None:
        """Take a line without its end; return the event that it completes, if it does.

        Raises:
            BackendUnavailable: the stream holds what is no event of a job.
        """
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "event":
                    self._name = value
                case "id":
                    self._id = value
                case "data":
                    self._data.append(value)
            return None
        try:
            return self._complete()
        finally:
            self._name, self._id, self._data = "", "", []

    def _complete(self) -> JobEvent | None:
        text = "\n".join(self._data)
        try:
            match self._name:
                case "item":
                    self.last = self._id
                    return ItemEvent(id=self._id, item=Item.model_validate_json(text))
                case "progress":
                    return ProgressEvent(progress=JobProgress.model_validate_json(text))
                case "end":
                    return EndEvent(job=Job.model_validate_json(text))
        except ValidationError as error:
            raise BackendUnavailable(f"the stream of events is damaged: {error}") from error
        return None
