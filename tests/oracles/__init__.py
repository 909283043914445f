"""Someone else's code and published closed forms, on cases to which neither side was tuned.

What a test here expects is written from the literature or comes from another library, never from our kernels.
"""
