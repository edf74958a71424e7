"""What an operator looks at: health, metrics, jobs, journal, old rows."""
