"""What an installation is made from: settings, container, units, proxies; their own tools judge where they are."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from config import Config

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
FIRST_AND_FURTHER = ("portal-worker.service", "portal-worker@.service")
MOST_EXPOSED = 15  # tenths, of what `systemd-analyze security` calls the exposure


def settings(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text("utf-8").splitlines() if re.match("[A-Z]", line)]
    return dict(line.split("=", 1) for line in lines)


def make(file: Path, address: str = "https://portal.test") -> subprocess.CompletedProcess[str]:
    command = ["sh", str(DEPLOY / "new-settings"), str(file), address]
    return subprocess.run(command, capture_output=True, text=True)


def test_new_settings_start_the_portal_and_are_their_owner_s_alone(tmp_path):
    file = tmp_path / ".env"
    assert make(file).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    config = Config.from_env(settings(file))
    assert (config.base_url, config.trusted_proxies) == ("https://portal.test", 1)
    assert config.mail_from == "portal@portal.test"
    assert [key_id for key_id, _key in config.master_keys] == ["k1"]
    assert os.listdir(tmp_path) == [".env"]


def test_each_installation_has_secrets_of_its_own_and_none_stands_in_the_sources(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    make(one), make(other)
    for name in ("PORTAL_SECRET_KEY", "PORTAL_MASTER_KEYS", "POSTGRES_PASSWORD"):
        assert settings(DEPLOY / ".env.example")[name] == ""
        assert settings(one)[name] != settings(other)[name]
    assert re.fullmatch(r"[A-Za-z0-9]{50,}", settings(one)["POSTGRES_PASSWORD"])  # it stands in an address


def test_settings_that_are_there_are_never_written_over(tmp_path):
    file = tmp_path / ".env"
    file.write_text("PORTAL_MASTER_KEYS=precious")
    done = make(file)
    assert (done.returncode, file.read_text()) == (1, "PORTAL_MASTER_KEYS=precious")


@pytest.mark.parametrize(
    "address", ["portal.test", "http://portal.test", "https://portal.test/", "https://x|y", "https://"]
)
def test_an_address_that_the_portal_would_refuse_makes_no_settings(tmp_path, address):
    assert make(tmp_path / ".env", address).returncode == 2
    assert os.listdir(tmp_path) == []


def test_a_command_gets_each_setting_as_it_is_written(tmp_path):
    """A password may hold what a shell would take for its own."""
    file = tmp_path / "environment"
    file.write_text("# comment\nSMTP_URL=smtp://u:a$HOME`id`'\"b@mail.test\nMAIL_FROM=a b@c.test\n")
    text = (DEPLOY / "portal").read_text("utf-8").replace('exec "$@"', "printenv SMTP_URL MAIL_FROM; exit")
    script = tmp_path / "portal"
    script.write_text(text.replace('if [ "$(id -u)" = 0 ]', "if false"))
    done = subprocess.run(
        ["sh", script], env={**os.environ, "PORTAL_SETTINGS": str(file)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "smtp://u:a$HOME`id`'\"b@mail.test\na b@c.test\n"


def test_a_command_of_root_s_looks_for_nothing_in_root_s_home(tmp_path):
    """PostgreSQL's library reads a certificate in HOME, and a command as `portal` that may not look there fails."""
    text = (DEPLOY / "portal").read_text("utf-8")
    for name, answer in {
        "id": "echo 0",
        "getent": "echo portal:x:101:103::/var/lib/portal:/x",
        "setpriv": "echo $HOME",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "environment").touch()
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": "/root",
        "PORTAL_SETTINGS": str(tmp_path / "environment"),
    }
    done = subprocess.run(
        ["sh", "-c", text, str(DEPLOY / "portal")], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "/var/lib/portal\n"


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_our_containers_write_into_the_journal_alone_and_may_nothing():
    ours = {name: one for name, one in compose()["services"].items() if one["image"].startswith("portal:")}
    assert ours.keys() == {"migrate", "web", "worker"}
    for one in ours.values():
        assert (one["read_only"], one["cap_drop"], one["tmpfs"]) == (True, ["ALL"], ["/tmp"])  # noqa: S108
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["volumes"] == ["journal:/var/lib/portal-journal"]
    assert {name for name, one in compose()["services"].items() if "healthcheck" in one} == {
        "database", "web", "worker", "caddy",
    }  # fmt: skip


def test_one_service_builds_the_image_that_three_run():
    """Two that write one name at once: the second is told that the image already exists, and `up --build` fails."""
    services = compose()["services"]
    assert [name for name, one in services.items() if "build" in one] == ["migrate"]
    assert {services[name]["image"] for name in ("web", "worker")} == {services["migrate"]["image"]}


def test_a_database_elsewhere_leaves_the_file_as_it_is():
    """The tracked file stays as it is, so that the next release can be checked out."""
    there = yaml.safe_load((DEPLOY / "compose.elsewhere.yaml").read_text("utf-8"))["services"]
    ours = compose()["services"]
    assert there.keys() <= ours.keys()
    assert there["migrate"]["depends_on"]["database"]["required"] is False
    for name in ("migrate", "web", "worker"):
        assert there[name]["environment"].keys() <= ours[name]["environment"].keys()
        assert set(ours[name]["environment"].values()).isdisjoint(there[name]["environment"].values())
    assert "deploy/compose.override.yaml" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_no_name_of_an_image_names_where_it_comes_from():
    names = [one["image"] for one in compose()["services"].values()]
    names += re.findall(r"^ARG BASE=(.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert [name for name in names if "/" in name] == []


def test_what_the_containers_are_told_is_known_to_the_portal(tmp_path):
    file = tmp_path / ".env"
    make(file)
    env = settings(file)
    told = compose()["services"]["web"]["environment"]
    told["DATABASE_URL"] = re.sub(r"\$\{[^}]*\}", env["POSTGRES_PASSWORD"], told["DATABASE_URL"])
    config = Config.from_env({**env, **told})
    assert (config.database_url or "").endswith(f":{env['POSTGRES_PASSWORD']}@database/portal")
    assert str(config.journal_folder) == "/var/lib/portal-journal"


def test_the_image_runs_as_nobody_of_the_system_and_holds_what_runs():
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {"config.py", "wsgi.py", "gunicorn.conf.py", "portal", "templates", "static", "migrations"} <= kept
    assert kept.isdisjoint({"tests", "bench", "deploy", ".git"})
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_the_units_name_only_settings_and_places_that_the_docs_make():
    text = (ROOT / "docs" / "install-systemd.md").read_text("utf-8")
    for unit in SERVICES:
        lines = unit.read_text("utf-8")
        assert "EnvironmentFile=/etc/portal/environment" in lines
        assert "WorkingDirectory=/srv/portal" in lines
        assert "StateDirectory=portal portal-journal" in lines
        assert f"{unit.stem}" in text
    assert "/etc/portal/environment" in text


def test_web_and_workers_want_the_migration_and_do_not_require_it():
    """An older release refuses to migrate a newer database and yet serves; a database that was away comes back."""
    for unit in SERVICES:
        lines = unit.read_text("utf-8").splitlines()
        if unit.stem != "portal-migrate":
            assert "Wants=portal-migrate.service" in lines
            assert any(line.startswith("After=portal-migrate.service") for line in lines)
        assert [line for line in lines if line.startswith(("Requires=", "BindsTo=", "Requisite="))] == []


def test_a_machine_runs_the_units_that_are_enabled_on_it():
    target = (DEPLOY / "systemd" / "portal.target").read_text("utf-8")
    assert re.findall(r"^(?:Wants|Requires)=.*$", target, re.MULTILINE) == []
    for unit in SERVICES:
        lines = unit.read_text("utf-8").splitlines()
        assert ("WantedBy=portal.target" in lines) is (unit.stem != "portal-migrate")


def test_a_further_worker_is_the_first_one_with_settings_of_its_own():
    first, further = ((DEPLOY / "systemd" / name).read_text("utf-8") for name in FIRST_AND_FURTHER)
    further = further.replace("a further worker, %i", "worker").replace(" $WORK_OPTIONS", "")
    assert re.sub(r"# What is this one's own.*\nEnvironmentFile=-/etc/portal/worker-%i\n", "", further) == first


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_the_units_are_what_systemd_takes_and_may_little(tmp_path):
    for unit in UNITS:
        lines = re.sub(r"(ExecStart|ExecReload)=\S+", r"\1=/bin/true", unit.read_text("utf-8"))
        (tmp_path / unit.name).write_text(re.sub(r"^Documentation=.*\n", "", lines, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "portal" in line] == []
    for unit in SERVICES:
        command = [
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={MOST_EXPOSED}",
            str(tmp_path / unit.name),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-300:]


def proxies() -> dict[str, str]:
    return {name: (DEPLOY / name).read_text("utf-8") for name in ("Caddyfile", "nginx.conf")}


def test_what_stands_in_front_names_each_request_by_itself():
    """Else whoever asks chooses the number under which it stands in the log (ASVS 4.1.3)."""
    assert re.findall(r"header_up X-Request-Id (\S+)", proxies()["Caddyfile"]) == ["{http.request.uuid}"]
    assert re.findall(r"proxy_set_header X-Request-Id +(\S+);", proxies()["nginx.conf"]) == ["$request_id"]


def test_over_http_a_program_is_refused_and_not_led_on():
    """Else nobody hears that a key goes over the network in the clear (ASVS 4.1.2)."""
    caddy = re.search(r"^http:// \{\n(.*?)^\}", proxies()["Caddyfile"], re.MULTILINE | re.DOTALL)
    assert caddy is not None
    assert "auto_https disable_redirects" in proxies()["Caddyfile"]  # Caddy's own would go before
    assert re.search(r"@programs path /v1 /v1/\* /webhooks/\*\n\thandle @programs \{\n\t\trespond 403\n", caddy[1])
    by_http = proxies()["nginx.conf"].split("server {")[1]
    assert re.search(r"location ~ \^/\(v1\|webhooks\)\(/\|\$\) *\{ return 403; \}", by_http)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_writes_a_comment_behind_a_setting(page):
    """Neither systemd nor deploy/portal takes it off: it would belong to the value."""
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if re.match(r"[A-Z][A-Z_]+=\S*\s+#", line)] == []


def test_what_runs_beside_the_web_in_a_container_does_not_migrate_first():
    """`run` starts what a service depends on: a restore would find tables in the database that has to be empty."""
    for page in PAGES:
        calls = re.findall(r"docker compose run (.*?)(?:`|$)", page.read_text("utf-8"), re.MULTILINE)
        assert [one for one in calls if "worker" in one and "--no-deps" not in one] == [], page.name


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not here")
def test_caddy_takes_its_file_as_the_docs_have_it_changed_for_each_version(tmp_path):
    text = (DEPLOY / "Caddyfile").read_text("utf-8").replace("{$PORTAL_BASE_URL}", "https://portal.test")
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (2, 8):
        text = text.replace("request_buffers 8MiB", "buffer_requests\n\t\tmax_buffer_size 8MiB")
    (tmp_path / "Caddyfile").write_text(text)
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    done = subprocess.run(command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_installation_s_settings_never_come_into_the_sources_or_the_image():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "deploy/.env" in ignored
    assert "**/.env" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def test_nginx_speaks_no_old_tls_and_writes_no_addresses():
    """What it writes of a request repeats its address: that of a mailed link, or PayPal's, is a secret."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert re.findall(r"ssl_protocols\s+(.*?);", text) == ["TLSv1.2 TLSv1.3"]
    servers = text.split("server {")[1:]
    assert len(servers) == 2
    for server in servers:
        assert re.findall(r"access_log\s+(.*?);", server) == ["off"]
    assert re.findall(r"error_log\s+\S+ (.*?);", servers[1]) == ["crit"]


def test_nginx_listens_by_both_protocols():
    listens = re.findall(r"listen\s+(.*?);", (DEPLOY / "nginx.conf").read_text("utf-8"))
    assert listens == ["80", "[::]:80", "443 ssl", "[::]:443 ssl"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_the_services_cannot_read_the_sources_history(unit):
    lines = unit.read_text("utf-8").splitlines()
    (where,) = (line.partition("=")[2] for line in lines if line.startswith("WorkingDirectory="))
    assert f"InaccessiblePaths=-{where}/.git" in lines


def test_caddy_writes_no_addresses():
    """Tried: with the portal away, the line of the error repeats the request but for its address."""
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert re.search(r"log \{\s+format filter \{\s+wrap json\s+fields \{\s+request>uri delete\s+\}", text)
    assert len(re.findall(r"^\s*log\b", text, re.MULTILINE)) == 1, "a site's own log needs the filter too"
