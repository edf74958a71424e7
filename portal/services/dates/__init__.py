"""Which day is promised: paid time, planned ends, and the facts at PayPal that they rest on."""
