"""The shop's products: what they cost, what goes with what, how often they come back."""

from collections.abc import Sequence
from itertools import accumulate
from math import exp
from typing import NamedTuple

from orchestrator.simulator.draws import Draws, normal, pick
from orchestrator.types import Payload

CURRENCY = "EUR"
PRODUCTS = 200
FREE_SHIPPING_CENTS = 9_000
"""Carts from here on ship for nothing."""


class Category(NamedTuple):
    """One part of the range."""

    name: str
    median_cents: int
    cost_share: float
    """Unit cost as a share of the price."""
    returns_share: float
    nouns: tuple[str, ...]


CATEGORIES = (
    Category("shoes", 7_500, 0.52, 0.24, ("Runner", "Boot", "Loafer", "Sneaker", "Sandal")),
    Category("dresses", 6_500, 0.45, 0.32, ("Midi Dress", "Shirt Dress", "Gown", "Slip Dress")),
    Category("outdoor", 9_500, 0.55, 0.14, ("Tent", "Backpack", "Shell Jacket", "Sleeping Bag")),
    Category("kitchen", 4_200, 0.5, 0.06, ("Pan", "Knife", "Kettle", "Grinder", "Casserole")),
    Category("electronics", 14_000, 0.7, 0.1, ("Headphones", "Speaker", "Lamp", "Charger")),
    Category("beauty", 2_600, 0.4, 0.03, ("Serum", "Cleanser", "Balm", "Perfume", "Brush")),
    Category("toys", 2_900, 0.5, 0.05, ("Puzzle", "Blocks", "Kite", "Card Game", "Robot")),
    Category("home", 5_200, 0.48, 0.12, ("Blanket", "Vase", "Rug", "Cushion", "Mirror")),
)
_COLOURS = ("Slate", "Amber", "Moss", "Ivory", "Coral", "Indigo", "Sand", "Plum")
_LOCATIONS = ("berlin", "lyon", "leeds")
_COMPLEMENTS = 3


class Product(NamedTuple):
    """One product, truth included."""

    product_id: str
    title: str
    category: int
    price_cents: int
    unit_cost_cents: int
    returns_share: float
    popularity: float
    complements: tuple[int, ...]
    """Products that go with it, by position in the catalogue; best first."""


class Catalogue:
    """All products of a world.

    Args:
        seed: The world's.
    """

    def __init__(self, seed: int) -> None:
        self.products = tuple(_product(seed, number) for number in range(PRODUCTS))
        self._members: list[list[int]] = [[] for _ in CATEGORIES]
        for number, product in enumerate(self.products):
            self._members[product.category].append(number)
        self._odds = [
            list(accumulate(self.products[number].popularity for number in members))
            for members in self._members
        ]

    def choose(self, category: float, product: float, taste: Sequence[float]) -> int:
        """A product that somebody of this taste comes upon.

        Args:
            category: A uniform number.
            product: Another one.
            taste: Running sum of the weights of the categories.
        """
        group = pick(category, taste)
        return self._members[group][pick(product, self._odds[group])]

    def complement(self, number: int, uniform: float) -> int:
        """A product that goes with another."""
        complements = self.products[number].complements
        return complements[int(uniform * uniform * len(complements))]

    def records(self, seed: int, time_ms: int) -> list[tuple[str, str, Payload]]:
        """Topic, key and value of every `catalog` and `inventory` record."""
        found: list[tuple[str, str, Payload]] = []
        for number, product in enumerate(self.products):
            uniforms = Draws(seed, "stock", number).block(0)
            found.append(("catalog", product.product_id, _described(product, uniforms, time_ms)))
            found.append(("inventory", product.product_id, _counted(product, uniforms, time_ms)))
        return found


def _product(seed: int, number: int) -> Product:
    uniforms = Draws(seed, "product", number).block(0)
    group = number % len(CATEGORIES)
    category = CATEGORIES[group]
    price = category.median_cents * exp(0.5 * normal(uniforms[0]))
    price_cents = max(490, round(price / 100) * 100 - 10)
    cost_share = category.cost_share * (0.85 + 0.3 * uniforms[1])
    noun = category.nouns[int(uniforms[2] * len(category.nouns))]
    # Neighbouring categories go together (shoes and dresses, kitchen and home): a product's
    # complements are drawn from its own group and the next one.
    complements = tuple(
        (int(uniforms[4 + place] * (PRODUCTS // len(CATEGORIES))) * len(CATEGORIES) + group + place)
        % PRODUCTS
        for place in range(1, _COMPLEMENTS + 1)
    )
    return Product(
        product_id=f"p-{number + 1:03d}",
        title=f"{_COLOURS[int(uniforms[3] * len(_COLOURS))]} {noun}",
        category=group,
        price_cents=price_cents,
        unit_cost_cents=round(price_cents * cost_share),
        returns_share=min(0.6, category.returns_share * (0.5 + uniforms[8])),
        popularity=1.0 / (1.0 + number // len(CATEGORIES)) ** 0.8,
        complements=complements,
    )


def _described(product: Product, uniforms: list[float], time_ms: int) -> Payload:
    return {
        "id": f"catalog-{product.product_id}",
        "type": "product_described",
        "time_ms": time_ms,
        "product_id": product.product_id,
        "title": product.title,
        "category": CATEGORIES[product.category].name,
        "price_cents": product.price_cents,
        "unit_cost_cents": product.unit_cost_cents,
        "currency": CURRENCY,
        "attributes": {"colour": product.title.partition(" ")[0].lower()},
        "facts": {"returns_days": 30.0, "stars": round(3.4 + 1.5 * uniforms[0], 1)},
        "image_features": {
            "brightness": round(uniforms[1], 3),
            "contrast": round(uniforms[2], 3),
            "saturation": round(uniforms[3], 3),
            "whitespace": round(uniforms[4], 3),
        },
        "returns_share": round(product.returns_share, 3),
    }


def _counted(product: Product, uniforms: list[float], time_ms: int) -> Payload:
    stock = {
        place: int(400 * product.popularity * uniforms[5 + index]) + 1
        for index, place in enumerate(_LOCATIONS)
    }
    return {
        "id": f"stock-{product.product_id}",
        "type": "stock_counted",
        "time_ms": time_ms,
        "product_id": product.product_id,
        "stock": stock,
        "days_of_cover": round(5.0 + 60.0 * uniforms[9], 1),
    }
