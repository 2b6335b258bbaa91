"""Jobs: a route creates them, one background thread moves them."""
