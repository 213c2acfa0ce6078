"""Real workers on real engines, for the tests that hurt them."""
