"""Topic `clickstream`: what shoppers do, commerce events and micro-signals.

Names follow Segment's E-commerce V2 in snake_case; GA4's are read as aliases (`aliases.py`).
"""

from typing import Annotated, Literal

from orchestrator.messages.base import (
    NULL_IS_EMPTY,
    Id,
    Locale,
    LongText,
    Message,
    Name,
    OptionalId,
    Part,
    Text,
)
from orchestrator.messages.clickstream_properties import (
    CartChangeProperties,
    CartProperties,
    CopyProperties,
    CouponProperties,
    CursorProperties,
    ElementProperties,
    FieldProperties,
    ImageProperties,
    ListProperties,
    NoProperties,
    OrderProperties,
    PageProperties,
    PaymentFailedProperties,
    PaymentInfoProperties,
    PaymentMethodProperties,
    ProductProperties,
    RageProperties,
    ReviewProperties,
    ScrollProperties,
    SearchProperties,
    SectionProperties,
    ShippingOptionProperties,
    StepProperties,
)


class Page(Part):
    """The page an event happened on."""

    path: LongText | None = None
    referrer: LongText | None = None
    url: LongText | None = None
    title: Text | None = None


class Context(Part):
    """Where an event happened."""

    page: Annotated[Page, NULL_IS_EMPTY] = Page()
    device: Text | None = None
    """mobile, tablet, desktop; open."""
    locale: Locale | None = None


class Click(Message):
    """What every event of the clickstream carries. Key: `profile_id`."""

    profile_id: Id
    session_id: OptionalId = None
    """The frontend's session; without it the profile's events form one."""
    customer_id: OptionalId = None
    """The known customer, once logged in."""
    context: Annotated[Context, NULL_IS_EMPTY] = Context()


class PageViewed(Click):
    """A page was opened."""

    type: Literal["page_viewed"]
    properties: Annotated[PageProperties, NULL_IS_EMPTY] = PageProperties()


class ProductsSearched(Click):
    """The shop was searched."""

    type: Literal["products_searched"]
    properties: Annotated[SearchProperties, NULL_IS_EMPTY] = SearchProperties()


class ProductListViewed(Click):
    """A list of products was seen."""

    type: Literal["product_list_viewed"]
    properties: Annotated[ListProperties, NULL_IS_EMPTY] = ListProperties()


class ProductViewed(Click):
    """A product's page was opened."""

    type: Literal["product_viewed"]
    properties: ProductProperties


class ProductAdded(Click):
    """A product was put into the cart."""

    type: Literal["product_added"]
    properties: CartChangeProperties


class ProductRemoved(Click):
    """A product was taken out of the cart."""

    type: Literal["product_removed"]
    properties: CartChangeProperties


class CartViewed(Click):
    """The cart was looked at."""

    type: Literal["cart_viewed"]
    properties: Annotated[CartProperties, NULL_IS_EMPTY] = CartProperties()


class CheckoutStarted(Click):
    """The checkout began."""

    type: Literal["checkout_started"]
    properties: Annotated[CartProperties, NULL_IS_EMPTY] = CartProperties()


class CheckoutStepViewed(Click):
    """A step of the checkout was opened."""

    type: Literal["checkout_step_viewed"]
    properties: StepProperties


class CheckoutStepCompleted(Click):
    """A step of the checkout was finished."""

    type: Literal["checkout_step_completed"]
    properties: StepProperties


class ShippingOptionSelected(Click):
    """A way of shipping was chosen."""

    type: Literal["shipping_option_selected"]
    properties: Annotated[ShippingOptionProperties, NULL_IS_EMPTY] = ShippingOptionProperties()


class PaymentMethodSelected(Click):
    """A way of paying was chosen."""

    type: Literal["payment_method_selected"]
    properties: PaymentMethodProperties


class PaymentInfoEntered(Click):
    """Payment details were filled in."""

    type: Literal["payment_info_entered"]
    properties: Annotated[PaymentInfoProperties, NULL_IS_EMPTY] = PaymentInfoProperties()


class PaymentFailed(Click):
    """A payment did not go through."""

    type: Literal["payment_failed"]
    properties: Annotated[PaymentFailedProperties, NULL_IS_EMPTY] = PaymentFailedProperties()


class CouponEntered(Click):
    """A coupon was typed in."""

    type: Literal["coupon_entered"]
    properties: Annotated[CouponProperties, NULL_IS_EMPTY] = CouponProperties()


class CouponApplied(Click):
    """A coupon was taken."""

    type: Literal["coupon_applied"]
    properties: Annotated[CouponProperties, NULL_IS_EMPTY] = CouponProperties()


class CouponDenied(Click):
    """A coupon was refused."""

    type: Literal["coupon_denied"]
    properties: Annotated[CouponProperties, NULL_IS_EMPTY] = CouponProperties()


class OrderCompleted(Click):
    """An order was placed, as the shop's page tells it."""

    type: Literal["order_completed"]
    properties: OrderProperties


class OrderCancelled(Click):
    """An order was cancelled, as the shop's page tells it."""

    type: Literal["order_cancelled"]
    properties: OrderProperties


class OrderRefunded(Click):
    """An order was refunded, as the shop's page tells it."""

    type: Literal["order_refunded"]
    properties: OrderProperties


class ProductReviewed(Click):
    """A product was reviewed."""

    type: Literal["product_reviewed"]
    properties: Annotated[ReviewProperties, NULL_IS_EMPTY] = ReviewProperties()


class WishlistProductAdded(Click):
    """A product was put on a wish list."""

    type: Literal["wishlist_product_added"]
    properties: ProductProperties


class ImageUploaded(Click):
    """The shopper uploaded an image."""

    type: Literal["image_uploaded"]
    properties: Annotated[ImageProperties, NULL_IS_EMPTY] = ImageProperties()


class PageRefreshed(Click):
    """The page was loaded again."""

    type: Literal["page_refreshed"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class CursorWandered(Click):
    """The cursor wandered about."""

    type: Literal["cursor_wandered"]
    properties: Annotated[CursorProperties, NULL_IS_EMPTY] = CursorProperties()


class ExitIntended(Click):
    """The cursor went for the tab's close button or the address bar."""

    type: Literal["exit_intended"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class RageClicked(Click):
    """More than three clicks on one element within a second."""

    type: Literal["rage_clicked"]
    properties: Annotated[RageProperties, NULL_IS_EMPTY] = RageProperties()


class DeadClicked(Click):
    """A click on an element that does nothing."""

    type: Literal["dead_clicked"]
    properties: Annotated[ElementProperties, NULL_IS_EMPTY] = ElementProperties()


class SectionDwelled(Click):
    """A section stayed in view."""

    type: Literal["section_dwelled"]
    properties: SectionProperties


class FormFieldAbandoned(Click):
    """A form field was left half filled."""

    type: Literal["form_field_abandoned"]
    properties: Annotated[FieldProperties, NULL_IS_EMPTY] = FieldProperties()


class TabHidden(Click):
    """The tab went out of sight."""

    type: Literal["tab_hidden"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class TabShown(Click):
    """The tab came back."""

    type: Literal["tab_shown"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class TextCopied(Click):
    """Text was copied from the page."""

    type: Literal["text_copied"]
    properties: Annotated[CopyProperties, NULL_IS_EMPTY] = CopyProperties()


class Scrolled(Click):
    """The page was scrolled."""

    type: Literal["scrolled"]
    properties: Annotated[ScrollProperties, NULL_IS_EMPTY] = ScrollProperties()


class Heartbeat(Click):
    """The page is still open."""

    type: Literal["heartbeat"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class ClockAdvanced(Click):
    """Only tells the time: it moves its partition's clock and belongs to no session."""

    type: Literal["clock_advanced"]
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


class UnknownClick(Click):
    """An event of a type this version does not know: it counts in the session, nothing else."""

    type: Name
    properties: Annotated[NoProperties, NULL_IS_EMPTY] = NoProperties()


COMMERCE: tuple[type[Click], ...] = (
    PageViewed,
    ProductsSearched,
    ProductListViewed,
    ProductViewed,
    ProductAdded,
    ProductRemoved,
    CartViewed,
    CheckoutStarted,
    CheckoutStepViewed,
    CheckoutStepCompleted,
    ShippingOptionSelected,
    PaymentMethodSelected,
    PaymentInfoEntered,
    PaymentFailed,
    CouponEntered,
    CouponApplied,
    CouponDenied,
    OrderCompleted,
    OrderCancelled,
    OrderRefunded,
    ProductReviewed,
    WishlistProductAdded,
    ImageUploaded,
)
"""Commerce events."""
MICRO_SIGNALS: tuple[type[Click], ...] = (
    PageRefreshed,
    CursorWandered,
    ExitIntended,
    RageClicked,
    DeadClicked,
    SectionDwelled,
    FormFieldAbandoned,
    TabHidden,
    TabShown,
    TextCopied,
    Scrolled,
    Heartbeat,
)
"""Micro-signals."""
MARKERS: tuple[type[Click], ...] = (ClockAdvanced,)
"""Events that tell of the log, not of a shopper."""
