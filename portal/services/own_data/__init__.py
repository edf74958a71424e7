"""A customer’s own data: taken along, erased, and kept no longer than the table of retention says."""
