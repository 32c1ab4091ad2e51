"""The stranger's rows for curves and top lists (see test_stranger.py)."""

SPAN = 'start: "2026-03-01T00:00:00Z", end: "2026-03-02T00:00:00Z"'
OF = 'energy: "electricity", period: DAY'
CURVES = f'curves(input: {{{{ scopes: ["{{thing}}"], {OF}, {SPAN} }}}}) {{{{ values }}}}'
TOP = (
    f'top(input: {{{{ parent: "{{node}}", {OF}, {{how}} }}}}) {{{{ whole rows {{{{ scope }}}} }}}}'
)


def asked(*texts: str) -> list[str]:
    """Each question below Alice's project, and below the stranger's own."""
    places = ('{{ project(id: "{project}") {{ %s }} }}', '{{ project(id: "{own}") {{ %s }} }}')
    return [place % text for place in places for text in texts]


FIELDS = {
    "Project.curves": asked(
        CURVES.replace("{thing}", "{node}"), CURVES.replace("{thing}", "{meter}")
    ),
    "Project.top": asked(TOP.replace("{how}", "level: 1"), TOP.replace("{how}", "meters: true")),
}
ROUTES = {
    "GET /api/v1/series": [
        f"/api/v1/series?project={project}&scope={scope}&energy=electricity&period=DAY"
        "&start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"
        for project in ("{project}", "{own}")
        for scope in ("{node}", "{meter}")
    ],
    "GET /api/v1/ranking": [
        f"/api/v1/ranking?project={project}&parent={{node}}&energy=electricity&period=DAY"
        for project in ("{project}", "{own}")
    ],
}
