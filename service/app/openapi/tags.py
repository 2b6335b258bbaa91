"""The groups of operations, in the order in which the reference shows them."""

TAGS = {
    "files": "Datasets: upload, check, convert, split and download them.",
    "uploads": "Upload files of up to 8 GB in parts.",
    "fine-tuning": "Jobs that tune a model, their events and metrics, and estimates of their cost.",
    "models": "Base and tuned models: aliases, lineage, retrains, migrations, deployments, shutdowns.",
    "inference": "Answers from models, rate limits, and comparisons of models.",
    "money": "Costs, budgets, prices, statements, and the month's close.",
    "teams": "Teams, their keys and quotas.",
    "admin keys": "Keys for administrators.",
    "webhooks": "Endpoints that receive events, and the deliveries to them.",
    "audit": "Who did what, and when.",
    "providers": "The providers that train and serve models, for administrators.",
    "operations": "Health, metrics, and the calls of providers.",
}
