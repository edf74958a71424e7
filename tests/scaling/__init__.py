"""Several machines: a pooler between, a database that fails over. `make pooler`, `make failover`: docs/scaling.md."""
