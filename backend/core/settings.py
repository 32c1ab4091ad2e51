"""Every setting of the platform: one described field each, read from the environment.

docs/operating.md lists the same names; a test holds both together.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.core.clock import Clock, parse_clock
from backend.core.errors import SettingError

LAWFUL_MONTHS = 6
"""How long logs are kept at least: Cybersecurity Law of the PRC, article 21 (3)."""


def _database_url(text: str | None) -> str | None:
    if text and urlsplit(text).scheme not in {"postgresql", "postgres"}:
        raise ValueError("write postgresql://user@host:5432/kilowise")
    return text or None


def _mqtt_url(text: str | None) -> str | None:
    parts = urlsplit(text or "mqtt://localhost")
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("write mqtt://user:password@host:1883 or mqtts://...")
    return text or None


def _mqtt_public_url(text: str | None) -> str | None:
    parts = urlsplit(text or "mqtts://localhost")
    if parts.scheme != "mqtts" or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("write mqtts://energy.example.com:8883")
    return text.rstrip("/") if text else None


def _public_url(text: str | None) -> str | None:
    parts = urlsplit(text or "https://localhost")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("write https://energy.example.com, without a path")
    return text.rstrip("/") if text else None


def _syslog_url(text: str | None) -> str | None:
    parts = urlsplit(text or "tls://localhost")
    if parts.scheme != "tls" or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("write tls://log.example.com:6514")
    return text or None


def _audit_months(months: int) -> int:
    if months < LAWFUL_MONTHS:
        raise ValueError(
            f"the law has logs kept for at least {LAWFUL_MONTHS} months "
            "(Cybersecurity Law of the PRC, article 21)"
        )
    return months


def _clock(text: str | None) -> str | None:
    parse_clock(text)
    return text or None


def _tls(text: str) -> str:
    if text not in {"off", "internal-ca"} and len(text.split("+")) != 2:
        raise ValueError(
            "write off, internal-ca, or the certificate's and the key's path joined by +"
        )
    return text


def _names(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _networks(text: object) -> object:
    names = _names(text)
    return names if not isinstance(names, tuple) else tuple(_network(str(name)) for name in names)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError("write addresses and networks: 192.0.2.7,10.0.0.0/8") from error


Networks = tuple[IPv4Network | IPv6Network, ...]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """The platform's settings, as the environment gives them."""

    model_config = SettingsConfigDict(
        extra="ignore",
        case_sensitive=True,
        frozen=True,
        env_ignore_empty=True,
        populate_by_name=True,
    )

    port: Port = Field(
        default=8000,
        validation_alias="PORT",
        description="HTTP port. The default moves to the next free port when it is taken; a port "
        "set here and taken is an error.",
    )
    bind: str = Field(
        default="127.0.0.1",
        validation_alias="BIND",
        description="Address the HTTP port listens on. With PHONE=1 it is every address.",
    )
    phone: bool = Field(
        default=False,
        validation_alias="PHONE",
        description="1 = open the demonstration to phones in the same network: https with a local "
        "certificate authority, and a QR code in the terminal.",
    )
    mqtt_port: Port = Field(
        default=1883,
        validation_alias="MQTT_PORT",
        description="Port of the embedded MQTT broker; moves like PORT.",
    )
    mqtt_tls_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias="MQTT_TLS_PORT",
        description="Port on which the embedded broker speaks TLS: to gateways with a client "
        "certificate, to third parties with their secret; usually 8883; 0 = it does not.",
    )
    mqtt_tls_bind: str = Field(
        default="0.0.0.0",  # noqa: S104 - both come from outside
        validation_alias="MQTT_TLS_BIND",
        description="Address MQTT_TLS_PORT listens on.",
    )
    mqtt_public_url: Annotated[str | None, AfterValidator(_mqtt_public_url)] = Field(
        default=None,
        validation_alias="KILOWISE_MQTT_PUBLIC_URL",
        description="Where enrolled gateways find the broker, for instance "
        "mqtts://energy.example.com:8883; default the host of KILOWISE_PUBLIC_URL and "
        "MQTT_TLS_PORT.",
    )
    modbus_port: Port = Field(
        default=5020,
        validation_alias="MODBUS_PORT",
        description="First port of the simulated plant's Modbus TCP servers; moves like PORT.",
    )
    data: Path = Field(
        default=Path("var"),
        validation_alias="KILOWISE_DATA",
        description="Data folder: embedded database, keys, passwords, journals. Back it up.",
    )
    database_url: Annotated[str | None, AfterValidator(_database_url)] = Field(
        default=None,
        validation_alias="KILOWISE_DATABASE_URL",
        description="A PostgreSQL 15-18 to use instead of the embedded one, for instance "
        "postgresql://postgres@db:5432/kilowise. Its user is used by `kilowise db init` only; the "
        "roles kw_app, kw_ingest, kw_owner and kw_backup log in with their own passwords.",
    )
    database_passwords: Path | None = Field(
        default=None,
        validation_alias="KILOWISE_DATABASE_PASSWORDS",
        description="File (JSON, role -> password, mode 0600) with the database roles' passwords; "
        "default database-passwords.json in the data folder, made by `kilowise db init`.",
    )
    postgres_bin: Path | None = Field(
        default=None,
        validation_alias="KILOWISE_POSTGRES_BIN",
        description="Folder with initdb and postgres to embed instead of the packaged ones, for "
        "instance /usr/lib/postgresql/15/bin.",
    )
    mqtt_url: Annotated[str | None, AfterValidator(_mqtt_url)] = Field(
        default=None,
        validation_alias="KILOWISE_MQTT_URL",
        description="A broker to use instead of the embedded one: mqtt:// or mqtts:// with user "
        "and password of the platform's own credential.",
    )
    syslog_url: Annotated[str | None, AfterValidator(_syslog_url)] = Field(
        default=None,
        validation_alias="KILOWISE_SYSLOG_URL",
        description="A log server that is told the audit over TLS, for instance "
        "tls://log.example.com:6514 (RFC 5424 in RFC 5425); the role worker does it.",
    )
    syslog_ca: Path | None = Field(
        default=None,
        validation_alias="KILOWISE_SYSLOG_CA",
        description="File (PEM) with the certificates that KILOWISE_SYSLOG_URL is trusted by; "
        "default the system's.",
    )
    audit_months: Annotated[int, AfterValidator(_audit_months)] = Field(
        default=24,
        validation_alias="KILOWISE_AUDIT_MONTHS",
        description="Months after which entries of the audit are moved out of the database into "
        "files; at least 6.",
    )
    audit_path: Path | None = Field(
        default=None,
        validation_alias="KILOWISE_AUDIT_FOLDER",
        description="Folder of those files, the same for the roles web and worker; default audit "
        "in the data folder.",
    )
    reorder_s: float = Field(
        default=1.0,
        ge=0,
        le=60,
        validation_alias="KILOWISE_REORDER_S",
        description="Sparkplug's reorder time-out: seconds a message of another maker's node may "
        "be late before the node is asked for a rebirth.",
    )
    clock_text: Annotated[str | None, AfterValidator(_clock)] = Field(
        default=None,
        validation_alias="KILOWISE_CLOCK",
        description="<start>,<rate>: one accelerated clock for all processes, in demonstrations "
        "and tests only, for instance 2026-03-01T00:00:00+08:00,60.",
    )
    tls: Annotated[str, AfterValidator(_tls)] = Field(
        default="off",
        validation_alias="KILOWISE_TLS",
        description="off | internal-ca | <certificate file>+<key file>.",
    )
    public_url: Annotated[str | None, AfterValidator(_public_url)] = Field(
        default=None,
        validation_alias="KILOWISE_PUBLIC_URL",
        description="The address people open. Passkeys, push and printed QR codes hang on it: "
        "choose it once.",
    )
    trusted_proxies: Annotated[Networks, NoDecode, BeforeValidator(_networks)] = Field(
        default=(),
        validation_alias="KILOWISE_TRUSTED_PROXIES",
        description="Addresses and networks of reverse proxies whose Forwarded and X-Forwarded-* "
        "headers are believed, separated by commas; from all others they are ignored.",
    )
    hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(),
        validation_alias="KILOWISE_HOSTS",
        description="Names by which the platform may be asked beside that of KILOWISE_PUBLIC_URL, "
        "this machine's own and its addresses, separated by commas.",
    )
    cost_project: int = Field(
        default=5_000_000,
        ge=10_000,
        validation_alias="KILOWISE_COST_PROJECT",
        description="What GraphQL operations of one project may cost in a minute, at all web "
        "processes together; docs/graphql.md has the formula.",
    )
    cost_caller: int = Field(
        default=1_000_000,
        ge=10_000,
        validation_alias="KILOWISE_COST_CALLER",
        description="What GraphQL operations of one API key, session or address that is not "
        "signed in may cost in a minute.",
    )
    explorer: bool = Field(
        default=False,
        validation_alias="KILOWISE_EXPLORER",
        description="1 = /explorer, a page to try GraphQL operations, for whoever is signed in; "
        "the demonstration has it.",
    )
    push_contact: str = Field(
        default="operator@kilowise.example",
        validation_alias="KILOWISE_PUSH_CONTACT",
        description="Mail address that push services may write to about notifications (VAPID).",
    )
    push_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(),
        validation_alias="KILOWISE_PUSH_HOSTS",
        description="host:port of push services of your own beside the browsers', by commas.",
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(),
        validation_alias="KILOWISE_WEBHOOK_HOSTS",
        description="Where webhooks may go, by commas: names (hooks.example.com, *.example.com: "
        "https), or host:port of your own network (http, too).",
    )
    sign_up: Literal["off", "invited", "open"] = Field(
        default="off",
        validation_alias="KILOWISE_SIGN_UP",
        description="Who may make projects besides the platform's operators: off = nobody, invited "
        "= everybody who is a person of the platform; open = the same, and strangers ask for an "
        "account online, on which an operator decides.",
    )
    quota_points_per_s: int = Field(
        default=0,
        ge=0,
        validation_alias="KILOWISE_QUOTA_POINTS_PER_S",
        description="Points a second that a new project may send; 0 = without a limit.",
    )
    quota_storage_mb: int = Field(
        default=0,
        ge=0,
        validation_alias="KILOWISE_QUOTA_STORAGE_MB",
        description="MB of readings that a new project may keep; 0 = without a limit.",
    )
    quota_people: int = Field(
        default=0,
        ge=0,
        validation_alias="KILOWISE_QUOTA_PEOPLE",
        description="People that a new project may have; 0 = without a limit.",
    )
    quota_messages_per_day: int = Field(
        default=0,
        ge=0,
        validation_alias="KILOWISE_QUOTA_MESSAGES_PER_DAY",
        description="Notifications that a new project may send a day (UTC); those of the highest "
        "priority always go; 0 = without a limit.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        validation_alias="KILOWISE_LOG",
        description="debug | info | warning | error.",
    )
    demo: bool = Field(
        default=False,
        validation_alias="KILOWISE_DEMO",
        description="1 = the demonstration plant and people; set by `kilowise serve --demo`.",
    )
    history_days: int = Field(
        default=396,
        ge=1,
        le=428,
        validation_alias="KILOWISE_HISTORY_DAYS",
        description="Days of the demonstration's past that the first start imports; 396 = 13 "
        "months.",
    )

    @property
    def clock(self) -> Clock:
        """The clock every part of this process is handed."""
        return parse_clock(self.clock_text)

    @property
    def https(self) -> bool:
        """Whether the web role itself serves https."""
        return self.phone or self.tls != "off"

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return self.data.expanduser().absolute()

    @property
    def audit_folder(self) -> Path:
        """Where months of the audit lie that were moved out of the database."""
        return (self.audit_path or self.data_folder / "audit").expanduser().absolute()

    @property
    def passwords_file(self) -> Path:
        """Where the database roles' passwords are kept."""
        return self.database_passwords or self.data_folder / "database-passwords.json"

    def is_explicit(self, field: str) -> bool:
        """Tell whether the operator set this field, or it has its default."""
        return field in self.model_fields_set


def load_settings() -> Settings:
    """Read the settings from the environment; SettingError names the first that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "the environment"
        told = first["msg"].removeprefix("Value error, ")
        raise SettingError(
            f"The setting {name}={_masked(str(first['input']))} cannot be used: {told}. "
            f"Set it right or unset it; docs/operating.md describes every setting."
        ) from error


def _masked(text: str) -> str:
    """Answer a setting's value without the password that an address may carry."""
    return re.sub(r"//([^:/@]*):[^@]*@", r"//\1:***@", text)
