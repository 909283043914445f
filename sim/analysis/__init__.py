"""Numbers in, numbers out: what draws of inputs and outcomes say of why, what if and what to do."""
