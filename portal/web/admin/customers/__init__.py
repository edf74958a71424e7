"""The desk's pages for customers: the list, the record, and what is corrected, given and noted there."""
