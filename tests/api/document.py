"""docs/API.md in its parts."""

from __future__ import annotations

import re

from tests.serving import ROOT

_BEGIN, *_SECTIONS = re.split(
    r"^## ", (ROOT / "docs" / "API.md").read_text(encoding="utf-8"), flags=re.MULTILINE
)
BEGIN = _BEGIN  # before the first heading
_SECTION_OF = {section.split("\n", 1)[0]: section for section in _SECTIONS}
SECTION_OF = {name: text for name, text in _SECTION_OF.items() if name.startswith("/")}  # of each endpoint
