"""Whether the texts of pictures can be read in a browser: check_svgs.py FILE.svg..."""

import pathlib
import sys
import xml.etree.ElementTree

from page import Browser, Checks

TOLERANCE_PX = 1.0
# WCAG 2.2's for text of any size.
LEAST_CONTRAST = 4.5

measure = (pathlib.Path(__file__).parent / "text_boxes.js").read_text(encoding="utf-8")
checks = Checks()
with Browser() as browser:
    for path in sys.argv[1:]:
        checks.page = pathlib.Path(path).name
        try:
            xml.etree.ElementTree.parse(path)
        except xml.etree.ElementTree.ParseError as error:
            checks.that(False, f"is not XML: {error}")
            continue
        browser.open(path)
        found = browser.run(measure, TOLERANCE_PX, LEAST_CONTRAST)
        checks.that(found["texts"] > 0, "has no text")
        checks.none("texts", found["problems"])
        checks.none("browser", browser.complaints())
checks.finish()
