"""Teams, their keys, scopes and quotas."""
