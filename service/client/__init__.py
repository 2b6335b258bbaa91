"""A client for what OpenAI's SDK has no method for.

Reports, estimates, quotes, costs, lineage, recipes, retrains, migrations, aliases and shutdowns:

    from service.client import Tunehouse

    with Tunehouse() as tunehouse:  # OPENAI_BASE_URL and OPENAI_API_KEY, as for OpenAI's SDK
        print(tunehouse.costs(group_by=["model"]).total_usd)

It needs httpx2 and pydantic, and imports nothing else of the service.
"""

from service.client.answers import (
    AliasInfo,
    CostsInfo,
    EstimateInfo,
    FileInfo,
    JobEventInfo,
    JobInfo,
    KeyInfo,
    LineageInfo,
    QuoteInfo,
    QuotesInfo,
    ReportInfo,
    ShutdownInfo,
)
from service.client.connection import CallFailed, CallRefused, ServiceUnreachable
from service.client.migrations import MigrationInfo, MigrationPlanInfo, PlannedMoveInfo
from service.client.retrains import RecipeInfo, RetrainInfo, RetrainPlanInfo
from service.client.tunehouse import Tunehouse

__all__ = [
    "AliasInfo",
    "CallFailed",
    "CallRefused",
    "CostsInfo",
    "EstimateInfo",
    "FileInfo",
    "JobEventInfo",
    "JobInfo",
    "KeyInfo",
    "LineageInfo",
    "MigrationInfo",
    "MigrationPlanInfo",
    "PlannedMoveInfo",
    "QuoteInfo",
    "QuotesInfo",
    "RecipeInfo",
    "ReportInfo",
    "RetrainInfo",
    "RetrainPlanInfo",
    "ServiceUnreachable",
    "ShutdownInfo",
    "Tunehouse",
]
