"""The FOCUS export: its columns, its rules for corrections, and the same total as the report."""

import csv
import io
import json
import re
from decimal import Decimal

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.ledger.rollups.sums import roll_up
from tests.ledger.closing.test_reprice import LAST_MONTH, LAST_MONTH_DAY, new_price, reprice, spend
from tests.support.service import Service, TeamHandle

# Columns that are "Mandatory" in FOCUS 1.2, Cost and Usage.
MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}


# The values and formats that FOCUS 1.2 allows, as far as we use them.
ALLOWED = {
    "BillingCurrency": r"USD",
    "ChargeCategory": r"Usage|Purchase|Tax|Credit|Adjustment",
    "ChargeClass": r"(Correction)?",
    "ChargeFrequency": r"One-Time|Recurring|Usage-Based",
    "PricingCategory": r"Standard|Dynamic|Committed|Other",
    "ServiceCategory": r"AI and Machine Learning",
    "ServiceSubcategory": r"Generative AI",
    "PricingUnit": r"(\d+ )?(Tokens|Hours)",
    "ConsumedUnit": r"Tokens|Hours",
}
NUMBER = r"-?\d+\.\d+"
NUMBERS = {
    "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "ListCost",
    "ListUnitPrice", "PricingQuantity",
}  # fmt: skip
TIMES = {"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"}
NULLABLE = {
    "ChargeClass",
    "x_CostCenter",
    "x_Department",
    "Tags",
    "x_JobId",
    "x_KeyId",
    "x_KeyName",
    "x_Method",
    "x_BaseModel",
}


def exported(team: TeamHandle) -> list[dict[str, str]]:
    """The rows of the team's export."""
    answer = team.http.get("/v1/costs?format=focus")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_export_has_the_mandatory_columns_and_the_reports_total(service: Service) -> None:
    team = service.make_team()
    spend(team, "a", tags={"env": "prod"})
    spend(team, "b", job_id="ftjob-1")
    with transaction() as session:
        roll_up(session, most=1)
    rows = exported(team)
    assert set(rows[0]) >= MANDATORY
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("2.4")
    assert {row["Tags"] for row in rows} == {"{}", '{"env": "prod"}'}
    one = rows[0]
    assert (one["ConsumedQuantity"], one["ConsumedUnit"]) == ("1000000.0", "Tokens")
    assert (one["PricingQuantity"], one["PricingUnit"], one["ListUnitPrice"]) == (
        "1.0",
        "1000000 Tokens",
        "1.2",
    )
    assert (one["SubAccountId"], one["ServiceName"], one["ChargeClass"]) == (team.id, "Inference", "")
    assert one["SkuId"] == f"ft:sandbox-mini/{PriceKind.OUTPUT_TOKENS.value}/standard"


def test_every_value_has_the_form_that_the_specification_allows(service: Service) -> None:
    team = service.make_team()
    spend(team, "a", tags={"env": "prod"})
    spend(team, "b", LAST_MONTH_DAY, job_id="ftjob-1")
    reprice(service, new_price(service, "2"))
    for row in exported(team):
        assert [name for name, value in row.items() if not value and name not in NULLABLE] == []
        forms = ALLOWED | dict.fromkeys(NUMBERS, NUMBER) | dict.fromkeys(TIMES, r"\d{4}-\d\d-\d\dT00:00:00Z")
        assert [name for name, form in forms.items() if not re.fullmatch(form, row[name])] == []
        assert all(isinstance(value, str) for value in json.loads(row["Tags"]).values())
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        # The list cost is the unit price times the quantity.
        listed = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
        assert listed == Decimal(row["ListCost"]) == Decimal(row["BilledCost"])


def test_a_rows_invoice_is_provisional_until_its_month_is_closed(service: Service) -> None:
    team = service.make_team()
    spend(team, "a")
    spend(team, "b", LAST_MONTH_DAY)
    service.admin.post("/v1/costs/close", json={"month": LAST_MONTH}).raise_for_status()
    rows = exported(team)
    assert {row["InvoiceId"] for row in rows} == {
        f"{team.id}:{row['BillingPeriodStart'][:7]}" for row in rows
    }
    assert {row["BillingPeriodStart"][:7]: row["x_InvoiceStatus"] for row in rows} == {
        LAST_MONTH: "issued",
        max(row["BillingPeriodStart"][:7] for row in rows): "provisional",
    }
    statement = team.http.get("/v1/costs/statement", params={"month": LAST_MONTH}).json()["data"][0]
    assert statement["invoice_id"] == f"{team.id}:{LAST_MONTH}"


def test_a_correction_within_the_month_leaves_one_charge_at_the_new_price(service: Service) -> None:
    team = service.make_team()
    spend(team, "a")
    reprice(service, new_price(service, "2"))
    rows = exported(team)
    assert [(row["BilledCost"], row["ListUnitPrice"], row["ChargeClass"]) for row in rows] == [
        ("2.0", "2.0", "")
    ]


def test_a_correction_of_a_closed_month_is_one_by_name(service: Service) -> None:
    team = service.make_team()
    spend(team, "a", LAST_MONTH_DAY)
    service.admin.post("/v1/costs/close", json={"month": LAST_MONTH})
    reprice(service, new_price(service, "2"))
    rows = exported(team)
    classes = sorted((row["ChargeClass"], row["BilledCost"]) for row in rows)
    assert classes == [("", "1.2"), ("Correction", "-1.2"), ("Correction", "2.0")]
    assert {row["BillingPeriodStart"] for row in rows if not row["ChargeClass"]} == {
        f"{LAST_MONTH}-01T00:00:00Z"
    }
