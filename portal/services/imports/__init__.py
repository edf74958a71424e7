"""Lists that come in: all of a plan's subscriptions, or a file of classic profiles."""
