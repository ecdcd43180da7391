"""The demo LMS as an application; doors: ``rest``, ``pluginfile``, ``upload``, ``edx_api``, ``assets``, ``control``."""

import structlog
from aiohttp import web

from archiveworker.demo import assets, control, edx_api, middleware, pluginfile, rest, upload
from archiveworker.demo.state import STATE, LmsState

_log = structlog.get_logger()
_MAX_FORM_BYTES = 16 << 20


def make_app(state: LmsState, edx: edx_api.Edx | None = None) -> web.Application:
    """Return the application; ``state.base_url`` must be set before the first request.

    Args:
        state: of the Moodle.
        edx: the Open edX under the same origin; None makes one.
    """
    app = web.Application(middlewares=[middleware.journal, middleware.ordered_faults], client_max_size=_MAX_FORM_BYTES)
    app[STATE] = state
    app.router.add_route("*", "/webservice/rest/server.php", rest.server)
    app.router.add_route("*", "/webservice/upload.php", upload.upload)
    app.router.add_get("/webservice/pluginfile.php/{path:.+}", pluginfile.webservice_pluginfile)
    app.router.add_get("/pluginfile.php/{path:.+}", pluginfile.pluginfile)
    app.router.add_post("/lib/ajax/service.php", rest.ajax)
    app.router.add_get("/lib/ajax/service-nologin.php", rest.ajax_nologin)
    edx_api.add_routes(app, edx or edx_api.Edx())
    assets.add_routes(app)
    control.add_routes(app)
    for sentence in assets.warnings():
        _log.warning("demo_asset_missing", problem=sentence)
    return app
