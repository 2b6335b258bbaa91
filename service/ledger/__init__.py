"""Money: holds, entries, budgets, reports and the close of a month."""
