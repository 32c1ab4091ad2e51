"""The simulated field: every meter of the plant, answering requests for registers at an instant.

`Field.read` is what the Modbus server asks. Each meter steps on the grid of its own poll period:
between two steps all its registers stand still, so a sample that is dated to the step is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.contract.clock import Clock
from gateway.contract.profile import Point
from gateway.contract.registers import encode_raw
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.scenario import Event, Scenario, ScenarioError

HOLDING = 3
Span = tuple[int, int, int]
"""Function code, first register, number of registers."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Where words of a point go in an answer."""

    point: Point
    source: int
    target: int
    count: int


class Field:
    """Meters of a plant under a scenario."""

    def __init__(
        self,
        plant: Plant,
        meters: Sequence[SimulatedMeter],
        clock: Clock,
        steps: Mapping[str, int] | None = None,
    ) -> None:
        """Serve these meters by this clock; `steps` are seconds by bus, 1 where none is given."""
        self.plant = plant
        self.meters: Mapping[str, SimulatedMeter] = {m.device.slug: m for m in meters}
        steps = steps or {}
        self.steps: Mapping[str, int] = {
            meter.device.slug: steps.get(meter.device.bus, 1) for meter in meters
        }
        self.scenario = Scenario()
        self._clock = clock
        self._offsets: dict[tuple[str, str], int] = {}
        self._plans: dict[tuple[str, Span], tuple[_Piece, ...]] = {}
        self._words: dict[str, dict[str, tuple[int, ...]]] = {}
        self._words_at: dict[str, int] = {}
        self._set: dict[tuple[str, str], tuple[int, ...]] = {}
        """Words of points that somebody wrote, by meter and point."""

    def now(self) -> int:
        """The present Unix second."""
        return int(self._clock.now().timestamp())

    def instant(self, slug: str) -> int:
        """The present step of a meter's grid, in Unix seconds."""
        step = self.steps[slug]
        return self.now() // step * step

    def set_scenario(self, scenario: Scenario) -> None:
        """Live under another scenario. Raises ScenarioError for what the plant does not have."""
        for event in scenario.events:
            self._check(event)
        self.plant.set_changes(scenario.changes())
        self.scenario = scenario
        self._words_at.clear()
        self._offsets = {
            (event.device, event.point): self._offset(event) for event in scenario.wraps()
        }

    def is_dead(self, slug: str) -> bool:
        """Whether a meter keeps silent at this step."""
        return self.scenario.dead(slug, self.instant(slug))

    def read(self, slug: str, span: Span) -> list[int]:
        """The registers of a meter at the present step; those without a point read 0."""
        second = self.instant(slug)
        if second != self._words_at.get(slug):
            self._words[slug], self._words_at[slug] = {}, second
        plan = self._plans.get((slug, span))
        if plan is None:
            plan = self._plans[slug, span] = self._plan(slug, span)
        fixed = self.scenario.fixed(slug, second) if self.scenario.events else {}
        answer = [0] * span[2]
        for piece in plan:
            words = self._point_words(slug, piece.point, second, fixed)
            answer[piece.target : piece.target + piece.count] = words[
                piece.source : piece.source + piece.count
            ]
        return answer

    def write(self, slug: str, start: int, words: Sequence[int]) -> bool:
        """Set the holding registers of one writable point; False for all others."""
        for point in self.meters[slug].profile.points:
            place = (point.fc, point.address, point.words)
            if point.write is not None and place == (HOLDING, start, len(words)):
                self._set[slug, point.name] = tuple(words)
                return True
        return False

    def value(self, slug: str, point: Point, second: int) -> float | None:
        """What the meter shows at any instant, faults of reading left out."""
        offset = self._offsets.get((slug, point.name), 0)
        meter = self.meters[slug]
        if point.name in meter.registers:
            return meter.shown(self.plant, point.name, second, offset)
        return meter.value(self.plant, point, second, offset)

    def _point_words(
        self, slug: str, point: Point, second: int, fixed: Mapping[str, float | None]
    ) -> tuple[int, ...]:
        meter = self.meters[slug]
        if (slug, point.name) in self._set:
            return self._set[slug, point.name]
        if point.name in fixed:
            return meter.profile.encode(point, fixed[point.name], meter.ratios)
        known = self._words[slug]
        words = known.get(point.name)
        if words is None:
            offset = self._offsets.get((slug, point.name), 0)
            words = meter.words(self.plant, point, second, offset)
            known[point.name] = words
        return words

    def _plan(self, slug: str, span: Span) -> tuple[_Piece, ...]:
        fc, start, count = span
        pieces = []
        for point in self.meters[slug].profile.points:
            first = max(point.address, start)
            last = min(point.address + point.words, start + count)
            if point.fc == fc and first < last:
                pieces.append(_Piece(point, first - point.address, first - start, last - first))
        return tuple(pieces)

    def ratio_words(self, slug: str, fc: int) -> dict[int, int]:
        """Registers in which a meter keeps its own transformer ratios: address -> word."""
        meter = self.meters[slug]
        found: dict[int, int] = {}
        for name, place in meter.profile.ratio_registers.items():
            ratio = meter.ratios.pt if name == "pt" else meter.ratios.ct
            if place.fc == fc:
                raw = float(ratio / place.scale) if place.datatype.is_float else ratio / place.scale
                number = raw if isinstance(raw, float) else round(raw)
                words = encode_raw(number, place.datatype, meter.profile.order)
                found.update({place.address + index: word for index, word in enumerate(words)})
        return found

    def _offset(self, event: Event) -> int:
        """Counts to add so that the register passes its modulus at the event's instant."""
        register = self.meters[event.device].registers[event.point]
        if register.modulus is None:
            raise ScenarioError(f"{event.device} {event.point} is a float and never wraps")
        return -register.counts(self.plant, event.start) % register.modulus

    def _check(self, event: Event) -> None:
        if event.load and event.load not in self.plant.model.loads:
            known = ", ".join(self.plant.model.loads)
            raise ScenarioError(f"the plant has no load {event.load!r}; it has {known}")
        if not event.device:
            return
        meter = self.meters.get(event.device)
        if meter is None:
            known = ", ".join(self.meters)
            raise ScenarioError(f"the plant has no meter {event.device!r}; it has {known}")
        names = [point.name for point in meter.profile.points]
        if event.point and event.point not in names:
            raise ScenarioError(f"{event.device} has no point {event.point!r}; {', '.join(names)}")
