"""Settings come from the environment, and a wrong one is a sentence."""

from pathlib import Path

import pytest

from backend.core.errors import SettingError
from backend.core.settings import Settings, load_settings

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def test_defaults() -> None:
    settings = load_settings()
    assert (settings.port, settings.bind, settings.mqtt_port) == (8000, "127.0.0.1", 1883)
    assert settings.data_folder == Path.cwd() / "var"
    assert not settings.is_explicit("port")


def test_values_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("PHONE", "1")
    monkeypatch.setenv("KILOWISE_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")
    monkeypatch.setenv("KILOWISE_MQTT_URL", "")
    settings = load_settings()
    assert (settings.port, settings.phone, settings.mqtt_url) == (8123, True, None)
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.1/32", "10.0.0.2/32"]
    assert settings.is_explicit("port")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "70000", "PORT=70000 cannot be used: Input should be less than or equal to 65535"),
        ("KILOWISE_TLS", "on", "write off, internal-ca, or"),
        ("KILOWISE_CLOCK", "soon", "it has 1 parts instead of 2"),
        ("KILOWISE_DATABASE_URL", "mysql://db", "write postgresql://"),
        ("KILOWISE_MQTT_URL", "http://broker", "write mqtt://"),
        ("KILOWISE_TRUSTED_PROXIES", "proxy.example", "write addresses and networks"),
        ("KILOWISE_PUBLIC_URL", "energy.example.com", "write https://"),
    ],
)
def test_a_wrong_value_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert f"The setting {name}=" in caught.value.sentence
    assert told in caught.value.sentence


def test_a_wrong_address_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOWISE_MQTT_URL", "http://kilowise:secret@broker:1883")
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert "http://kilowise:***@broker:1883" in caught.value.sentence
    assert "secret" not in caught.value.sentence


def test_every_setting_is_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    missing = [
        str(field.validation_alias)
        for field in Settings.model_fields.values()
        if f"`{field.validation_alias}`" not in text or not field.description
    ]
    assert missing == []
