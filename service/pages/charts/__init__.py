"""Charts as SVG, made by the server: they need no script, print well, and are read aloud as a sentence.

No element has a style attribute, which the pages' content security policy forbids.
"""

from service.pages.charts.days import per_day
from service.pages.charts.family import FamilyBox, lineage
from service.pages.charts.lengths import histogram
from service.pages.charts.loss import loss
from service.pages.charts.small import meter, spark

__all__ = ["FamilyBox", "histogram", "lineage", "loss", "meter", "per_day", "spark"]
