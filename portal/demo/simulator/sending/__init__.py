"""What PayPal tells of by itself: events and IPNs made of what happened, signed, sent and sent again."""
