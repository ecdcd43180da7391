"""Files of workshops: how Moodle announces them, and which one an address means.

Source: recorded answers (``external_files`` of Moodle 4.5) and ``mod_workshop_pluginfile`` in mod/workshop/lib.php.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from archiveworker.demo.files import StudentFile
from archiveworker.demo.workshop import Workshop


def file_entry(folder_url: str, file: StudentFile, modified_s: int) -> dict[str, Any]:
    """Return what Moodle says of one file in the folder at ``folder_url``."""
    return {
        "filename": file.filename,
        "filepath": "/",
        "filesize": len(file.content),
        # As PHP's rawurlencode: editors leave brackets alone, so an address in a text may be spelt otherwise.
        "fileurl": f"{folder_url}/{quote(file.filename, safe='')}",
        "timemodified": modified_s,
        "mimetype": file.mimetype,
        "isexternalfile": False,
        "icon": "f/image" if file.mimetype.startswith("image/") else "f/text",
    }


def find_file(workshops: Iterable[Workshop], parts: Sequence[str]) -> StudentFile | None:
    """Return the file that the path after ``pluginfile.php/`` means, None when there is none."""
    match parts:
        case [context, component, area, item, filename] if context.isdecimal() and item.isdecimal():
            workshop = next((one for one in workshops if one.context_id == int(context)), None)
            files = [] if workshop is None else _area(workshop, component, area, int(item))
            return next((file for file in files if file.filename == filename), None)
    return None


def _area(workshop: Workshop, component: str, area: str, item: int) -> Sequence[StudentFile]:
    if component == f"workshopform_{workshop.strategy}" and area == "description":
        return next((one.files for one in workshop.dimensions if one.id == item), ())
    if component != "mod_workshop":
        return ()
    work, assessment = workshop.work(item), workshop.assessment(item)
    match area:
        case "submission_content":
            return () if work is None else work.inline
        case "submission_attachment":
            return () if work is None else work.attached
        case "overallfeedback_attachment":
            return () if assessment is None else assessment.files
        case _:
            return ()
