"""The stranger's rows for the routes of REST and of the process (see test_stranger.py)."""

from tests.graphql import stranger_restatements, stranger_series

ROUTES: dict[str, list[str]] = {
    "POST /api/v1/imports": [
        "/api/v1/imports?project={project}&kind=readings",
    ],
    "GET /api/v1/imports/{id}": [
        "/api/v1/imports/{job}?project={project}",
        "/api/v1/imports/{job}?project={own}",
    ],
    "POST /api/v1/imports/{id}/apply": [
        "/api/v1/imports/{job}/apply?project={project}",
        "/api/v1/imports/{job}/apply?project={own}",
    ],
    **stranger_series.ROUTES,
    **stranger_restatements.ROUTES,
    "GET /api/v1/audit/months": [
        "/api/v1/audit/months?project={project}",
        "/api/v1/audit/months?project={slug}",
    ],
    "GET /api/v1/audit/months/{month}": [
        "/api/v1/audit/months/2024-05?project={project}",
        "/api/v1/audit/months/2024-05?project={slug}",
    ],
    "GET /api/v1/exports/{export}": [
        "/api/v1/exports/{job}?project={project}",
        "/api/v1/exports/{job}?project={own}",
    ],
    "GET /api/v1/logo": ["/api/v1/logo?project={project}", "/api/v1/logo?project={slug}"],
    "GET /api/v1/health": ["/api/v1/health"],
    "POST /api/v1/session": ["/api/v1/session"],
    "POST /api/v1/sign-in/{provider}": ["/api/v1/sign-in/none"],
    "GET /api/v1/sign-in/{provider}/return": ["/api/v1/sign-in/none/return"],
    "GET /api/v1/session": ["/api/v1/session"],
    "DELETE /api/v1/session": ["/api/v1/session"],
    "POST /api/v1/import": ["/api/v1/import?project={project}", "/api/v1/import?project={slug}"],
    "GET /api/v1/import/{id}": [
        "/api/v1/import/{job}?project={project}",
        "/api/v1/import/{job}?project={own}",
    ],
    "POST /api/v1/commands": [
        "/api/v1/commands?project={project}",
        "/api/v1/commands?project={slug}",
    ],
    "GET /api/v1/commands/{id}": [
        "/api/v1/commands/{command}?project={project}",
        "/api/v1/commands/{command}?project={own}",
    ],
    "POST /api/v1/gateways/{gateway}/configs": [
        "/api/v1/gateways/{gateway}/configs?project={project}",
        "/api/v1/gateways/{gateway}/configs?project={slug}",
    ],
    "GET /api/v1/gateways/{gateway}/configs": [
        "/api/v1/gateways/{gateway}/configs?project={project}",
        "/api/v1/gateways/{gateway}/configs?project={own}",
    ],
    "GET /api/v1/gateways/{gateway}/configs/{version}": [
        "/api/v1/gateways/{gateway}/configs/1?project={project}",
        "/api/v1/gateways/{gateway}/configs/1?project={own}",
    ],
    "POST /api/v1/gateways/{gateway}/configs/{version}/restore": [
        "/api/v1/gateways/{gateway}/configs/1/restore?project={project}",
        "/api/v1/gateways/{gateway}/configs/1/restore?project={own}",
    ],
    "GET /api/v1/profiles": ["/api/v1/profiles?project={project}"],
    "GET /api/v1/profiles/{vendor}/{model}": [
        "/api/v1/profiles/{profile}?project={project}",
        "/api/v1/profiles/{profile}?project={own}",
    ],
    "PUT /api/v1/profiles/{vendor}/{model}": ["/api/v1/profiles/{profile}?project={project}"],
    "DELETE /api/v1/profiles/{vendor}/{model}": [
        "/api/v1/profiles/{profile}?project={project}",
        "/api/v1/profiles/{profile}?project={own}",
    ],
    "POST /api/v1/gateways/{gateway}/enrolment-code": [
        "/api/v1/gateways/{gateway}/enrolment-code?project={project}",
        "/api/v1/gateways/{gateway}/enrolment-code?project={own}",
    ],
    "DELETE /api/v1/gateways/{gateway}/credentials": [
        "/api/v1/gateways/{gateway}/credentials?project={project}",
        "/api/v1/gateways/{gateway}/credentials?project={own}",
    ],
    "POST /api/v1/gateway-releases": [
        "/api/v1/gateway-releases?project={project}",
        "/api/v1/gateway-releases?project={slug}",
    ],
    "GET /api/v1/gateway-releases/{project}/{command}/{sha256}": [
        "/api/v1/gateway-releases/{slug}/{command}/" + "0" * 64,
    ],
    "POST /api/v1/enrol": ["/api/v1/enrol"],
    "POST /api/v1/enrol/renewal": ["/api/v1/enrol/renewal"],
    "GET /api/v1/enrol/authority": ["/api/v1/enrol/authority"],
    "GET /api/v1/openapi.json": ["/api/v1/openapi.json"],
    "GET /healthz": ["/healthz"],
    "GET /readyz": ["/readyz"],
    "GET /graphql": ["/graphql"],
    "POST /graphql": ["/graphql"],
    "GET /explorer": ["/explorer"],
    "GET /explorer/{file}": ["/explorer/explorer.js"],
    "GET /setup": ["/setup?token=x"],
    "POST /setup": ["/setup"],
}
OUTSIDE_TENANTS = {"GET /metrics", "WS /graphql"}
"""Counters of the process, and the socket that SUBSCRIPTIONS go through."""
