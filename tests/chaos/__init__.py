"""`make chaos`: real processes, people who use them, and everything that may break, for a seed (docs/reliability.md).

The product knows nothing of it: processes start through wrappers (worker, wsgi) that lay points of death and, for
the tests of the harness itself, planted bugs around the product's own functions.
"""
