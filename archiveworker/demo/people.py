"""Made-up students: names that break naive code (CJK, right-to-left, emoji, apostrophes, umlauts, one name only).

Not drawn from any real list; a name may be used by several students, as in life.
"""

from typing import Final

NAMES: Final = (
    ("Jürgen", "Großmann-Öztürk"),
    ("Ada", "Lindqvist"),
    ("Siobhán", "O’Shaughnessy"),  # noqa: RUF001 - a name
    ("美咲", "渡辺"),
    ("ليلى", "الهاشمي"),
    ("Robin 🦊", "Foxglove"),
    ("נועה", "ברקוביץ"),
    ("Zoë", "D'Angelo"),
    ("建国", "欧阳"),
    ("Łukasz", "Żółkiewski"),
    ("민준", "박"),
    ("Đorđe", "Čavić"),
    ("Thị Minh", "Nguyễn"),
    ("अनन्या", "शर्मा"),
    ("Σοφία", "Παπαδοπούλου"),
    ("Наталья", "Щербакова"),
    ("Ísleifur", "Þórsson"),
    ("Marie-Noëlle", "de la Bruyère"),
    ("Çağla", "Işık"),  # noqa: RUF001 - a name
    ("محمد", "بن صالح"),
    ("Sukarno", "-"),
    ("Chloé ✨", "Lefèbvre"),
    ("Jean-Luc", "M'Bala"),
    ("สมชาย", "ใจดี"),
)
"""Given and family name of each student, used in this order and then again from the start."""
