"""A merchant's own rows, from the set-up code to the departure."""
