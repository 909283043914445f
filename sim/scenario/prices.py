"""The price basis: whether money of different years is each year's own, or that of one year."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.records import Model

__all__ = ["BASES", "Prices"]

BASES: Final = ("nominal", "real")


class Prices(Model):
    """In which prices money is stated and results are."""

    basis: Literal["nominal", "real"] = Field(
        default="nominal", description="Money of each year's own, or all of it in prices of one year."
    )
    year: int | None = Field(default=None, ge=1900, le=2150, description="Year in whose prices real money is.")
    deflator: str | None = Field(
        default=None, min_length=1, max_length=60, description="Index by which other years were converted to it."
    )

    @model_validator(mode="after")
    def _are_named(self) -> Self:
        given = [name for name in ("year", "deflator") if getattr(self, name) is not None]
        if self.basis == "real" and len(given) < 2:
            raise ValueError(f"basis: real goes with year and deflator (found {' and '.join(given) or 'neither'})")
        if self.basis == "nominal" and given:
            raise ValueError(f"nominal money is of each year's own (found {' and '.join(given)}; leave it out)")
        return self

    def label(self, currency: str) -> str:
        """The currency as units name it, with the year behind it where money is in prices of one."""
        return f"{currency}{self.year or ''}"

    def words(self, currency: str) -> str:
        """The same for a sentence."""
        return f"nominal {currency}" if self.year is None else f"{currency} in prices of {self.year} ({self.deflator})"

    def objection(self, unit: str, *, must_say: bool = False) -> str:
        """What keeps a rate of growth or discount in a unit from going with this money, with the remedy; or nothing.

        Parameters
        ----------
        unit : str
            A rate that says `real` or `nominal` behind it must be what money is; one that does not is.
        must_say : bool
            Whether a real one must say so: a discount rate is quoted in nominal terms as a rule.
        """
        stated = unit.rpartition(" ")[2]
        if stated in BASES and stated != self.basis:
            return (
                f"is a {stated} rate, and money is {self.basis} (found unit '{unit}'; allowed %/yr {self.basis}): "
                f"{'take expected inflation out of' if self.basis == 'real' else 'add expected inflation to'} it, "
                f"or state prices.basis: {stated}"
            )
        if must_say and self.basis == "real" and stated not in BASES:
            return (
                f"must say that it is real, as money is (found unit '{unit}'; allowed %/yr real): "
                "take expected inflation out of a nominal one"
            )
        return ""
