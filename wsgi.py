"""The web application, for gunicorn and the flask command."""

import gc
import os

from config import Config
from portal import cli, create_app

gc.disable()  # what is imported stays: to look through it for rubbish took a fifth of a process’s start
app = cli.bare() if cli.is_checking() else create_app(Config.from_env(os.environ), pages=not cli.is_running())
gc.enable()
