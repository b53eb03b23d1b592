"""The routes below /orm, by SQLAlchemy's sessions: one for each request, which begins a transaction and ends it."""

from __future__ import annotations

from collections.abc import Sequence

import dataset
import orm_models
import rows
from orm_models import Record
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker


class Orm:
    def __init__(self, engine: Engine) -> None:
        # What is answered is what was written: without this a commit would have it read again.
        self.session = sessionmaker(engine, expire_on_commit=False)

    def one(self, id_: int) -> dataset.Record:
        with self.session() as session:
            return orm_models.values(session.get(Record, id_))

    def many(self, ids: Sequence[int]) -> list[dataset.Record]:
        with self.session() as session:
            return rows.arranged(ids, map(orm_models.values, session.scalars(orm_models.with_ids(ids))))

    def search(self, category: str, limit: int) -> list[dataset.Record]:
        with self.session() as session:
            return [orm_models.owned_values(one) for one in session.scalars(orm_models.in_category(category, limit))]

    def update(self, id_: int) -> dataset.Record:
        with self.session.begin() as session:
            found = session.get(Record, id_, with_for_update=True)
            if found is None:
                raise rows.NoRowError
            found.count = rows.counted_up(found.count)
        return orm_models.values(found)
