"""What is wrong with a request, in words: its path, query and fields."""
