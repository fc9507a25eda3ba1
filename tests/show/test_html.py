"""The one table, and drawings as images."""

import re
from html import unescape
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from inception_edu.show.html import drawings_as_images, table


def test_a_table_has_heads_commas_a_total_and_no_markup_of_its_cells():
    html = table(("layer", "a < b"), [("one", 1234), ("<two>", "5 & 6"), ("all", 0.5)], total=-1)
    rows = ET.fromstring(html).findall(".//tr")
    assert ["".join(row.itertext()) for row in rows] == ["layera < b", "one1,234", "<two>5 & 6", "all0.5"]
    assert [row.get("class") for row in rows] == [None, None, None, "ie-total"]
    assert [row[0].get("scope") for row in rows[1:]] == ["row"] * 3
    assert "ie-total" not in table(("layer",), [("one",)])


def test_a_drawing_becomes_an_image_with_its_description():
    named = (
        '<svg role="img" aria-label="two &quot;bars&quot;" xmlns="http://www.w3.org/2000/svg"><path d="M1 2"/></svg>'
    )
    titled = '<svg xmlns="http://www.w3.org/2000/svg"><title id="a">a &lt; b</title>\n<desc>more</desc></svg>\n'
    html = drawings_as_images(f"<p>before</p>{named}<p>between</p>{titled}<p>after</p>")
    assert re.sub("<img[^>]*>", "|", html) == "<p>before</p>|<p>between</p>|<p>after</p>"
    images = re.findall(r'<img src="data:image/svg\+xml,([^"]*)" alt="([^"]*)">', html)
    assert [unescape(alt) for _, alt in images] == ['two "bars"', "a < b"]
    for drawing, _ in images:
        root = ET.fromstring(unquote(drawing))
        assert root[0].tag.endswith("style")
        assert "#767676" in root[0].text
