"""Asks a festoon installation for clips."""

from .client import Ended, Festoon, Problem, WrongBytes
from .generated import schemas
from .generated.schemas import Ticket

__all__ = ["Ended", "Festoon", "Problem", "Ticket", "WrongBytes", "schemas"]
