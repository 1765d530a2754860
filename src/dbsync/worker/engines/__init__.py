"""What differs between database engines, behind one set of functions; one module an engine.

Where `ROLLS_BACK_DDL` is False, every change of a schema is committed at once. Such an engine has these as well, since
what fails has to be put back:

- `size(connection)`: about how many bytes a database has; `pieces(dbapi)` yields all of it as it is in one moment, in
  pieces that JSON can hold, with the SQL of rows under "statement"; `put_back(dbapi, pieces)` makes it that again, or
  raises.
- `digest(connection)`: what tells later that the schema is as it was.
- `end(dbapi, evidence)`: ends the connection of a run that is dead, by what `evidence` returned then.

The shelf needs of an engine, beside `columns`, `contents` and `kind_of`, a module `shelf` with `quote` and these:

- `shelves(connection)`: whether there is a shelf here at all. Where it is not, what a downgrade would lose is refused.
- `shape(connection, table)`: its `driver.Shape`, None where there is no such table.
- `broken(connection, table)`: names of tables that some of its rows refer to in vain.
- `exact(column, declared)`: SQL for a column of a table in a form that keeps all of its values.
- `kept(column)`, `typed(value, declared)`: SQL for the form in which a value is kept, and for the value of that form.
- `witness(column)`: SQL for a short text or value that tells whether a value is still the same; of a kept value or a
  witness it is the same witness.
- `same(one, other)`: SQL for "equal, or both NULL", by bytes; `same_key(column, value)` by the column's own rules.
- `joined(witnesses)`: SQL for one text that is equal where all of them are.
- `fits(value, before, now)`: SQL for "a kept value of the type `before` is the same in the type `now`"; "" for always.
- `unlike(value, now, before, after)`: SQL for "a value of the type `before` was not kept by the type `after`, where it
  is `now`".
- `just_now(column, declared, seconds)`: SQL for "a time since the transaction, or that many seconds ago, began"; ""
  where the type holds no times.
- `counts(declared)`: whether keys of this type are given out in ascending order.
- `ROW`: what a row can be found by in a statement that follows, where it has no key; `OVERRIDING` stands before the
  rows of an INSERT that gives values to all columns.
- `steady(connection)`, `quiet(connection, table)`: contexts in which values are written the same on every machine, and
  in which no trigger of a table fires.
- `export(connection, select)`: yields lists of rows that JSON can hold, a part of the result each time.
- `scratch(name)`: how a temporary table is named in SQL; `make(connection, name, columns)` makes one of kept values
  whose first column is the number `n`; `image(connection, name, table)` copies a table into one;
  `load(connection, name, columns, rows)` fills columns of one with rows that `export` yielded, a number before each.
- `index(connection, name, columns)` lets rows of one be found; `DROP` is what drops one.
- `update(table, sets, others, where)`: an UPDATE of a table, `t`, by others, whose names are given by their aliases.
- `renumber(connection, table, given_out)`: sets sequences past the highest value, and past what `given_out(connection,
  table)` returned when the rows were taken, None where it cannot say.
"""

from __future__ import annotations

from typing import Any


def adapter_for(dialect: Any) -> Any:
    """Return the module for a dialect, given as its name or as SQLAlchemy's object; only that one is compiled."""
    name = getattr(dialect, "name", dialect)
    if name == "sqlite":
        from . import sqlite

        return sqlite
    if name in ("mysql", "mariadb"):
        from . import mysql

        return mysql
    from . import postgresql

    return postgresql
