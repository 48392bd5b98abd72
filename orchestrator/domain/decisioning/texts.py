"""Texts of actions: parsed once, filled from approved facts and the offer only.

A placeholder is `$name` or `${name}` with a name of `PLACEHOLDERS`; `$$` is a dollar sign. Nothing
else is looked at, so a text can neither read attributes nor run code.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from orchestrator.domain.decisioning.situation import FactValue

Piece = str | tuple[str]
"""Literal text, or the name of a placeholder in a tuple."""
_TOKEN: Final = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})|\$")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f<>]+")
TEXT_MAX: Final = 80
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£"}
_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


def money(cents: Any, language: str, currency: str) -> str:
    r"""An amount as people write it.

    >>> money(123456, "en", "EUR"), money(590, "de", "EUR"), money(500, "en", "SEK")
    ('€1,234.56', '5,90\xa0€', 'SEK\xa05.00')
    """
    text = f"{int(cents) // 100:,}.{int(cents) % 100:02d}"
    symbol = _SYMBOLS.get(currency, currency)
    if language == "de":
        return text.translate(str.maketrans(",.", ".,")) + "\xa0" + symbol
    return symbol + ("" if currency in _SYMBOLS else "\xa0") + text


def percent(share: Any, language: str, currency: str) -> str:
    r"""A share as a whole percentage.

    >>> percent(0.1, "en", ""), percent(0.1, "de", "")
    ('10%', '10\xa0%')
    """
    return f"{round(float(share) * 100)}{chr(160) if language == 'de' else ''}%"


def day(iso: Any, language: str, currency: str) -> str:
    """A date as people write it; text that is no date stays as it is.

    >>> day("2026-11-24", "en", ""), day("2026-11-24", "de", "")
    ('24 November', '24. November')
    """
    try:
        found = date.fromisoformat(str(iso)[:10])
    except ValueError:
        return plain(iso, language, currency)
    month = _MONTHS[language].split()[found.month - 1]
    return f"{found.day}{'.' if language == 'de' else ''} {month}"


def number(value: Any, language: str, currency: str) -> str:
    """A number with one decimal at most.

    >>> number(4.52, "de", ""), number(12345, "en", "")
    ('4,5', '12,345')
    """
    text = f"{value:,}" if float(value).is_integer() else f"{value:,.1f}"
    text = text.removesuffix(".0")
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


def plain(value: Any, language: str, currency: str) -> str:
    """Text from a catalogue: one line, no markup, not long."""
    text = _CONTROL.sub(" ", str(value)).strip()
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1].rstrip() + "…"


class Placeholder(NamedTuple):
    """Where a placeholder's value comes from and how it is written."""

    fact: str | None
    """A fact, or None where it comes from the offer."""
    write: Callable[[Any, str, str], str]
    """Of value, language and currency."""
    needs: tuple[str, ...]
    """Facts that must be known for a text to name it."""
    description: str


def _fact(fact: str, write: Callable[[Any, str, str], str], description: str) -> Placeholder:
    needs = (fact, "currency") if write is money else (fact,)
    return Placeholder(fact, write, needs, description)


PLACEHOLDERS: Final[Mapping[str, Placeholder]] = {
    "offer_amount": Placeholder(None, money, ("currency",), "amount of the offer"),
    "offer_share": Placeholder(None, percent, (), "discount as a percentage"),
    "offer_minutes": Placeholder(None, number, (), "minutes the offer holds"),
    "offer_hours": Placeholder(None, number, (), "hours the offer holds"),
    "cart_value": _fact("cart_value_cents", money, "value of the cart"),
    "shipping_cost": _fact("shipping_cost_cents", money, "shipping cost of the cart"),
    "product_name": _fact("product_name", plain, "product looked at last"),
    "product_purchases": _fact("product_purchases_count", number, "how often it was bought lately"),
    "product_stars": _fact("product_stars", number, "its mean review"),
    "bundle_product_name": _fact("bundle_product_name", plain, "product that goes with the cart"),
    "delivery_date": _fact("delivery_date", day, "date of delivery"),
    "order_cutoff": _fact("order_cutoff", plain, "local time to order by"),
    "returns_days": _fact("returns_days", number, "days to send goods back"),
}
"""Names that a text may use."""


class Template:
    """One text, parsed.

    Raises:
        ValueError: It names something that is no placeholder.
    """

    __slots__ = ("names", "pieces")

    def __init__(self, text: str) -> None:
        self.pieces = tuple(_pieces(text))
        self.names = tuple(piece[0] for piece in self.pieces if isinstance(piece, tuple))
        """Placeholders in it."""

    def fill(self, written: Mapping[str, str]) -> str:
        """The text with every placeholder replaced."""
        return "".join(
            piece if isinstance(piece, str) else written[piece[0]] for piece in self.pieces
        )


def _pieces(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            pieces.append(text[at : match.start()])
        at = match.end()
        name = match[2] or match[3]
        if match[1]:
            pieces.append("$")
        elif name in PLACEHOLDERS:
            pieces.append((name,))
        else:
            raise ValueError(
                f"{match[0]!r} is no placeholder; known: {', '.join(PLACEHOLDERS)};"
                " a dollar sign is `$$`"
            )
    if at < len(text):
        pieces.append(text[at:])
    return pieces


def language_of(locale: str | None, languages: Mapping[str, object]) -> tuple[str, str]:
    """The language to write in, and the locale that is then told.

    >>> language_of("de_AT", {"en": 1, "de": 1}), language_of("fr-FR", {"en": 1})
    (('de', 'de-AT'), ('en', 'en'))
    """
    tag = (locale or "en").replace("_", "-")
    language = tag.partition("-")[0].lower()
    return (language, tag) if language in languages else ("en", "en")


class Rendered:
    """The texts of one treatment in one language."""

    __slots__ = ("body", "cta", "headline", "names", "needs")

    def __init__(self, headline: str | None, body: str, cta: str | None) -> None:
        self.headline = Template(headline) if headline else None
        self.body = Template(body)
        self.cta = Template(cta) if cta else None
        parts = (self.headline, self.body, self.cta)
        self.names = tuple(dict.fromkeys(name for part in parts if part for name in part.names))
        """Placeholders in it."""
        self.needs = frozenset(fact for name in self.names for fact in PLACEHOLDERS[name].needs)
        """Facts that must be known."""

    def content(
        self,
        language: str,
        locale: str,
        facts: Mapping[str, FactValue],
        offered: Mapping[str, float],
    ) -> dict[str, Any]:
        """`content` of a command.

        Args:
            language: Language these texts are in.
            locale: Locale to tell the channel.
            facts: Facts of the situation.
            offered: Values of the offer by placeholder.
        """
        currency = str(facts.get("currency") or "")
        written: dict[str, str] = {}
        used: list[str] = []
        for name in self.names:
            placeholder = PLACEHOLDERS[name]
            if placeholder.fact is None:
                value: Any = offered[name]
            else:
                value = facts[placeholder.fact]
                used.append(placeholder.fact)
            written[name] = placeholder.write(value, language, currency)
        return {
            "headline": self.headline.fill(written) if self.headline else None,
            "body": self.body.fill(written),
            "cta": self.cta.fill(written) if self.cta else None,
            "locale": locale,
            "facts": used,
        }
