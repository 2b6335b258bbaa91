"""Which request fields each dialect takes, and what each of them may cost.

The tables are in `chat` (chat and completions) and `responses`, in the vocabulary of `rules`; `examine` holds
a request against them.
"""
