"""Some thousand random intervals against the definition; CONTRIBUTING.md tells the long run."""

from tests.accounts.brute_force import run


def test_no_interval_of_some_thousand_is_wrong() -> None:
    tally = run(intervals=6_000, seed=20261126)
    assert tally.wrong == []
    assert tally.intervals >= 6_000
    met = {"exchange", "ratio", "excluded", "planned", "changed"}
    met |= {"wrap", "reset", "jump", "dip", "zero", "spike", "held"}
    assert met <= tally.met.keys()
