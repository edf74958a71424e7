"""A look at the whole installation: settings, machine, database, worker, and how it is seen from outside."""
