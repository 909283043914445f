"""When things happen: the policy calendar, the regulator and the timeline."""
