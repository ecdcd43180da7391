r"""The questions of the demo quiz: one of every type of Moodle's core, some with formulas for MathJax.

A question is data; how it looks is in ``res/demo/pages/layouts``. HTML in here is trusted (it is ours), TeX stands in
``\(..\)``, ``\[..\]`` or ``$$..$$`` as Moodle's MathJax filter finds it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a choice question.

    Attributes:
        html: what it says.
        right: whether to tick it.
        feedback: shown when it was ticked.
    """

    html: str
    right: bool = False
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to fill in: a text field, a gap, a stem to match, a place on an image.

    Attributes:
        right: the right answer.
        stem: what stands before it (match) or what it is called.
        options: what can be chosen; empty means free text.
        x_px: place on the image, from the left.
        y_px: place on the image, from the top.
    """

    right: str
    stem: str = ""
    options: tuple[str, ...] = ()
    x_px: int = 0
    y_px: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One slot of the quiz.

    Attributes:
        qtype: Moodle's name of the type, e.g. ``ddwtos``.
        layout: the template that draws it.
        text: HTML; ``[[n]]`` is the n-th gap.
        max_mark: 0 for a description.
        choices: for choice questions.
        parts: for the others.
        many: several choices may be right.
    """

    qtype: str
    layout: str
    text: str
    max_mark: float = 1.0
    choices: tuple[Choice, ...] = ()
    parts: tuple[Part, ...] = ()
    many: bool = False

    @property
    def right_answer(self) -> str:
        """The sentence after "The correct answer is:", HTML."""
        if self.choices:
            return ", ".join(choice.html for choice in self.choices if choice.right)
        return ", ".join(f"{part.stem} → {part.right}" if part.stem else part.right for part in self.parts)


_RIVERS: Final = ("Elbe", "Nile", "Mekong", "Paraná")
_ANIMALS: Final = ("amphibian", "mammal", "bird", "fish")
_WORDS: Final = ("quick", "brown", "fox", "lazy", "dog")

BANK: Final = (
    Question(
        "description",
        "description",
        "<h3>Part A: Introduction</h3><p>Read each task with care. Umlauts äöüß, «guillemets», 中文字符 日本語 한국어, "
        "emoji 😀🎉👩‍🔬, <span dir='rtl' lang='ar'>العربية من اليمين إلى اليسار</span>, "
        "<span dir='rtl' lang='he'>עברית</span>.</p>",
        max_mark=0.0,
    ),
    Question(
        "multichoice",
        "choices",
        "<p>Which of these planets has the largest diameter?</p>",
        choices=(
            Choice("Saturn"),
            Choice("Jupiter", True, "Right: about 140 000 km."),
            Choice("Mars"),
            Choice("Earth"),
        ),
    ),
    Question(
        "multichoice",
        "choices",
        "<p>Which of these numbers are prime?</p>",
        choices=(Choice("2", True), Choice("9", feedback="3 · 3"), Choice("31", True), Choice("57", feedback="3 · 19")),
        max_mark=2.0,
        many=True,
    ),
    Question(
        "truefalse",
        "choices",
        r"<p>For every real \(x\): \(\sin^2 x + \cos^2 x = 1\).</p>",
        choices=(Choice("True", True), Choice("False")),
    ),
    Question(
        "shortanswer",
        "input",
        "<p>Translate „猫“ into German. 🐈</p><p dir='rtl' lang='ar'>ما هي عاصمة ألمانيا؟ اكتب الإجابة هنا.</p>",
        parts=(Part("Katze"),),
    ),
    Question(
        "numerical",
        "input",
        r"<p>What is \(\sqrt{2}\) to two decimals?</p>",
        parts=(Part("1.41"),),
    ),
    Question(
        "essay",
        "essay",
        "<p>Discuss what an archive has to keep so that a mark can be explained ten years later. "
        "Attach your sources and paste a picture.</p>",
        max_mark=10.0,
    ),
    Question(
        "match",
        "match",
        "<p>Match each animal with its class.</p>",
        parts=(
            Part("amphibian", "Frog", _ANIMALS),
            Part("mammal", "Bat", _ANIMALS),
            Part("bird", "Penguin", _ANIMALS),
        ),
        max_mark=3.0,
    ),
    Question(
        "calculated",
        "input",
        r"<p>A body falls freely for \(t = 3.2\,\mathrm{s}\). How far? "
        r"$$s = \frac{1}{2}\,g\,t^2, \qquad g = 9.81\,\frac{\mathrm{m}}{\mathrm{s}^2}$$</p>",
        parts=(Part("50.23 m"),),
    ),
    Question(
        "calculatedmulti",
        "choices",
        r"<p>Evaluate $$\int_0^1 x^2\,dx$$ and compare \(e^{i\pi}+1=0\), "
        r"\[\begin{pmatrix}a&b\\c&d\end{pmatrix}\vec{x}=\lambda\vec{x}\]</p>",
        choices=(Choice(r"\(\pi\)"), Choice(r"\(\frac{1}{3}\)", True), Choice(r"\(\frac{1}{2}\)")),
    ),
    Question(
        "calculatedsimple",
        "input",
        r"<p>What is \(17 \cdot 6\)?</p>",
        parts=(Part("102"),),
    ),
    Question(
        "multianswer",
        "gaps",
        r"<p>Water boils at [[1]] °C at sea level; its formula is [[2]]. On Mount Everest it boils at a [[3]] "
        r"temperature, because \(p \approx p_0\,e^{-h/H}\).</p>",
        parts=(Part("100"), Part("H2O"), Part("lower", options=("lower", "higher", "equal"))),
        max_mark=3.0,
    ),
    Question(
        "ddwtos",
        "gaps",
        "<p>Drag the words into the sentence: the [[1]] brown [[2]] jumps over the [[3]] dog.</p>",
        parts=(Part("quick", options=_WORDS), Part("fox", options=_WORDS), Part("lazy", options=_WORDS)),
        max_mark=3.0,
    ),
    Question(
        "ddimageortext",
        "image",
        "<p>Drag the labels onto the island.</p>",
        parts=(
            Part("Mountain", options=("Mountain", "Lake", "Coast"), x_px=180, y_px=35),
            Part("Lake", options=("Mountain", "Lake", "Coast"), x_px=335, y_px=120),
            Part("Coast", options=("Mountain", "Lake", "Coast"), x_px=55, y_px=190),
        ),
        max_mark=3.0,
    ),
    Question(
        "ddmarker",
        "image",
        "<p>Place each marker on the map: the spring of the river, and its mouth.</p>",
        parts=(Part("262,128", "Spring", x_px=262, y_px=128), Part("332,140", "Mouth", x_px=332, y_px=140)),
        max_mark=2.0,
    ),
    Question(
        "gapselect",
        "gaps",
        "<p>The [[1]] flows through Dresden, the [[2]] through Cairo.</p>",
        parts=(Part("Elbe", options=_RIVERS), Part("Nile", options=_RIVERS)),
        max_mark=2.0,
    ),
    Question(
        "ordering",
        "ordering",
        "<p>Put the steps of an archive job in order.</p>",
        parts=(Part("Fetch"), Part("Render"), Part("Package"), Part("Time-stamp"), Part("Deliver")),
        max_mark=5.0,
    ),
    Question(
        "randomsamatch",
        "match",
        "<p>Match each capital with its country.</p>",
        parts=(
            Part("Iceland", "Reykjavík", ("Iceland", "Kenya", "Peru")),
            Part("Kenya", "Nairobi", ("Iceland", "Kenya", "Peru")),
        ),
        max_mark=2.0,
    ),
)
"""Every core question type; the position is the slot, counted from 1."""
