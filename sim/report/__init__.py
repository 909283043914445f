"""A study for readers: the report on one page, and files for other programs."""
