"""Writes semroute.json, the Grafana dashboard, to standard output: python3 docs/grafana/panels.py > docs/grafana/semroute.json"""

import json
import sys

RATE = "$__rate_interval"
QUANTILES = (0.5, 0.95, 0.99)


def quantiles(metric, by="", where=""):
    """The usual three percentiles of a histogram."""
    labels = f"le, {by}" if by else "le"
    series = f"{{{{{by}}}}} " if by else ""
    return [
        (f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{{where}}}[{RATE}])))", f"{series}p{q * 100:g}")
        for q in QUANTILES
    ]


def rate(metric, by="", where=""):
    grouping = f" by ({by})" if by else ""
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",")) if by else "all"
    return [(f"sum{grouping} (rate({metric}{{{where}}}[{RATE}]))", legend)]


def level(metric, by="", how="sum"):
    return [(f"{how}{f' by ({by})' if by else ''} ({metric})", f"{{{{{by}}}}}" if by else "all")]


CHAT = 'http_route=~"/v1/(chat/completions|messages|responses)"'
HTTP, COST = "http_server_request_duration_seconds", "semroute_answer_cost_usd"
TRY, TOKENS = "gen_ai_client_operation_duration_seconds", "gen_ai_client_token_usage"

# Rows of (title, kind, unit, queries).
ROWS = [
    ("At a glance", [
        ("Requests a second", "stat", "reqps", rate(HTTP + "_count", where=CHAT)),
        ("Server errors", "stat", "percentunit", [(
            f'(sum(rate({HTTP}_count{{{CHAT}, http_response_status_code=~"5.."}}[{RATE}])) or vector(0)) / sum(rate({HTTP}_count{{{CHAT}}}[{RATE}]))',
            "share")]),
        ("Spend in the time range", "stat", "currencyUSD", [(f"sum(increase({COST}_sum[$__range]))", "USD")]),
        ("Overhead, p50", "stat", "s", quantiles("semroute_overhead_seconds")[:1]),
    ]),
    ("Requests", [
        ("Requests by status", "timeseries", "reqps", rate(HTTP + "_count", "http_response_status_code", CHAT)),
        ("Requests under way", "timeseries", "short", level("semroute_requests_in_flight", "instance")),
        ("Until a response began", "timeseries", "s", quantiles(HTTP, where=CHAT)),
        ("Until its end, by model", "timeseries", "s", quantiles("gen_ai_server_request_duration_seconds", "gen_ai_request_model")[1:2]),
        ("To the first token", "timeseries", "s", quantiles("gen_ai_server_time_to_first_token_seconds")),
        ("Between two tokens, by model", "timeseries", "s", quantiles("gen_ai_server_time_per_output_token_seconds", "gen_ai_request_model")[:1]),
        ("Overhead", "timeseries", "s", quantiles("semroute_overhead_seconds")),
        ("Turned away", "timeseries", "reqps",
            rate("semroute_limit_refusals_total", "reason") + [(f"sum(rate(semroute_admission_rejections_total[{RATE}]))", "max_in_flight")]),
    ]),
    ("Decisions", [
        ("By model", "timeseries", "reqps", rate("semroute_decisions_total", "model")),
        ("By task", "timeseries", "reqps", rate("semroute_decisions_total", "task")),
        ("Tasks and models in the time range", "table", "short", [("sum by (task, model) (increase(semroute_decisions_total[$__range]))", "")]),
        ("Time to decide", "timeseries", "s", quantiles("semroute_decision_duration_seconds")),
        ("Confidence", "heatmap", "short", [(f"sum by (le) (increase(semroute_decision_confidence_bucket[{RATE}]))", "{{le}}")]),
        ("Abstained, cut short, left to the first tier", "timeseries", "reqps", [
            (f"sum(rate(semroute_abstentions_total[{RATE}]))", "abstained"),
            (f"sum(rate(semroute_truncations_total[{RATE}]))", "cut short"),
            (f"sum(rate(semroute_second_tier_shed_total[{RATE}]))", "left to the first tier")]),
    ]),
    ("Cost and tokens", [
        ("USD an hour, by model", "timeseries", "currencyUSD", [(f"sum by (model) (rate({COST}_sum[{RATE}])) * 3600", "{{model}}")]),
        ("Tokens a second, by type", "timeseries", "short", rate(TOKENS + "_sum", "gen_ai_token_type")),
        ("Tokens a second, by model", "timeseries", "short", rate(TOKENS + "_sum", "gen_ai_request_model")),
        ("Answers of unknown cost", "timeseries", "reqps", rate("semroute_answer_cost_unknown_total", "provider, model")),
    ]),
    ("Providers", [
        ("Errors", "timeseries", "reqps", rate("semroute_upstream_errors_total", "provider, status")),
        ("A try, p95", "timeseries", "s", quantiles(TRY, "gen_ai_provider_name")[1:2]),
        ("A try to its first word, p95", "timeseries", "s",
            quantiles("gen_ai_client_operation_time_to_first_chunk_seconds", "gen_ai_provider_name")[1:2]),
        ("Fallbacks", "timeseries", "reqps", rate("semroute_fallbacks_total", "from, to")),
        ("Breakers opened", "timeseries", "short", [("sum by (provider, model) (increase(semroute_upstream_breaker_opened_total[5m]))", "{{provider}} {{model}}")]),
        ("Healthy", "timeseries", "short", level("semroute_upstream_healthy", "provider", "min")),
        ("Tries by outcome", "timeseries", "reqps", rate("semroute_upstream_attempts_total", "outcome")),
        ("Streams by end", "timeseries", "reqps", rate("semroute_streams_total", "end")),
        ("Second requests and second rounds", "timeseries", "reqps", [
            (f"sum(rate(semroute_upstream_hedges_total[{RATE}]))", "hedges"),
            (f"sum(rate(semroute_retry_rounds_total[{RATE}]))", "rounds")]),
    ]),
    ("Cache", [
        ("Requests by what the cache did", "timeseries", "reqps", rate("semroute_cache_requests_total", "result")),
        ("Memory", "timeseries", "bytes", level("semroute_cache_bytes", "instance")),
    ]),
    ("Store, shared state, telemetry", [
        ("Rows for the store", "timeseries", "short", rate("semroute_store_records_total", "outcome")),
        ("Rows that wait", "timeseries", "short", level("semroute_store_queue_rows", "instance")),
        ("Rows dropped", "timeseries", "short", rate("semroute_store_dropped_total", "reason")),
        ("Store and shared state reachable", "timeseries", "short",
            [("min(semroute_store_up)", "store"), ("min(semroute_shared_state_up)", "shared state")]),
        ("Counted by one replica alone", "timeseries", "reqps", rate("semroute_shared_state_missed_total")),
        ("Reloads", "timeseries", "short", [("sum by (outcome) (increase(semroute_config_reloads_total[5m]))", "{{outcome}}")]),
        ("Spans", "timeseries", "short", rate("semroute_trace_spans_total", "outcome")),
    ]),
]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, place, title, kind, unit, queries):
    made = {
        "id": number, "type": kind, "title": title, "datasource": SOURCE, "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expression.replace("{}", ""), "legendFormat": legend,
             **({"format": "table", "instant": True} if kind == "table" else {}),
             **({"format": "heatmap"} if kind == "heatmap" else {})}
            for at, (expression, legend) in enumerate(queries)
        ],
    }
    if kind == "timeseries":
        made["fieldConfig"]["defaults"]["min"] = 0
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return made


def dashboard():
    panels, top = [], 0
    for row, contents in ROWS:
        panels.append({"id": len(panels) + 1, "type": "row", "title": row, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}})
        top += 1
        width, height = (6, 4) if contents[0][1] == "stat" else (8, 8)
        for at, content in enumerate(contents):
            x, y = at * width % 24, top + at * width // 24 * height
            panels.append(panel(len(panels) + 1, {"h": height, "w": width, "x": x, "y": y}, *content))
        top += -(-len(contents) * width // 24) * height
    variable = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}
    return {
        "title": "semroute", "uid": "semroute", "tags": ["semroute", "llm"], "schemaVersion": 39, "version": 1, "editable": True,
        "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "browser", "graphTooltip": 1,
        "templating": {"list": [variable]}, "annotations": {"list": []}, "panels": panels,
    }


json.dump(dashboard(), sys.stdout, indent=1)
print()
