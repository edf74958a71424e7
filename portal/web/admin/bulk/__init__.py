"""The desk's pages for one act over many subscriptions."""
