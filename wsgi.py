"""The web application, for gunicorn and the flask command."""

import os

from config import Config
from portal import cli, create_app

app = cli.bare() if cli.is_checking() else create_app(Config.from_env(os.environ), pages=not cli.is_running())
