"""The web page: static files of this package that load nothing from other hosts."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

_FOLDER = Path(__file__).parent / "static"
_FILES = {"app.js": "text/javascript", "draw.js": "text/javascript", "style.css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def page() -> Response:
    """Return the page."""
    return FileResponse(_FOLDER / "index.html", media_type="text/html", headers=_HEADERS)


@router.get("/static/{name}")
def file(name: str) -> Response:
    """Return a file that the page needs."""
    if name not in _FILES:
        raise HTTPException(404, "there is no such file")
    return FileResponse(_FOLDER / name, media_type=_FILES[name], headers=_HEADERS)
