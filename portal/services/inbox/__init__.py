"""What waits for staff: requests that came by other ways than the button, notifications, reminders."""
