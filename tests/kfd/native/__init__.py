"""Programs in the language that drive a card by themselves, under the supervisor."""
