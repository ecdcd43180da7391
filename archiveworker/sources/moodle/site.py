"""Where a job's Moodle is, and which addresses may be asked with its token."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from archiveworker.domain.ids import LmsOrigin

WS_PATH: Final = "/webservice/rest/server.php"
UPLOAD_PATH: Final = "/webservice/upload.php"
FILE_PATH: Final = "/webservice/pluginfile.php"


@dataclass(frozen=True, slots=True)
class MoodleSite:
    """The addresses of one Moodle, as seen from the worker.

    Attributes:
        base_url: wwwroot, or the plugin's internal_wwwroot; without a slash at the end.
        ws_url: of the REST server.
        upload_url: of the upload script.
    """

    base_url: str
    ws_url: str
    upload_url: str

    @property
    def origin(self) -> LmsOrigin:
        """Of all three addresses."""
        return LmsOrigin.of(self.base_url)

    @classmethod
    def checked(cls, base_url: str, ws_url: str, upload_url: str) -> Self:
        """Return the site if its addresses belong together.

        Raises:
            ValueError: half a sentence that begins with the name of the wrong address: base, ws or upload.
        """
        base_url = base_url.rstrip("/")
        origin = _origin("base", base_url, "")
        for name, url, path in (("ws", ws_url, WS_PATH), ("upload", upload_url, UPLOAD_PATH)):
            if _origin(name, url, path) != origin:
                raise ValueError(f"{name}: must be on the same host as the base address, {origin}")
        return cls(base_url, ws_url, upload_url)

    def own_file_url(self, url: str, public_base_urls: tuple[str, ...]) -> str:
        """Return the address under which this Moodle itself serves the file ``url``.

        A file may carry the site's public address although the worker uses an internal one; if that is listed it is
        replaced, so that the token only ever goes to the address that the job came with.

        Raises:
            ValueError: half a sentence: why the token must not go there.
        """
        origin = LmsOrigin.of(url)
        path = _path_and_query(url)
        if origin != self.origin:
            path = self._public_rest(origin, path, public_base_urls)
            url = self.base_url + path
        script = unquote(path.partition("?")[0])
        if FILE_PATH not in script or ".." in script.split("/"):
            raise ValueError(f"must be a file of Moodle, with {FILE_PATH} in its path")
        return url

    def _public_rest(self, origin: LmsOrigin, path: str, public_base_urls: tuple[str, ...]) -> str:
        for public in public_base_urls:
            prefix = urlsplit(public).path.rstrip("/")
            if LmsOrigin.of(public) == origin and path.startswith(prefix + "/"):
                return path.removeprefix(prefix)
        raise ValueError(
            f"is on {origin} and not on the job's own Moodle, {self.origin}; if both are the same site, add the public "
            "address to ARCHIVEWORKER_PUBLIC_ORIGINS"
        )


def _origin(name: str, url: str, path: str) -> LmsOrigin:
    try:
        origin = LmsOrigin.of(url)
        parts = urlsplit(url)
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc
    if parts.query or parts.fragment:
        raise ValueError(f"{name}: must have no query and no fragment")
    if not parts.path.endswith(path):
        raise ValueError(f"{name}: must end with {path}")
    return origin


def _path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
