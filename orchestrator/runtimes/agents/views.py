"""Web views: what has been published of a product, and what is on the rise."""

from collections.abc import Awaitable, Callable
from heapq import nlargest
from typing import Any

import faust
import orjson
from faust.web import Request, Response, Web

TRENDING_DEFAULT = 20
TRENDING_MOST = 200
_JSON = "application/json"


class Directory:
    """`merchandising.products` as it stands, of all members."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._trends: dict[str, float] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """A record of the topic came round."""
        product_id = key.decode()
        if value is None:
            self._values.pop(product_id, None)
            self._trends.pop(product_id, None)
            return
        self._values[product_id] = value
        self._trends[product_id] = orjson.loads(value)["trend"]

    def product(self, product_id: str) -> bytes | None:
        """The latest value of a product, as published."""
        return self._values.get(product_id)

    def trending(self, limit: int) -> bytes:
        """The steepest products as a JSON list, ties by id."""
        best = nlargest(limit, self._trends.items(), key=lambda item: (item[1], item[0]))
        return b"[" + b",".join(self._values[product_id] for product_id, _ in best) + b"]"


def limit_of(text: str) -> int | None:
    """The `limit` of a request; None where it is no number of products."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(TRENDING_MOST)):
        return None
    limit = int(text)
    return limit if 1 <= limit <= TRENDING_MOST else None


def add_views(
    app: faust.App, directory: Directory, hindrance: Callable[[], Awaitable[str | None]]
) -> None:
    """Serve `/products/{id}`, `/trending`, `/livez` and `/readyz`.

    Args:
        app: The Faust app; its web server is on.
        directory: What has been published.
        hindrance: Why records cannot be taken now; None: they can.
    """

    @app.page("/products/{product_id}", name="product")  # type: ignore[arg-type]
    async def _(web: Web, request: Request, product_id: str) -> Response:
        value = directory.product(product_id)
        if value is None:
            return _answer(web, {"error": "nothing is published of this product"}, 404)
        return web.bytes(value, content_type=_JSON)

    @app.page("/trending", name="trending")  # type: ignore[arg-type]
    async def _(web: Web, request: Request) -> Response:
        limit = limit_of(request.query.get("limit", str(TRENDING_DEFAULT)))
        if limit is None:
            return _answer(web, {"error": f"limit is a number from 1 to {TRENDING_MOST}"}, 400)
        return web.bytes(directory.trending(limit), content_type=_JSON)

    @app.page("/livez", name="livez")  # type: ignore[arg-type]
    async def _(web: Web, request: Request) -> Response:
        return _answer(web, {"status": "alive"}, 200)

    @app.page("/readyz", name="readyz")  # type: ignore[arg-type]
    async def _(web: Web, request: Request) -> Response:
        why = await hindrance()
        if why is None:
            return _answer(web, {"status": "ready"}, 200)
        return _answer(web, {"status": why}, 503)


def _answer(web: Web, value: Any, status: int) -> Response:
    return web.bytes(orjson.dumps(value), content_type=_JSON, status=status)
