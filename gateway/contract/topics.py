"""Names on the wire: Sparkplug topics, our `Ext/*` metrics, the live bus (Sparkplug B 3.0, chapter
4).
"""

from dataclasses import dataclass

NAMESPACE = "spBv1.0"

BDSEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
EXT_WIRE = "Ext/Wire"
"""NBIRTH, String `major.minor` of this extension."""
EXT_EPOCH = "Ext/Epoch"
"""NBIRTH and every DATA, UInt64: identity of the journal file; a new journal is a new epoch."""
EXT_REC = "Ext/Rec"
"""Every DATA, UInt64: the journal's number of this message, counting from 1 in its epoch."""
EXT_COMMITTED = "Ext/Committed"
"""NCMD from the platform, String `<epoch>:<lo>-<hi>,<lo>-<hi>`: ranges of `Ext/Rec` in the
database.
"""
EXT_TIME = "Ext/Time"
"""NCMD beside Ext/Committed, Int64 ms: the platform's clock, for the offset the gateway reports."""
EXT_OFFSET = "Ext/ClockOffset"
"""NBIRTH and NDATA, Int64 ms: gateway clock minus platform clock, as last measured."""
EXT_DROPPED = "Ext/DroppedTotal"
"""NBIRTH and NDATA, Int64: records given up because the journal was full."""
EXT_PROFILE = "Ext/Profile"
"""DBIRTH, String `<vendor>/<model>`."""
EXT_PROFILE_HASH = "Ext/ProfileHash"
"""DBIRTH, String: SHA-256 of the profile file."""
EXT_VERIFIED = "Ext/Verified"
"""DBIRTH, Boolean: whether a second source or a commissioning check confirmed the profile."""
EXT_SERIAL = "Ext/Serial"
"""DBIRTH: the meter's number, String."""
EXT_RATIO = "Ext/Ratio"
"""DBIRTH: its transformer ratios as `ct=40 pt=1`, exact fractions, String."""
EXT_NAME = "Ext/Name"
"""DBIRTH, String: what people call the device, if the configuration says."""
EXT_COMMAND = "Ext/Command"
"""NCMD from the platform, String: JSON of `gateway.contract.commands.Command`."""
EXT_COMMAND_RESULT = "Ext/CommandResult"
"""NBIRTH (null) and NDATA through the journal, String: JSON of `CommandResult`."""
EXT_CONFIG = "Ext/Config"
"""NCMD from the platform, String: JSON of `gateway.contract.configuration.ConfigDocument`."""
EXT_CONFIG_RESULT = "Ext/ConfigResult"
"""NBIRTH (null) and NDATA through the journal, String: JSON of `ConfigResult`."""
EXT_CONFIG_VERSION = "Ext/ConfigVersion"
"""NBIRTH, Int64: version of the document in force; 0 = the gateway's own file alone."""
EXT_CONFIG_HASH = "Ext/ConfigHash"
"""NBIRTH, String: SHA-256 of the document in force; null = the gateway's own file alone."""
EXT_GRANT = "Ext/Grant"
"""NCMD from the platform, String: JSON of `gateway.contract.support.Grant`."""
EXT_ASK = "Ext/Ask"
"""NCMD from the platform, String: JSON of `gateway.contract.support.Ask`."""
EXT_ASK_RESULT = "Ext/AskResult"
"""NBIRTH (null) and NDATA through the journal, String: JSON of `AskResult`."""
EXT_UPDATE = "Ext/Update"
"""NCMD from the platform, String: JSON of `gateway.contract.update.Update`."""
EXT_UPDATE_RESULT = "Ext/UpdateResult"
"""NBIRTH (null) and NDATA through the journal, String: JSON of `UpdateResult`."""
EXT_SOFTWARE = "Ext/Software"
"""NBIRTH, String: version of the gateway's software."""
EXT_LINES = "Ext/Lines"
"""NBIRTH and NDATA, String: JSON of `gateway.contract.lines.LineState`, one a line."""
EXT_BACKLOG = "Ext/Backlog"
"""NBIRTH and NDATA, Int64: records in the journal that are not acknowledged yet."""
EXT_DATA_BYTES = "Ext/DataBytes"
"""NBIRTH and NDATA, Int64: bytes that the link carried in the running month, both directions."""
EXT_DATA_FORECAST = "Ext/DataForecast"
"""NBIRTH and NDATA, Int64: bytes at the month's end if the rest goes as it went so far."""
EXT_DATA_BUDGET = "Ext/DataBudget"
"""NBIRTH and NDATA, Int64: bytes a month that the link may carry; 0 = no limit."""

PROPERTY_UNIT = "unit"
PROPERTY_KIND = "kind"
"""`register` counts up, `gauge` is a momentary value, `status` is a code."""
PROPERTY_MODULUS = "modulus"
"""Double, in the metric's unit: largest register value + 1, after scale and ratios; absent = none.
"""
PROPERTY_RESOLUTION = "resolution"
"""Double, in the metric's unit: one count of the register after scale and ratios."""
PROPERTY_MAX_GAP = "max_gap_s"
"""Int64: seconds between samples above which an interval is estimated."""
PROPERTY_WRITE_MIN = "write_min"
"""Double, in the metric's unit: the smallest value a command may set; absent = not writable."""
PROPERTY_WRITE_MAX = "write_max"
PROPERTY_WRITE_STEP = "write_step"
"""Double: only whole steps from `write_min` on; absent = any value."""
PROPERTY_QUALITY = "Ext/Quality"
"""Int32, on a metric: a `Quality` number; absent = good."""
PROPERTY_STANDARD_QUALITY = "Quality"
"""Int32 beside a quality that is not good: Sparkplug's own code (3.0, 6.4.9), for other hosts."""
QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE = 0, 192, 500
PROPERTY_REASON = "reason"
"""String beside a quality that is not good: what the driver said."""

NBIRTH, NDEATH, NDATA, NCMD = "NBIRTH", "NDEATH", "NDATA", "NCMD"
DBIRTH, DDEATH, DDATA, DCMD = "DBIRTH", "DDEATH", "DDATA", "DCMD"
MESSAGE_TYPES = frozenset({NBIRTH, NDEATH, NDATA, NCMD, DBIRTH, DDEATH, DDATA, DCMD})


@dataclass(frozen=True, slots=True)
class NodeTopic:
    """A parsed Sparkplug topic of an edge node or of one of its devices."""

    group: str
    kind: str
    node: str
    device: str | None = None

    def __str__(self) -> str:
        parts = [NAMESPACE, self.group, self.kind, self.node]
        if self.device is not None:
            parts.append(self.device)
        return "/".join(parts)


def parse(topic: str) -> NodeTopic | None:
    """The parts of a Sparkplug node or device topic; None for anything else."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or parts[2] not in MESSAGE_TYPES:
        return None
    if (len(parts) == 5) != parts[2].startswith("D"):
        return None
    return NodeTopic(parts[1], parts[2], parts[3], parts[4] if len(parts) == 5 else None)


def state(host: str) -> str:
    """Where the host application says whether it is online (retained JSON)."""
    return f"{NAMESPACE}/STATE/{host}"


def live(bus: str, project: str) -> str:
    """Where ingest publishes a project's committed, normalised batches (internal credential)."""
    return f"$kw/{bus}/{project}/live"
