"""Settings: strict, with units in their names, and documented where administrators look."""

from dataclasses import Field, fields
from pathlib import Path

import pytest

from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.settings_aliases import ALIASES
from archiveworker.settings import Settings, documentation, shown_default, variable

ROOT = Path(__file__).parents[2]


def test_the_defaults_are_valid() -> None:
    settings, notes = Settings.from_env({"PATH": "/bin"})
    assert settings == Settings()
    assert notes == ()


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"ARCHIVEWORKER_PROT": "1"},
            "ARCHIVEWORKER_PROT is not a setting that is known; did you mean ARCHIVEWORKER_PORT",
        ),
        ({"ARCHIVEWORKER_PORT": "99999"}, "ARCHIVEWORKER_PORT must be 0..65535, got 99999"),
        ({"ARCHIVEWORKER_PORT": "eighty"}, "ARCHIVEWORKER_PORT must be a whole number, got 'eighty'"),
        (
            {"ARCHIVEWORKER_ARCHIVE_FORMAT": "rar"},
            "ARCHIVEWORKER_ARCHIVE_FORMAT must be tar.gz or zip or zip-stored, got 'rar'",
        ),
        ({"ARCHIVEWORKER_CHROMIUM_SANDBOX": "perhaps"}, "must be true or false, got 'perhaps'"),
        ({"ARCHIVEWORKER_LOG_LEVEL": "LOUD"}, "must be DEBUG, INFO, WARNING or ERROR, got 'LOUD'"),
        ({"ARCHIVEWORKER_JOBS_MAX_COUNT": "0"}, "ARCHIVEWORKER_JOBS_MAX_COUNT must be 1..256, got 0"),
        ({"ARCHIVEWORKER_PUBLIC_ORIGINS": "moodle"}, "'moodle': the URL must begin with http"),
        (
            {"ARCHIVEWORKER_ALLOWED_LMS": "https://moodle.example.org,moodle"},
            "ALLOWED_LMS: 'moodle': the URL must begin with",
        ),
        ({"ARCHIVEWORKER_TRUSTED_PROXIES": "10.0.0.1/8"}, "10.0.0.1/8.* has host bits set"),
        ({"ARCHIVEWORKER_POST_SECRET": "too-short"}, "POST_SECRET must be 16 to 256 letters"),
        ({"ARCHIVEWORKER_POST_SECRET": "made/up/secret/with/slashes"}, "POST_SECRET must be 16 to 256 letters"),
        ({"QUIZ_ARCHIVER_QUEU_SIZE": "1"}, "did you mean QUIZ_ARCHIVER_QUEUE_SIZE"),
        ({"ARCHIVEWORKER_ADMIN_TOKEN_FILE": "/no/such/file"}, "/no/such/file cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_env(env)


def test_names_of_the_existing_worker_are_read_with_a_note() -> None:
    settings, notes = Settings.from_env(
        {"QUIZ_ARCHIVER_QUEUE_SIZE": "3", "MOODLE_ARCHIVER_PDFA_CONVERSION": "False", "QUIZ_ARCHIVER_HISTORY_SIZE": "9"}
    )
    assert (settings.queue_max_count, settings.pdf_profile.value) == (3, "off")
    assert len(notes) == 3
    assert any("QUIZ_ARCHIVER_HISTORY_SIZE has no effect" in note for note in notes)


def test_our_own_name_wins_over_an_alias() -> None:
    settings, _ = Settings.from_env({"QUIZ_ARCHIVER_SERVER_PORT": "1", "ARCHIVEWORKER_PORT": "2"})
    assert settings.port == 2


@pytest.mark.parametrize(
    ("margin", "expected_mm"), [("5mm", 5.0), ("1cm", 10.0), ("0.5in", 12.7), ("96px", 25.4), (" 36 pt ", 12.7)]
)
def test_the_old_margin_is_a_css_length(margin: str, expected_mm: float) -> None:
    settings, _ = Settings.from_env({"QUIZ_ARCHIVER_REPORT_PAGE_MARGIN": margin})
    assert settings.page_margin_mm == pytest.approx(expected_mm)


def test_an_old_margin_that_is_no_length_is_refused() -> None:
    with pytest.raises(SettingsError, match="PAGE_MARGIN_MM must be a number, got '1em'"):
        Settings.from_env({"QUIZ_ARCHIVER_REPORT_PAGE_MARGIN": "1em"})


def test_the_old_window_and_demo_mode_are_read() -> None:
    settings, _ = Settings.from_env(
        {"QUIZ_ARCHIVER_REPORT_BASE_VIEWPORT_WIDTH": "1240", "MOODLE_ARCHIVER_DEMO_MODE": "True"}
    )
    assert (settings.page_viewport_width_px, settings.page_watermark) == (1240, "DEMO")


@pytest.mark.parametrize("profile", ["2a", "2u", "off"])
def test_files_go_into_pdfa_3_alone(profile: str) -> None:
    with pytest.raises(SettingsError, match=f"PDF_EMBED wants ARCHIVEWORKER_PDF_PROFILE 3a or 3u, got '{profile}'"):
        Settings.from_env({"ARCHIVEWORKER_PDF_EMBED": "html", "ARCHIVEWORKER_PDF_PROFILE": profile})


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_names_a_setting(alias: str) -> None:
    assert ALIASES[alias][0] in {item.name for item in fields(Settings)}


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("hush-hush\n")
    settings, _ = Settings.from_env({"ARCHIVEWORKER_ADMIN_TOKEN_FILE": str(tmp_path / "t")})
    assert settings.admin_token is not None
    assert settings.admin_token.reveal() == "hush-hush"
    assert "hush" not in repr(settings)
    with pytest.raises(SettingsError, match="both set"):
        Settings.from_env({"ARCHIVEWORKER_ADMIN_TOKEN": "a", "ARCHIVEWORKER_ADMIN_TOKEN_FILE": str(tmp_path / "t")})


def test_every_number_has_its_unit_in_its_name() -> None:
    units = ("_s", "_mib", "_per_minute", "_days", "_years", "_bytes", "_count", "_level", "_mm", "_px", "port")
    for item in fields(Settings):
        if isinstance(item.default, int | float) and not isinstance(item.default, bool):
            assert item.name.endswith(units), item.name


def test_the_example_file_has_every_setting_with_its_default() -> None:
    text = (ROOT / "config.env.example").read_text(encoding="utf-8")
    for item in fields(Settings):
        assert f"\n#{variable(item.name)}={shown_default(item)}\n" in text, item.name
    named = {line[1:].split("=")[0] for line in text.splitlines() if line.startswith("#ARCHIVEWORKER_")}
    assert named == {variable(item.name) for item in fields(Settings)}


def test_the_reference_page_has_every_setting_with_its_default() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for item in fields(Settings):
        default = f"`{shown_default(item)}`" if shown_default(item) else ""
        assert f"| `{variable(item.name)}` | {default} | {documentation(item)} |" in text, item.name


SECRETS = [item for item in fields(Settings) if "Secret" in str(item.type)]


@pytest.mark.parametrize("item", SECRETS, ids=[item.name for item in SECRETS])
def test_every_secret_can_stand_in_a_file(item: "Field[object]", tmp_path: Path) -> None:
    value = "a-secret-of-more-than-32-characters-000"
    if item.name == "proxy":
        value = f"http://user:{value}@proxy.example.org:3128"
    (tmp_path / "secret").write_text(f"{value}\n")
    settings, _ = Settings.from_env({f"{variable(item.name)}_FILE": str(tmp_path / "secret")})
    found = getattr(settings, item.name)
    (secret,) = found if isinstance(found, tuple) else (found,)
    assert secret.reveal() == value
    assert value not in repr(settings)
