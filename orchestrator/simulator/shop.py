"""The shop floor: sessions from the first page to the last, and who comes back to a cart."""

from collections.abc import Mapping

from orchestrator.simulator.clicks import path_of
from orchestrator.simulator.draws import BLOCK
from orchestrator.simulator.latent import Latent, Setting
from orchestrator.simulator.order_system import OrderSystem
from orchestrator.simulator.pages import CONTACT, THANKS
from orchestrator.simulator.people import History, profile_record
from orchestrator.simulator.plan import Order, Outcome, Plan
from orchestrator.simulator.reactions import Received
from orchestrator.simulator.session import Absent, Live
from orchestrator.simulator.tally import Tally
from orchestrator.simulator.timeline import Emission, Timeline
from orchestrator.types import Payload

CLICKSTREAM = "clickstream"
LATENESS_MS = 30_000
"""Longest lag of an event that comes out of order, or comes twice."""
REACHABLE_MS = 48 * 3_600_000
"""After this long nobody comes back to a cart because of a reminder."""
_FAULTS = 7_000
_CRM_LAG_MS = 15 * 60_000
_REFERRERS = ("https://search.example/", "https://news.example/letter", None, None)
_ONLY = 10
"""Place of the draw that settles whether the clickstream ever tells of an order."""


class Shop:
    """Everybody who is in the shop, or has just left it.

    Args:
        timeline: What lies ahead.
        setting: What all sessions share.
        tally: Where ends are counted.
        histories: What happened to persons, by number.
    """

    def __init__(
        self, timeline: Timeline, setting: Setting, tally: Tally, histories: dict[int, History]
    ) -> None:
        self._timeline = timeline
        self._setting = setting
        self._tally = tally
        self._histories = histories
        self._orders = OrderSystem(timeline, setting.dials)
        self._live: dict[str, Live] = {}
        self._live_of: dict[str, str] = {}
        self._absent: dict[str, Absent] = {}
        self._absent_of: dict[str, str] = {}
        dials = setting.dials
        self._is_clean = not (dials.duplicates_share or dials.out_of_order_share)

    # -- who is there

    def live(self, session_id: str | None, profile_id: str) -> Live | None:
        """The session in progress that a command means; without its id, the profile's latest."""
        return self._live.get(_meant(session_id, profile_id, self._live_of))

    def absent(self, session_id: str | None, profile_id: str) -> Absent | None:
        """Who left a cart in that session; without its id, in the profile's latest."""
        return self._absent.get(_meant(session_id, profile_id, self._absent_of))

    def sizes(self) -> Mapping[str, int]:
        """How much is kept: what is in progress, nothing of the past."""
        return {"live": len(self._live), "absent": len(self._absent)}

    # -- coming and going

    def enter(self, plan: Plan) -> None:
        """Somebody comes in."""
        live = Live(plan)
        latent = live.latent
        self._live[latent.session_id] = live
        self._live_of[latent.profile_id] = latent.session_id
        self._tally.live_peak = max(self._tally.live_peak, len(self._live))
        self._open(live)

    def react(self, live: Live, received: Received) -> None:
        """An action starts to work on somebody who is there."""
        live.receive(received)

    def remind(self, absent: Absent, action: str, shown_ms: int) -> bool:
        """A reminder is read; whether it brings the shopper back."""
        if absent.is_reminded:
            return False
        absent.is_reminded = True
        plan = absent.plan
        before_ms = plan.returning_ms()
        after_ms = plan.returning_ms(action, shown_ms - absent.left_ms)
        self._tally.reminded(action, _return(absent, after_ms), _return(absent, before_ms))
        if after_ms != before_ms:
            absent.return_ms = None if after_ms is None else absent.left_ms + after_ms
            if absent.return_ms is not None:
                self._timeline.plan(absent.return_ms, self._come_back, absent)
        return after_ms is not None and after_ms != before_ms

    def _leave(self, live: Live) -> None:
        latent = live.latent
        live.is_gone = True
        del self._live[latent.session_id]
        if self._live_of.get(latent.profile_id) == latent.session_id:
            del self._live_of[latent.profile_id]
        self._tally.close(live)
        course = live.course
        if course.bought or not course.cart or latent.parent_id is not None:
            return
        plan = Plan(latent)  # without the courses worked out so far: many wait, few come back
        back_ms = plan.returning_ms()
        if back_ms is None and not self._is_reachable(latent):
            return
        return_ms = None if back_ms is None else course.end_ms + back_ms
        absent = Absent(plan, course.cart, course.end_ms, return_ms)
        self._absent[latent.session_id] = absent
        self._absent_of[latent.profile_id] = latent.session_id
        if return_ms is not None:
            self._timeline.plan(return_ms, self._come_back, absent)
        self._timeline.plan(course.end_ms + REACHABLE_MS, self._forget, absent)

    def _is_reachable(self, latent: Latent) -> bool:
        return latent.allows("email") or latent.allows("push")

    def _come_back(self, time_ms: int, absent: Absent) -> None:
        if absent.return_ms == time_ms and self._drop(absent):
            self.enter(absent.plan.back(time_ms, absent.cart))

    def _forget(self, time_ms: int, absent: Absent) -> None:
        if absent.return_ms is None:
            self._drop(absent)

    def _drop(self, absent: Absent) -> bool:
        latent = absent.plan.latent
        if self._absent.pop(latent.session_id, None) is None:
            return False
        if self._absent_of.get(latent.profile_id) == latent.session_id:
            del self._absent_of[latent.profile_id]
        return True

    # -- page by page

    def _open(self, live: Live) -> None:
        visit = live.visit
        latent = live.latent
        before = live.course.visits[live.at - 1] if live.at else None
        if visit.kind == CONTACT and live.customer_id is None and latent.known:
            self._identify(live, visit.start_ms)
        is_told = True
        if visit.kind == THANKS:
            is_told = self._buy(live, visit.start_ms)
        page: Payload = {"path": path_of(latent, visit)}
        if before is None:
            page["referrer"] = _REFERRERS[latent.number % len(_REFERRERS)]
        live.context = {"page": page, "device": latent.device, "locale": latent.who.locale}
        live.clicks = live.frontend.events(visit, before, live.order) if is_told else []
        live.cursor = 0
        if live.clicks:
            self._timeline.plan(live.clicks[0][0], self._click, live)
        else:
            self._timeline.plan(visit.end_ms, self._turn, live)

    def _turn(self, time_ms: int, live: Live) -> None:
        """A visit is over: on to the next page, or out."""
        if live.at + 1 < len(live.course.visits):
            live.at += 1
            self._open(live)
        else:
            self._leave(live)

    def _click(self, time_ms: int, live: Live) -> Emission | None:
        event_ms, kind, properties = live.clicks[live.cursor]
        latent = live.latent
        number = live.sent
        live.sent = number + 1
        live.cursor += 1
        self._tally.events += 1
        if live.cursor < len(live.clicks):
            self._timeline.plan(live.clicks[live.cursor][0], self._click, live)
        else:
            self._timeline.plan(live.visit.end_ms, self._turn, live)
        value = {
            "id": f"{latent.session_id}-{number}",
            "type": kind,
            "time_ms": event_ms,
            "profile_id": latent.profile_id,
            "session_id": latent.session_id,
            "customer_id": live.customer_id,
            "context": live.context,
            "properties": properties,
        }
        if self._is_clean:
            return Emission(time_ms, CLICKSTREAM, latent.profile_id, value)
        return self._carried(live, number, time_ms, value)

    def _carried(self, live: Live, number: int, time_ms: int, value: Payload) -> Emission | None:
        """On the way to the log an event may be held up, or doubled."""
        place = number % BLOCK
        if place == 0:
            live.faults = live.latent.course.block(_FAULTS + number // BLOCK)
        fault = live.faults[place]
        dials = self._setting.dials
        key = live.latent.profile_id
        if fault < dials.out_of_order_share:
            lag_ms = 1 + int(LATENESS_MS * fault / dials.out_of_order_share)
            self._timeline.emit(time_ms + lag_ms, CLICKSTREAM, key, value)
            return None
        rest = 1.0 - fault
        if rest <= dials.duplicates_share:
            lag_ms = int(LATENESS_MS * rest / dials.duplicates_share)
            self._timeline.emit(time_ms + lag_ms, CLICKSTREAM, key, value)
        return Emission(time_ms, CLICKSTREAM, key, value)

    # -- what other systems learn of it

    def _identify(self, live: Live, time_ms: int) -> None:
        latent = live.latent
        live.customer_id = latent.who.customer_id
        value = {
            "id": f"{latent.session_id}-identified",
            "type": "identified",
            "time_ms": time_ms,
            "profile_id": latent.profile_id,
            "customer_id": latent.who.customer_id,
            "also_known_as": [latent.who.profile_id],
        }
        self._timeline.emit(time_ms, "identities", latent.profile_id, value)

    def _buy(self, live: Live, time_ms: int) -> bool:
        """Place the order; whether the clickstream will tell of it."""
        latent = live.latent
        order = live.order = live.plan.order(live.course)
        if order is None:
            return True
        luck = live.plan.order_luck()
        self._orders.take(latent, order, time_ms, luck)
        self._remember(latent, order, time_ms)
        return luck[_ONLY] >= self._setting.dials.orders_only_share

    def _remember(self, latent: Latent, order: Order, time_ms: int) -> None:
        who = latent.who
        history = self._histories.setdefault(who.number, History())
        history.bought(who, order.total_cents, with_coupon=order.offer is not None)
        if who.customer_id is not None:
            told_ms = time_ms + int(_CRM_LAG_MS * self._setting.dials.delay)
            value = profile_record(who, history, told_ms)
            self._timeline.emit(told_ms, "profiles", who.profile_id, value)


def _meant(session_id: str | None, profile_id: str, latest: Mapping[str, str]) -> str:
    if session_id is None or session_id == profile_id:
        return latest.get(profile_id, "")
    # A worker that closed a session and saw it go on calls the rest `<id>~2`.
    return session_id.partition("~")[0]


def _return(absent: Absent, after_ms: int | None) -> Outcome:
    """What comes of a return to the cart so long after leaving it."""
    if after_ms is None:
        return Outcome(
            purchased=False, carted=True, stage="cart", revenue_cents=0, profit_cents=0, end_ms=0
        )
    return absent.plan.back(absent.left_ms + after_ms, absent.cart).result(())
