"""One run: the base year, entry, the market period by period, and the accounts."""
