"""A scenario as files state it: numbers with evidence, rules, regimes and policy."""
