"""What a run leaves: variables, results, statistics, tables and comparisons."""
