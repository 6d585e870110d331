"""Write the dashboard for Grafana, docs/dashboard.json: `python -m scripts.dashboard`."""

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef, VariableRefresh

DASHBOARD = Path(__file__).parents[1] / "docs" / "dashboard.json"
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
# Where `make docs-serve` shows the page.
RUNBOOK = "http://127.0.0.1:8008/runbook.html"

# The services that are chosen, and an interval with enough points for a rate.
JOB, RATE = 'job=~"$job"', "[$__rate_interval]"
REQUESTS = "http_server_request_duration_seconds"
STATEMENTS = "db_client_operation_duration_seconds"
POOL = "db_client_connection"

POOL_EXHAUSTED, SLOW, UNAVAILABLE = "The pool is exhausted", "Statements are slow", "Requests get a 503"


@dataclass
class Panel:
    title: str
    queries: dict[str, str]
    """PromQL by legend."""
    unit: str
    alarms: tuple[str, ...] = ()
    """The sections of docs/runbook.md that it leads to."""


def p95(histogram: str, *labels: str) -> str:
    return f"histogram_quantile(0.95, sum by ({', '.join(('le', *labels))}) (rate({histogram}_bucket{{{JOB}}}{RATE})))"


ROWS = {
    "Requests": [
        Panel(
            "Requests by status",
            {
                "{{http_response_status_code}}": (
                    f"sum by (http_response_status_code) (rate({REQUESTS}_count{{{JOB}}}{RATE}))"
                )
            },
            "reqps",
        ),
        Panel(
            "Failed requests by route",
            {
                "{{http_response_status_code}} {{http_request_method}} {{http_route}}": (
                    "sum by (http_response_status_code, http_request_method, http_route)"
                    f' (rate({REQUESTS}_count{{{JOB}, http_response_status_code=~"5.."}}{RATE}))'
                )
            },
            "reqps",
            (UNAVAILABLE, "A replica is gone, or its disk is full", "A certificate has expired"),
        ),
        Panel(
            "Duration of requests, 95th percentile",
            {"{{http_request_method}} {{http_route}}": p95(REQUESTS, "http_request_method", "http_route")},
            "s",
        ),
        Panel(
            "Requests in progress",
            {"{{instance}}": f"sum by (instance) (http_server_active_requests{{{JOB}}})"},
            "short",
        ),
    ],
    "Connections": [
        Panel(
            "Connections",
            {
                "{{db_client_connection_state}}": (f"sum by (db_client_connection_state) ({POOL}_count{{{JOB}}})"),
                "most": f"sum({POOL}_max{{{JOB}}})",
            },
            "short",
            (POOL_EXHAUSTED,),
        ),
        Panel(
            "Requests that wait for a connection",
            {"{{instance}}": f"sum by (instance) ({POOL}_pending_requests{{{JOB}}})"},
            "short",
            (POOL_EXHAUSTED,),
        ),
        Panel(
            "Wait for a connection, 95th percentile",
            {"{{db_client_connection_pool_name}}": p95(f"{POOL}_wait_time_seconds", "db_client_connection_pool_name")},
            "s",
            (POOL_EXHAUSTED,),
        ),
        Panel(
            "Requests that got no connection",
            {
                "{{db_client_connection_pool_name}}": (
                    f"sum by (db_client_connection_pool_name) (increase({POOL}_timeouts_total{{{JOB}}}{RATE}))"
                )
            },
            "short",
            (POOL_EXHAUSTED,),
        ),
    ],
    "Statements": [
        Panel(
            "Duration of statements, 95th percentile",
            {"{{db_query_summary}}": f"topk(10, {p95(STATEMENTS, 'db_query_summary')})"},
            "s",
            (SLOW,),
        ),
        Panel(
            "Time in statements, in seconds per second",
            {"{{db_query_summary}}": (f"topk(10, sum by (db_query_summary) (rate({STATEMENTS}_sum{{{JOB}}}{RATE})))")},
            "short",
            (SLOW,),
        ),
        Panel(
            "Failed statements by SQLSTATE or error",
            {
                "{{error_type}} {{server_address}}": (
                    f'sum by (error_type, server_address) (rate({STATEMENTS}_count{{{JOB}, error_type!=""}}{RATE}))'
                )
            },
            "ops",
            (UNAVAILABLE, "A migration is blocked"),
        ),
    ],
}


def build() -> str:
    """The dashboard as Grafana imports it."""
    dashboard = (
        Dashboard("FastAPI on PostgreSQL")
        .uid("fastapi-postgres")
        .tags(["fastapi", "postgresql"])
        .editable()
        .refresh("1m")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            QueryVariable("job")
            .label("Service")
            .datasource(PROMETHEUS)
            .query(f"label_values({REQUESTS}_count, job)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
        )
        .with_variable(TextBoxVariable("runbook").label("Address of the runbook").default_value(RUNBOOK))
    )
    number = count(1)
    for title, panels in ROWS.items():
        dashboard = dashboard.with_row(Row(title).id(next(number)))
        for panel in panels:
            dashboard = dashboard.with_panel(time_series(panel, span=24 // len(panels)).id(next(number)))
    return JSONEncoder(sort_keys=True, indent=1).encode(dashboard.build()) + "\n"


def time_series(panel: Panel, span: int) -> TimeSeries:
    built = TimeSeries().title(panel.title).datasource(PROMETHEUS).unit(panel.unit).min(0).height(8).span(span)
    built = built.legend(
        VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    )
    for letter, (legend, query) in zip("AB", panel.queries.items(), strict=False):
        built = built.with_target(Dataquery().ref_id(letter).expr(query).legend_format(legend).range())
    links = [
        DashboardLink(alarm).type(DashboardLinkType.LINK).url(f"${{runbook:raw}}#{anchor(alarm)}").target_blank(True)
        for alarm in panel.alarms
    ]
    return built.links(list(links))


def anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    DASHBOARD.write_text(build())
