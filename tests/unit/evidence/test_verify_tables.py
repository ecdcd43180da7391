"""Contradictions within an archive whose manifest agrees with all of it: its maker made a mistake, or cheated."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from archiveworker.domain.evidence import Check, Verdict, VerificationReport
from archiveworker.evidence.verify import verify
from tests.unit.evidence import golden

HEAD = "attemptid,userid,username,firstname,lastname,idnumber,timestart,timefinish,attempt,path,state\n"


def row(number: int | str, path: str) -> str:
    return f"{number},7,zoe,Zoë,Ångström,,0,0,1,{path},finished\n"


def checked(folder: Path, contents: Mapping[str, str | bytes], **kwargs: bool) -> VerificationReport:
    raw = {name: data.encode() if isinstance(data, str) else data for name, data in contents.items()}
    return verify(golden.make(folder, golden.all_entries(contents=raw, **kwargs)).path)


def bad(report: VerificationReport) -> list[Check]:
    return [check for check in report.checks if check.verdict is Verdict.BAD]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/attempts/a/", "/attempts/a/"),
        ("/attempts/a/", "/attempts/a/b/"),
        ("/attempts/a/b/", "/attempts/a/"),
        ("/attempts/a", "/attempts/ab"),
        ("/a/", "/attempts/a/b/"),
    ],
)
def test_two_rows_must_not_claim_one_file(tmp_path: Path, first: str, second: str) -> None:
    """Moodle's export would hand one student's work to another."""
    report = checked(
        tmp_path,
        {
            "attempts/a/x.pdf": "x",
            "attempts/a/b/y.pdf": "y",
            "attempts/ab/z.pdf": "z",
            "attempts_metadata.csv": HEAD + row(1, first) + row(2, second) + row(3, "/attempts/ab/"),
        },
    )
    assert any("are also those of attempt" in check.message for check in bad(report)), report.checks
    assert {check.subject for check in bad(report) if "also those" in check.message} == {"attempts_metadata.csv"}


def test_rows_that_begin_alike_but_end_with_a_slash_are_told_apart(tmp_path: Path) -> None:
    contents = {
        "attempts/3/x.pdf": "x",
        "attempts/33/y.pdf": "y",
        "attempts_metadata.csv": HEAD + row(33, "/attempts/33/") + row(3, "/attempts/3/"),
    }
    assert bad(checked(tmp_path, contents)) == []


def test_a_file_without_a_row_is_named(tmp_path: Path) -> None:
    contents = {
        "attempts/a/x.pdf": "x",
        "attempts/b/y.pdf": "y",
        "attempts/loose.pdf": "z",
        "attempts_metadata.csv": HEAD + row(1, "/attempts/a/"),
    }
    report = checked(tmp_path, contents, include_filehashes=False)
    assert [(c.subject, c.message) for c in bad(report)] == [
        ("attempts/b/y.pdf", "no row of attempts_metadata.csv has it"),
        ("attempts/loose.pdf", "no row of attempts_metadata.csv has it"),
    ]


@pytest.mark.parametrize("numbers", [(1, 1), ("", 2)])
def test_every_row_has_an_id_of_its_own(tmp_path: Path, numbers: tuple[int | str, int | str]) -> None:
    contents = {
        "attempts/a/x.pdf": "x",
        "attempts/b/y.pdf": "y",
        "attempts_metadata.csv": HEAD + row(numbers[0], "/attempts/a/") + row(numbers[1], "/attempts/b/"),
    }
    assert any("has no attemptid of its own" in check.message for check in bad(checked(tmp_path, contents)))


def test_submissions_and_archives_without_folders_are_understood(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    head = HEAD.replace("attemptid", "submissionid")
    table = head + row(1, "/submissions/a/")
    good = {"submissions/a/x.pdf": "x", "submissions_metadata.csv": table}
    report = checked(tmp_path / "1", good)
    assert bad(report) == []
    assert any(check.message == "1 submissions, each with files of its own" for check in report.checks)
    (tmp_path / "2").mkdir()
    report = checked(tmp_path / "2", good | {"submissions/b/x.pdf": "x"}, include_filehashes=False)
    assert [check.subject for check in bad(report)] == ["submissions/b/x.pdf"]
    (tmp_path / "3").mkdir()
    flat = {"attempt_1.x.pdf": "x", "attempt_11.x.pdf": "x", "backup.course.mbz": "b"}
    flat["attempts_metadata.csv"] = HEAD + row(1, "/attempt_1.") + row(11, "/attempt_11.")
    assert bad(checked(tmp_path / "3", flat)) == []
    (tmp_path / "4").mkdir()
    flat["attempts_metadata.csv"] = HEAD + row(1, "/attempt_1.")
    report = checked(tmp_path / "4", flat, include_filehashes=False)
    assert [check.subject for check in bad(report)] == ["attempt_11.x.pdf"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (HEAD + row(1, '"/attempts\n/a/"'), "goes over several lines"),
        (HEAD + "," * (1024**2 + 1), "more than 1048576 characters"),
        ("attemptid\n" * 3, "tenth path"),
        (HEAD.replace("attemptid", "submissionid"), "first column must be attemptid"),
        ("\ufffe".encode("utf-16"), "not a table"),
        (HEAD + "\0" * 10, "columns"),
    ],
)
def test_what_the_plugin_cannot_read_is_no_table(tmp_path: Path, table: str | bytes, message: str) -> None:
    report = checked(tmp_path, {"attempts_metadata.csv": table})
    assert message in bad(report)[0].message
    assert {check.name for check in bad(report)} == {"metadata"}


INFO = "Item-Count: 1\nFailed-Item-Count: 1\nBackup-Count: 1\nFile-Count: 3\nSize-Bytes: 6\nSource-System: x\n  y\n"
WHOLE: Mapping[str, str] = {
    "attempts/a/x.pdf": "x",
    "attempts/a/attachments/1/own.sha256": "yy",
    "backups/c.mbz": "zzz",
    "attempts_metadata.csv": HEAD + row(1, "/attempts/a/"),
    "errors.csv": "item,code,message\nattempt-2,source,gone\n",
    "index.html": "i",
    "bag-info.txt": INFO,
}


@pytest.mark.parametrize("include_filehashes", [True, False])
def test_right_numbers_are_good(tmp_path: Path, include_filehashes: bool) -> None:
    report = checked(tmp_path, WHOLE, include_filehashes=include_filehashes)
    assert bad(report) == []
    (counts,) = [check for check in report.checks if check.name == "counts"]
    assert (counts.verdict, counts.message) == (Verdict.GOOD, "5 numbers agree with the archive")


@pytest.mark.parametrize("label", ["Item-Count", "Failed-Item-Count", "Backup-Count", "File-Count", "Size-Bytes"])
@pytest.mark.parametrize("wrong", ["9", "", "one", "1e0", "-1", "0x1"])
def test_every_wrong_number_is_named(tmp_path: Path, label: str, wrong: str) -> None:
    lines = [f"{label}: {wrong}" if line.startswith(f"{label}:") else line for line in INFO.splitlines()]
    report = checked(tmp_path, {**WHOLE, "bag-info.txt": "\n".join(lines) + "\n"})
    ((subject, message),) = [(check.subject, check.message) for check in bad(report)]
    assert subject == "bag-info.txt"
    assert message.startswith(f"it says {label}: {wrong}")


def test_bag_info_that_is_none_is_named(tmp_path: Path) -> None:
    report = checked(tmp_path, {**WHOLE, "bag-info.txt": "no label here\n"})
    assert [check.message for check in bad(report)] == ["a line of it is not 'label: value'"]


def test_a_changed_file_is_not_blamed_on_the_tables(tmp_path: Path) -> None:
    entries = {e.path.value: e for e in golden.all_entries(contents={n: d.encode() for n, d in WHOLE.items()})}
    root = tmp_path / "tree"
    for name, entry in entries.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(entry.data)  # type: ignore[union-attr]
    (root / "attempts/a/x.pdf").unlink()
    report = verify(root)
    assert {check.subject for check in bad(report)} == {"attempts/a/x.pdf"}
    told = {check.name: check.verdict for check in report.checks if check.name in ("metadata", "counts")}
    assert told == {"metadata": Verdict.UNKNOWN, "counts": Verdict.UNKNOWN}
