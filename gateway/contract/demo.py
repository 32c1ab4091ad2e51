"""What the demo platform may ask of the simulated plant: loopback HTTP, JSON in and out.

The simulator writes `STATE_FILE` into the data folder when it serves: `{"control": <port>, ...}`.
`POST http://127.0.0.1:<port>/control` takes one request and answers `{"ok": true, ...}` or
`{"ok": false, "error": "<sentence>"}`; `GET /state` answers the state with what is going on now.
"""

from enum import StrEnum

STATE_FILE = "simulator.json"
CONTROL_PATH = "/control"
STATE_PATH = "/state"


class Request(StrEnum):
    """Value of the request's key `fault`. Instants are ISO 8601 with offset, durations minutes."""

    STORY = "story"
    """Furnace 2 starts at full power beside everything else: demand heads over 105 % of contract.
    Optional `minutes`.
    """
    SHED = "shed"
    """People stopped what the alarm names: the story's extra load ends now."""
    DEAD = "dead"
    """`device` does not answer; optional `from`, `minutes`."""
    VALUE = "value"
    """`point` of `device` reads `value` instead (spike, zero); optional `from`, `minutes`."""
    WRAP = "wrap"
    """The register `point` of `device` is placed so that it wraps `at` an instant to come."""
    LOAD = "load"
    """`load` of the plant file takes `kw` more (negative: less); optional `from`, `minutes`."""
    LINK = "link"
    """The link to the broker is cut; optional `from`, `minutes`. Needs a simulator started with
    `--cut`.
    """
    CLEAR = "clear"
    """Everything that goes on ends now."""
