"""Ways in which a check ends without acceptance."""


class Refused(Exception):
    """A rule of the kernel language is broken.

    `rule` is a short stable word, `message` tells a person what is the matter.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        self.message = message


class NotShownEqual(Refused):
    """Two terms had to be definitionally equal and were not shown to be.

    Equality as implemented is incomplete, so another kernel may well say yes.
    """


class Malformed(Refused):
    """Bytes that are no table or no export: an index without an entry, an entry of wrong shape."""


class Declined(Exception):
    """A feature or a size that this checker does not take on. Nothing is known of the candidate."""


class OutOfBudget(Declined):
    """The steps, the depth or the size of a number ran out."""
