"""The example alerts and the dashboard name only what /metrics tells, and each alert rings for its own trouble alone.

`make monitoring` asks a real Prometheus the same, in front of a running demo.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import monitoring_rules
from tests.web.conftest import app, applications, config  # noqa: F401 - fixtures
from tests.web.test_metrics import TOKEN


def test_alerts_and_dashboard_name_only_what_is_told(app, config):  # noqa: F811
    app.extensions["portal_config"] = replace(config, metrics_tokens=(TOKEN,))
    client = app.test_client()
    client.get("/livez")
    told = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    names = set()
    for family in text_string_to_metric_families(told):
        names |= {family.name, *(sample.name for sample in family.samples)}
    # Told once there is one to tell of: a call to PayPal, a job.
    later = {"portal_paypal_calls_total", "portal_paypal_call_seconds", "portal_job_seconds"}
    declared = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE ")}
    assert later <= declared | names | {f"{name}_total" for name in declared}
    assert monitoring_rules.names() - names - later == set()


def test_every_alert_has_its_trouble():
    assert {rule["alert"] for rule in monitoring_rules.rules()} == set(monitoring_rules.WRONG)
    assert all(rule["labels"]["severity"] in ("page", "ticket") for rule in monitoring_rules.rules())


def test_every_alert_stands_on_the_page_with_its_first_look():
    page = (monitoring_rules.FOLDER.parent / "monitoring.md").read_text("utf-8")
    table = [line for line in page.split("\n## Alerts\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    named = {name for line in table for name in re.findall(r"`(Portal\w+)`", line.split("|")[2])}
    assert named == {rule["alert"] for rule in monitoring_rules.rules()}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here (Debian: prometheus)")
def test_each_alert_rings_once_for_its_own_trouble_and_for_no_other(tmp_path):
    file = tmp_path / "alerts.test.json"
    file.write_text(monitoring_rules.as_promtool())
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
