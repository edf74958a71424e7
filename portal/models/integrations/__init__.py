"""Programs of the merchant: keys, events that go out, links and log-ins of their site."""
