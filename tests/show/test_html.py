"""One helper writes every HTML table: escaped, with heads that a screen reader knows."""

import re
import xml.etree.ElementTree as ET
from html import unescape
from urllib.parse import unquote

import pytest
from markupsafe import Markup

from inception_edu.show.html import drawings_as_images, table


def test_a_table_by_hand():
    html = table(("", "a < b"), [("x & y", 1234), ("sum", Markup("<b>5</b>"))], total=-1, caption="T > U", left=(0,))
    assert html == (
        '<table><caption>T &gt; U</caption><thead><tr><th style="text-align:left"></th><th>a &lt; b</th></tr></thead>'
        '<tbody><tr><th scope="row" style="text-align:left">x &amp; y</th><td>1,234</td></tr>'
        '<tr class="ie-total"><th scope="row" style="text-align:left">sum</th><td><b>5</b></td></tr></tbody></table>'
    )
    assert ET.fromstring(html).tag == "table"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        table(("", "a"), [("x", 1, 2)])


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
