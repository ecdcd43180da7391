"""Marks what Chromium draws beside the page's own text (footer, watermark) as artifacts of pagination.

Chromium leaves its header and footer unmarked, so that a person with a screen reader would hear them on every page, and
a check of the page's text would find them. Only text is marked: it is all that ours hold.
Source: ISO 32000-1, 14.8.2.2.
"""

from collections.abc import Sequence

import pikepdf
from pikepdf import Dictionary, Name, Operator

_SHOW = frozenset({"Tj", "TJ", "'", '"'})

Instruction = pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage


def mark(pdf: pikepdf.Pdf) -> None:
    """Mark all text of the pages that is not part of their structure."""
    for page in pdf.pages:
        marked = _marked(pikepdf.parse_content_stream(page))
        page.obj[Name.Contents] = pdf.make_stream(pikepdf.unparse_content_stream(marked))


def is_pagination(properties: pikepdf.Object) -> bool:
    """Return whether a sequence of marked content with these properties is what ``mark`` marked."""
    return isinstance(properties, Dictionary) and properties.get(Name.Type) == Name.Pagination


def _marked(instructions: Sequence[Instruction]) -> list[Instruction]:
    begin = pikepdf.ContentStreamInstruction([Name.Artifact, Dictionary(Type=Name.Pagination)], Operator("BDC"))
    end = pikepdf.ContentStreamInstruction([], Operator("EMC"))
    result: list[Instruction] = []
    # Sequences that are open: whether they belong to the page's structure, or were put into an artifact here.
    nested: list[bool] = []
    for instruction in instructions:
        name = str(instruction.operator)
        if name in ("BDC", "BMC"):
            if not nested and not _is_placed(instruction):
                result.append(begin)
            nested.append(not nested and not _is_placed(instruction))
            result.append(instruction)
        elif name == "EMC" and nested:
            result += [instruction, end] if nested.pop() else [instruction]
        elif name in _SHOW and not nested:
            result += [begin, instruction, end]
        else:
            result.append(instruction)
    return result


def _is_placed(instruction: Instruction) -> bool:
    operands = list(instruction.operands)
    if operands[0] == Name.Artifact:
        return True
    return len(operands) == 2 and isinstance(operands[1], Dictionary) and Name.MCID in operands[1]
