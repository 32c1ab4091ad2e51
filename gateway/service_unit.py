"""The systemd unit of a gateway, as text: it may reach its folder, serial ports and the network."""

from pathlib import Path

UNIT = """\
[Unit]
Description=Kilowise gateway
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=exec
ExecStart="{program}" supervise --config "{config}"
User={user}
SupplementaryGroups=dialout
Restart=always
RestartSec=5
KillMode=mixed
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
PrivateTmp=yes
DevicePolicy=closed
DeviceAllow=char-ttyS rw
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyAMA rw
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
ReadWritePaths="{folder}"

[Install]
WantedBy=multi-user.target
"""
HOW = """\
# Save as /etc/systemd/system/kilowise-gateway.service, then:
#   useradd --system --home-dir {folder} {user}
#   chown -R {user} {folder}
#   systemctl daemon-reload && systemctl enable --now kilowise-gateway
"""


def unit(program: Path, config: Path, user: str) -> str:
    """The unit that runs `program supervise`; the configuration's folder is all it may write."""
    places = {"program": program, "config": config, "folder": config.parent, "user": user}
    return HOW.format(**places) + UNIT.format(**places)
