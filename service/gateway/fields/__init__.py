"""Which request fields each dialect takes, and what each of them may cost."""
