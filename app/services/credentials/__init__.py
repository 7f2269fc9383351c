"""How a request shows who it comes from: API keys, sign-in, tokens of others."""
