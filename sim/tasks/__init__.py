"""Several scenarios on shared draws: run, audited, compared and written."""
