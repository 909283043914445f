"""What the record says of the engine: observations, what they are in its terms, and how well it foresaw them."""
