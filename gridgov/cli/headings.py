"""The headings of the manual, in its order."""

from typing import Final

RUNNING: Final = "Running 运行"
RULES: Final = "Rules and grids 规则与网格"
PEOPLE: Final = "People 人员"
INCIDENTS: Final = "Incidents and figures 案卷与统计"
UPKEEP: Final = "Upkeep 维护"
ORDER: Final = (RUNNING, RULES, PEOPLE, INCIDENTS, UPKEEP)
