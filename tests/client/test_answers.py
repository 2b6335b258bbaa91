"""The client's answers have the fields of the OpenAPI document, and it imports nothing of the service."""

import subprocess
import sys
import types
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from service.app import create_app
from service.client import answers, migrations, retrains

# The client's names of the document's schemas.
SCHEMAS = {
    answers.TeamInfo: "TeamRef",
    answers.BudgetInfo: "BudgetOut",
    answers.KeyInfo: "MeOut",
    answers.JobErrorInfo: "JobError",
    answers.JobExtrasInfo: "JobExtras",
    answers.JobInfo: "JobOut",
    answers.JobEventInfo: "JobEventOut",
    answers.FileInfo: "FileOut",
    answers.ProblemInfo: "ProblemOut",
    answers.TokensInfo: "TokensOut",
    answers.JobCostInfo: "CostOut",
    answers.ReportInfo: "ReportOut",
    answers.EstimateInfo: "EstimateOut",
    answers.QuoteInfo: "QuoteOut",
    answers.QuotesInfo: "QuotesOut",
    answers.CostsInfo: "CostsOut",
    answers.NodeInfo: "NodeOut",
    answers.EdgeInfo: "EdgeOut",
    answers.BranchCostInfo: "LineageCostOut",
    answers.LineageInfo: "LineageOut",
    answers.AliasInfo: "AliasOut",
    answers.ShutdownInfo: "ShutdownOut",
    migrations.PlannedMoveInfo: "PlannedMove",
    migrations.CannotMoveInfo: "CannotMove",
    migrations.MigrationPlanInfo: "MigrationPlanOut",
    migrations.MigrationStepInfo: "MigrationStepOut",
    migrations.MigrationInfo: "MigrationOut",
    retrains.RecipeDataInfo: "RecipeData",
    retrains.RecipeStepInfo: "RecipeStep",
    retrains.RecipeInfo: "RecipeOut",
    retrains.PlannedStepInfo: "PlannedStep",
    retrains.RetrainPlanInfo: "PlanOut",
    retrains.RetrainStepInfo: "RetrainStepOut",
    retrains.RetrainErrorInfo: "RetrainError",
    retrains.RetrainInfo: "RetrainOut",
}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    found: dict[str, Any] = create_app().openapi()["components"]["schemas"]
    return found


@pytest.mark.parametrize("kind", SCHEMAS, ids=lambda kind: kind.__name__)
def test_an_answer_has_the_documents_fields_and_is_null_where_they_are(
    kind: type[BaseModel], schemas: dict[str, Any]
) -> None:
    properties = schemas[SCHEMAS[kind]]["properties"]
    for name, field in kind.model_fields.items():
        told = properties[field.alias or name]
        may_be_null = {"type": "null"} in told.get("anyOf", ())
        union = get_origin(field.annotation) in (Union, types.UnionType)
        assert may_be_null == (union and type(None) in get_args(field.annotation)), (kind.__name__, name)


def test_the_client_needs_nothing_but_httpx2_and_pydantic() -> None:
    code = "import sys, service.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"fastapi", "sqlalchemy", "openai", "celery", "rich", "typer"} & set(loaded.split())
    ours = "import sys, service.client; print(*(name for name in sys.modules if name.startswith('service.')))"
    names = subprocess.run([sys.executable, "-c", ours], check=True, capture_output=True, text=True).stdout
    assert all(name.startswith("service.client") for name in names.split())
