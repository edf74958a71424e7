"""A WordPress of its own: Debian's files, a MariaDB in a folder, PHP's own server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from bench.stack import ROOT, free_port, local_http

WORDPRESS: Final = Path(os.environ.get("WORDPRESS", "/usr/share/wordpress"))
PLUGIN: Final = ROOT / "docs" / "integrations" / "wordpress" / "portal-access.php"
PROGRAMS: Final = ("php", "mariadbd", "mariadb-install-db", "mariadb-admin")
MODULES: Final = ("mysqli", "curl", "xml", "mbstring")
PASSWORD: Final = "a password of the test, long enough"
START: Final = 60  # seconds

CONFIG: Final = """<?php
define( 'DB_NAME', 'wordpress' ); define( 'DB_USER', 'root' ); define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:%(socket)s' ); define( 'DB_CHARSET', 'utf8mb4' ); define( 'DB_COLLATE', '' );
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {
	define( $name . '_KEY', $name . ' made up for this test' ); define( $name . '_SALT', $name . ' made up as well' );
}
define( 'WP_HOME', '%(address)s' ); define( 'WP_SITEURL', '%(address)s' );
define( 'DISABLE_WP_CRON', true ); define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true ); define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
define( 'WP_DEBUG', true ); define( 'WP_DEBUG_DISPLAY', false ); define( 'WP_DEBUG_LOG', '%(folder)s/debug.log' );
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) { define( 'ABSPATH', __DIR__ . '/' ); }
require_once ABSPATH . 'wp-settings.php';
"""
# The box of the plugin stands in both editors; the one of forms needs no minute to start.
# The portal leads back to https and a host with a name, which nothing on this machine has.
NAMED: Final = "https://courses.example"
ALTERED: Final = """<?php
add_filter( 'use_block_editor_for_post', function () { return isset( $_GET['blocks'] ); } );
add_filter( 'http_request_args', function ( $request ) {
	if ( is_string( $request['body'] ) ) {
		$request['body'] = str_replace( trim( wp_json_encode( home_url() ), '"' ), '%(named)s', $request['body'] );
	}
	return $request;
} );
"""
INSTALL: Final = """
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install( 'Courses', 'admin', 'admin@courses.example', false, '', %(password)s );
update_option( 'permalink_structure', '/%%postname%%/' );
flush_rewrite_rules();
switch_theme( 'twentytwentytwo' );
"""


class Missing(Exception):
    """Something is not installed here: nothing can be judged."""


@dataclass(frozen=True)
class Site:
    """A WordPress that answers."""

    folder: Path
    address: str

    def php(self, code: str, *, installing: bool = False) -> Any:
        """Run PHP in this WordPress; return what it returns; raise RuntimeError with what it said when it fails."""
        begin = "define( 'WP_INSTALLING', true );" if installing else ""
        script = self.folder / "run.php"
        script.write_text(
            f"<?php {begin} $_SERVER['HTTP_HOST'] = '127.0.0.1'; $_SERVER['REQUEST_URI'] = '/';"
            f"require '{self.folder}/site/wp-load.php';\n"
            f'$said = ( function () {{ {code}\n }} )(); echo "\\n" . json_encode( $said );'
        )
        done = subprocess.run(("php", script), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(done.stdout.splitlines()[-1])

    def complaints(self) -> str:
        """Return what PHP had to say against the plugin."""
        log = self.folder / "debug.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return "\n".join(line for line in lines if PLUGIN.name in line)


def check() -> None:
    """Raise Missing with all that is not installed."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not (WORDPRESS / "wp-load.php").is_file():
        missing.append(f"WordPress in {WORDPRESS} (WORDPRESS names another folder)")
    elif not (WORDPRESS / "wp-content" / "themes" / "twentytwentytwo").is_dir():
        missing.append("its theme twentytwentytwo")
    if shutil.which("php"):
        there = subprocess.run(("php", "-m"), capture_output=True, text=True, check=True).stdout.lower().split()
        missing += [f"PHP's {name}" for name in MODULES if name not in there]
    if missing:
        raise Missing(", ".join(missing))


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """A fresh WordPress, with no plugin, until the block ends."""
    folder.mkdir()
    with _database(folder) as socket:
        site = Site(folder, f"http://127.0.0.1:{free_port()}")
        shutil.copytree(WORDPRESS, folder / "site")
        settings = {"socket": socket, "address": site.address, "folder": folder}
        (folder / "site" / "wp-config.php").write_text(CONFIG % settings)
        must = folder / "site" / "wp-content" / "mu-plugins"
        must.mkdir()
        (must / "altered.php").write_text(ALTERED % {"named": NAMED})
        site.php(INSTALL % {"password": json.dumps(PASSWORD)}, installing=True)
        with _served(site):
            yield site


@contextmanager
def _database(folder: Path) -> Iterator[Path]:
    data, socket = folder / "data", folder / "sock"
    who = ("--user=root",) if os.geteuid() == 0 else ()
    made = (
        "mariadb-install-db",
        "--no-defaults",
        *who,
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
    )
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = ("mariadbd", "--no-defaults", *who, f"--datadir={data}", f"--socket={socket}", "--skip-networking")
    with (folder / "mariadb.log").open("wb") as log:
        process = subprocess.Popen((*command, f"--pid-file={folder / 'pid'}"), stdout=log, stderr=log)
    try:
        admin = ("mariadb-admin", "--no-defaults", f"--socket={socket}", "--user=root")
        deadline = time.monotonic() + START
        while subprocess.run((*admin, "create", "wordpress"), check=False, capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "mariadb.log").read_text()[-2000:])
            time.sleep(0.2)
        yield socket
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _served(site: Site) -> Iterator[None]:
    where = site.address.removeprefix("http://")
    environment = os.environ | {"PHP_CLI_SERVER_WORKERS": "3"}
    with (site.folder / "php.log").open("wb") as log:
        command = ("php", "-d", "upload_max_filesize=8M", "-S", where, "-t", site.folder / "site")
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START
        with local_http() as http:
            while True:
                try:
                    if http.get(site.address, timeout=20).status_code == 200:
                        break
                except requests.ConnectionError:
                    time.sleep(0.1)
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((site.folder / "php.log").read_text()[-2000:])
        yield
    finally:
        process.terminate()
        process.wait(30)
