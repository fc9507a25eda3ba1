"""One helper writes every HTML table: escaped, with heads that a screen reader knows."""

import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from inception_edu.show.html import table


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
