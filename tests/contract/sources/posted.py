"""Requests as the plugins post them, written down from their interface and not from the code under test."""

from typing import Any

from tests.contract.sources.strict_moodle import TOKEN

SECTIONS_7 = ("header", "quiz_feedback", "question", "question_feedback", "general_feedback", "rightanswer", "history")
SECTIONS_11 = (*SECTIONS_7, "attachments", "quiz_grade", "question_correctness", "question_marks")


def quiz_request(version: int, base_url: str, **changes: Any) -> dict[str, Any]:
    """What a plugin of this API version posts, every key of it."""
    body: dict[str, Any] = {
        "api_version": version,
        "moodle_ws_url": f"{base_url}/webservice/rest/server.php",
        "moodle_upload_url": f"{base_url}/webservice/upload.php",
        "wstoken": TOKEN,
        "courseid": 7,
        "cmid": 8,
        "quizid": 9,
        "task_archive_quiz_attempts": quiz_task(version),
        "task_moodle_backups": None,
    }
    if version >= 4:
        body["moodle_base_url"] = base_url
    if version >= 5:
        body["archive_filename"] = "Übung #1 (Gruppe B)"
    return body | changes


def quiz_task(version: int) -> dict[str, Any]:
    task: dict[str, Any] = {"attemptids": [35, 33, 34]}
    if version >= 2:
        names = SECTIONS_7 if version < 4 else (*SECTIONS_7, "attachments") if version < 7 else SECTIONS_11
        task |= {"fetch_metadata": True, "sections": {name: "1" for name in names} | {"question_feedback": 0}}
    if version >= 3:
        task["paper_format"] = "Letter"
    if version >= 5:
        task |= {"keep_html_files": True, "filename_pattern": "attempt-${attemptid}"}
    if version >= 6:
        task["image_optimize"] = {"width": 1280, "height": 1280, "quality": 85}
    if version >= 7:
        task["foldername_pattern"] = "${username}/${attemptid}"
    return task


def backup(base_url: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    name = f"backup-{number}.mbz"
    return {
        "backupid": f"{number:032x}",
        "userid": 3,
        "context": 50,
        "component": "backup",
        "filearea": "activity",
        "filepath": "/",
        "filename": name,
        "itemid": None,
        "pathnamehash": "0" * 40,
        "file_download_url": f"{base_url}/webservice/pluginfile.php/50/backup/activity/{name}",
    } | changes


def task_request(kind: str, base_url: str, **job: Any) -> dict[str, Any]:
    """What archivingmod_quiz or archivingmod_assign posts; ``kind`` is quiz or assign."""
    common: dict[str, Any] = {
        "report_sections": {"header": True, "feedback": False},
        "paper_format": "A4",
        "archive_filename": "course archive",
        "foldername_pattern": "${username}/x",
        "filename_pattern": "x",
        "image_optimize": False,
        "fetch_metadata": True,
        "keep_html_files": False,
    }
    if kind == "quiz":
        common |= {"attemptids": [12, 11], "fetch_attachments": True}
    else:
        common |= {"submissionids": [12, 11], "attachments": {"submission": True, "feedback": False}}
    return {
        "api_version": 1,
        "taskid": 99,
        "moodle_api": {
            "wstoken": TOKEN,
            "base_url": base_url,
            "webservice_url": f"{base_url}/webservice/rest/server.php",
            "upload_url": f"{base_url}/webservice/upload.php",
        },
        "job": common | job,
    }
