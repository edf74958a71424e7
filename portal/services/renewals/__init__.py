"""Fixed terms that renew themselves: the reminder with its proof, and what goes back where it is not proved."""
