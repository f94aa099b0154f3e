"""Language models: tiny ones of every architecture, and what transformers says of them."""
