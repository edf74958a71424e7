"""When: what is paid until when, what was committed to, when an end falls, how a day is typed."""
