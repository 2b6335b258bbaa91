"""What every feature uses: database, work items, storage, logs, pages, clock and ids."""
