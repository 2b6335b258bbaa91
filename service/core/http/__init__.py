"""What is shared by whatever speaks HTTP: routes, wire forms, pages, and calls to others."""
