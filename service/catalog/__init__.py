"""What can be tuned and served where, within which limits, dates and prices."""
