"""Which customers belong together, because one was merged into another."""

from collections.abc import Iterable


class Groups:
    """A union-find over ids. What belongs together does not depend on the order in which it was said."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    @property
    def members(self) -> Iterable[str]:
        """Everybody of whom something was said."""
        return tuple(self._parents)

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.name(one), self.name(other)))
        self._parents.setdefault(first, first)
        self._parents[second] = first

    def name(self, customer: str) -> str:
        """The smallest id of the customer's group; the own one for a customer of whom nothing was said."""
        parents = self._parents
        root = customer
        while (parent := parents.get(root, root)) != root:
            root = parent
        while customer != root:
            parents[customer], customer = root, parents[customer]
        return root
