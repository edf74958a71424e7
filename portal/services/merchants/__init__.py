"""A merchant's life, from the first invitation to the day it leaves (docs/decisions/0026)."""
