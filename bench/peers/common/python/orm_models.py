"""The tables as SQLAlchemy's classes, and the statements that ask them, for its synchronous and its asynchronous sessions."""

from __future__ import annotations

from collections.abc import Sequence

import dataset
import rows
from sqlalchemy import BigInteger, Double, ForeignKey, Select, Text, select
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owner"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)


class Record(Base):
    __tablename__ = "record"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    category: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float] = mapped_column(Double)

    owner: Mapped[Owner] = relationship()


def with_ids(ids: Sequence[int]) -> Select[tuple[Record]]:
    return select(Record).where(Record.id.in_(ids))


def in_category(category: str, limit: int) -> Select[tuple[Record]]:
    """The newest records of a category, their owners loaded by a join."""
    newest = select(Record).where(Record.category == category).order_by(Record.created_at.desc(), Record.id.desc()).limit(limit)
    return newest.options(joinedload(Record.owner, innerjoin=True))


def values(found: Record | None) -> dataset.Record:
    """The record as a dict. Raises rows.NoRowError if there is none."""
    if found is None:
        raise rows.NoRowError
    return rows.record((found.id, found.name, found.description, found.type, found.count, found.created_at))


def owned_values(found: Record) -> dataset.Record:
    return {**values(found), "owner": found.owner.name}
