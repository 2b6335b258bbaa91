"""Money: costs and their entries, budgets, statements and prices."""
