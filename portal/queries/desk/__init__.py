"""The desk's lists: searched, narrowed, sorted, turned over, counted, exported."""
