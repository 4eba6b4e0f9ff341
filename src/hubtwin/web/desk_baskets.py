"""The part of the desk about applications for the library and what is shared; see `desk.py`."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import baskets as b


class BasketsDesk(Protocol):
    """Baskets, shares and templates. Each method asks whose dataset and whose application it is, and raises Denied.

    All raise Absent for what is not there; who sees none of it is told the same.
    """

    def check(self, who: Person, asked: b.ApplyIn) -> b.CheckReply:
        """Return what every lane would say; nothing is stored. Raises Malformed."""
        ...

    def apply(self, who: Person, asked: b.ApplyIn) -> b.BasketView:
        """Send an application in; what needs nobody is active in the answer. Raises Malformed."""
        ...

    def baskets(self, who: Person, which: b.Which, before: str | None, limit: int) -> b.BasketsReply:
        """Return applications that concern a person: of the own agency, about its datasets, or all to who watches."""
        ...

    def basket(self, who: Person, basket_id: str) -> b.BasketView:
        """Return an application."""
        ...

    def authorise(self, who: Person, basket_id: str) -> b.BasketView:
        """Turn the data authority's one key."""
        ...

    def agree(self, who: Person, basket_id: str, asked: b.AgreeIn) -> b.BasketView:
        """Agree as the second person."""
        ...

    def decide(self, who: Person, basket_id: str, asked: b.DecideIn) -> b.BasketView:
        """Decide items as their owner. Raises Malformed."""
        ...

    def withdraw(self, who: Person, basket_id: str) -> b.BasketView:
        """Take back what still waits of the own application."""
        ...

    def shares(self, who: Person, dataset: str | None, *, live: bool) -> b.SharesReply:
        """Return shares that concern a person."""
        ...

    def revoke(self, who: Person, share_id: str) -> b.ShareView:
        """End a share."""
        ...

    def resume(self, who: Person, share_id: str) -> b.ShareView:
        """Let a suspended share go on, after it was probed anew."""
        ...

    def renew(self, who: Person, share_id: str, asked: b.RenewIn) -> b.BasketView:
        """Apply for what a share gives once more."""
        ...

    def review(self, who: Person, share_id: str, asked: b.ReviewIn) -> b.ShareView:
        """Review an emergency access of somebody else. Raises Malformed."""
        ...

    def templates(self, who: Person, dataset: str | None) -> b.TemplatesReply:
        """Return templates: in full to who signs them or watches over all, to others what they may have under them."""
        ...

    def sign(self, who: Person, asked: b.TemplateIn) -> b.TemplateView:
        """Sign beforehand what may go of an own dataset. Raises Malformed."""
        ...

    def withdraw_template(self, who: Person, template_id: str) -> b.TemplateView:
        """Withdraw a template."""
        ...

    def times(self, who: Person, days: int) -> b.TimesReply:
        """Return how long it takes from application to active."""
        ...

    def agencies(self, who: Person) -> b.AgenciesReply:
        """Return what each agency gave, was given and used."""
        ...

    def take_emergency(self, who: Person, asked: b.EmergencyIn) -> b.BasketView:
        """Take what an emergency needs without anybody's word. Raises Malformed."""
        ...
