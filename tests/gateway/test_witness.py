"""npm `sparkplug-payload` as a witness: somebody else's decoder reads our births and data."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.contract import topics
from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile
from gateway.contract.sparkplug import Datatype, Metric, Payload, decode, encode
from gateway.messages import DeviceMessages, Envelope, historical, node_birth
from tests.npm import NODE, install

SOURCE = Path(__file__).parent / "witness"
SDM630 = find_profile("eastron/sdm630")
EPOCH = (1 << 62) + 12_345
NOW = 1_790_000_000_123

Answer = dict[str, object]


class Witness:
    """A node process that decodes and encodes."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [NODE, "witness.cjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: Answer) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: Answer = json.loads(self._process.stdout.readline())
        return answer

    def metrics(self, payload: bytes) -> list[dict[str, object]]:
        metrics = self.ask({"decode": payload.hex()})["metrics"]
        assert isinstance(metrics, list)
        return metrics

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """The witness installed from its lock file into a temporary folder."""
    folder = install(SOURCE, tmp_path_factory.mktemp("witness"))
    running = Witness(folder)
    yield running
    running.close()


def messages(*, typed: bool) -> DeviceMessages:
    aliases = list(range(100, 100 + len(SDM630.points)))
    return DeviceMessages(SDM630, SDM630.points, aliases, Ratios(), typed=typed)


def test_a_node_birth(witness: Witness) -> None:
    payload = node_birth(7, EPOCH, 3, -250, NOW)
    answer = witness.ask({"decode": payload.hex()})
    assert (answer["seq"], answer["timestamp"]) == ("0", str(NOW)) or answer["seq"] == 0
    found = {metric["name"]: metric for metric in witness.metrics(payload)}
    assert found[topics.BDSEQ]["type"] == "Int64"
    assert str(found[topics.BDSEQ]["value"]) == "7"
    assert found[topics.REBIRTH]["value"] is False
    assert found[topics.EXT_WIRE]["value"] == "1.0"
    assert str(found[topics.EXT_EPOCH]["value"]) == str(EPOCH)
    assert str(found[topics.EXT_OFFSET]["value"]) == "-250"
    assert all("timestamp" in metric for metric in found.values())


def test_a_device_birth(witness: Witness) -> None:
    values: list[float | None] = [float(n) for n in range(len(SDM630.points))]
    values[3] = None
    metrics = messages(typed=False).birth("Line 3", values, [NOW] * len(values), NOW)
    found = {m["name"]: m for m in witness.metrics(encode(Payload(NOW, metrics, 1)))}
    energy = found["ep_imp"]
    index = [point.name for point in SDM630.points].index("ep_imp")
    assert (energy["type"], energy["value"], str(energy["alias"])) == (
        "Double",
        float(index),
        str(100 + index),
    )
    properties = energy["properties"]
    assert isinstance(properties, dict)
    assert properties["unit"] == {"type": "String", "value": "kWh"}
    assert properties["kind"] == {"type": "String", "value": "register"}
    assert found[SDM630.points[3].name]["value"] is None
    assert found[topics.EXT_NAME]["value"] == "Line 3"
    assert found["p"]["type"] == "Float"


def test_data_live_and_as_backlog(witness: Witness) -> None:
    """This decoder takes no datatype from a birth, so the gateway is set to repeat it."""
    values: list[float | None] = [None] * len(SDM630.points)
    names = [point.name for point in SDM630.points]
    values[names.index("p")], values[names.index("ep_imp")] = 12.5, 98765.4321
    chosen = [names.index(name) for name in ("p", "ep_imp", "f")]
    body = messages(typed=True).body(chosen, values, NOW - 500)
    envelope = Envelope(EPOCH, typed=True)
    live = witness.metrics(envelope.data(41, body, NOW, 255))
    by_name = {metric.get("name"): metric for metric in live}
    assert str(by_name[topics.EXT_REC]["value"]) == "41"
    assert str(by_name[topics.EXT_EPOCH]["value"]) == str(EPOCH)
    samples = {int(str(m["alias"])): m for m in live if "name" not in m or not m["name"]}
    assert samples[100 + names.index("p")]["value"] == 12.5
    assert samples[100 + names.index("ep_imp")]["value"] == 98765.4321
    assert samples[100 + names.index("f")]["value"] is None
    assert {str(m["timestamp"]) for m in samples.values()} == {str(NOW - 500)}
    again = witness.metrics(envelope.data(41, historical(body), NOW, 0))
    assert [m.get("isHistorical") for m in again if not m.get("name")] == [True] * 3


def test_a_command_that_the_witness_wrote_is_read(witness: Witness) -> None:
    request = {
        "timestamp": NOW,
        "metrics": [{"name": topics.REBIRTH, "type": "Boolean", "value": True}],
    }
    text = witness.ask({"encode": request})["hex"]
    assert isinstance(text, str)
    [metric] = decode(bytes.fromhex(text)).metrics
    assert metric == Metric(topics.REBIRTH, None, Datatype.BOOLEAN, True, metric.timestamp)


def test_a_command_needs_its_datatype_for_the_witness(witness: Witness) -> None:
    """Why ours repeat it, although the specification asks not to (6.4.6)."""
    for datatype, answered in ((Datatype.BOOLEAN, True), (None, None)):
        rebirth = Metric(topics.REBIRTH, None, datatype, True, NOW)
        answer = witness.ask({"decode": encode(Payload(NOW, (rebirth,))).hex()})
        metrics = answer.get("metrics")
        value = metrics[0].get("value") if isinstance(metrics, list) else None
        assert value is answered
