"""The platform's container as docker/ describes it: what it may, and that its settings are real."""

from pathlib import Path

import yaml

from backend.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_platforms_container_may_as_little() -> None:
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    (service,) = compose["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"pids_limit", "mem_limit", "tmpfs"} <= service.keys()
    settings = Settings.model_validate(service["environment"])
    assert (settings.mqtt_tls_port, settings.public_url) == (8883, "https://energy.example.com")
    assert [str(one) for one in settings.trusted_proxies] == ["172.16.0.0/12"]
    text = (ROOT / service["build"]["dockerfile"]).read_text()
    assert "USER kilowise\n" in text
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in text
    assert 'kilowise = "backend.__main__:main"' in (ROOT / "pyproject.toml").read_text()
