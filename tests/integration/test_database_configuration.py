"""[database] and [cache]: passwords, what is wrong in a configuration, and a reload."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from daemon import Daemon, run, wait_for
from database_support import Start, as_json, ask, record, serve  # noqa: F401 (a fixture)
from store_support import Postgres, postgres  # noqa: F401 (a fixture)


def test_passwords_come_from_files_and_are_shown_nowhere(serve: Start, postgres: Postgres, tmp_path: Path) -> None:  # noqa: F811
    secret = "s3cret-Pa55'word"
    postgres.sql("CREATE ROLE guarded LOGIN PASSWORD 's3cret-Pa55''word'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guarded; GRANT UPDATE ON record TO guarded")
    rules = postgres.folder / "data" / "pg_hba.conf"
    rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
    postgres.sql("SELECT pg_reload_conf()")
    file = tmp_path / "password"
    file.write_text("wrong\n")
    daemon = serve(f"database.url={postgres.url(user='guarded')}", f"database.password-file={file}")
    daemon.wait_log("PostgreSQL is away: .*password authentication failed")
    assert ask(daemon, "/db/record?id=7").status == 503
    file.write_text(secret + "\n")
    daemon.ask("reload")
    wait_for("the new one is taken", lambda: ask(daemon, "/db/record?id=7").status == 200)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "database-password").write_text(secret)
    other = serve(f"database.url={postgres.url(user='guarded')}", environment={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    wait_for("a credential is taken", lambda: ask(other, "/db/record?id=7").status == 200)
    shown = run("-T", "-o", f"database.url={postgres.url(user='guarded')}", "-o", f"database.password-file={file}").stdout
    for text in (shown, daemon.log(), other.log(), json.dumps(daemon.status()), Path(f"/proc/{daemon.pid}/cmdline").read_text()):
        assert secret not in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("database.url=postgresql://a:secret@localhost/x",), "database.url=.*: .database. url: a password does not belong here"),
        (("database.url=host=localhost password=secret",), "a password does not belong here"),
        (("database.url=mysql:///x",), "libpq does not understand it"),
        (("database.url=postgresql:///x", "database.password-file=/nowhere/p"), "cannot read the password's file /nowhere/p"),
        (("database.url=postgresql:///x", "database.password-file=/dev/null"), "has no password in its first line"),
        (("database.pool=0",), "out of range"),
        (("database.timeout=1ms",), "out of range"),
        (("cache.url=redis://:secret@localhost",), "a password does not belong here"),
        (("cache.url=localhost:6379",), "it is not an address of Redis"),
        (("cache.url=rediss://localhost",), "over TLS"),
        (("cache.url=redis://localhost:0",), "port 0"),
        (("cache.url=redis://localhost:6379/x",), "database is not a number"),
        (("cache.url=unix://x",), "no path"),
        (("databse.url=x",), r"did you mean \[database\]"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_said(options: tuple[str, ...], sentence: str) -> None:
    done = run("-t", *(word for option in options for word in ("-o", option)), "-o", "admin.control=none", "-o", "server.listen=127.0.0.1:0")
    assert done.returncode == 78, done.stderr
    assert re.search(sentence, done.stderr), done.stderr


def test_a_reload_changes_the_database(postgres: Postgres, tmp_path: Path) -> None:  # noqa: F811
    postgres.sql("CREATE DATABASE second TEMPLATE template0", database="postgres")
    postgres.sql("CREATE TABLE owner (id bigint, name text); CREATE TABLE record (id bigint, owner_id bigint, category text, name text, description text, type text, count bigint, "
                 "created_at double precision); INSERT INTO record VALUES (7, 0, '', 'second', '', '', 0, 1.5)", database="second")  # fmt: skip
    text = "[server]\nprocesses = 1\n[database]\nurl = {}\n"
    (tmp_path / "d").mkdir()
    config = tmp_path / "d" / "restmarkd.ini"
    served = Daemon(tmp_path / "d", config=text.format(postgres.url()))
    try:
        served.wait_ready()
        assert ask(served, "/db/record?id=7").body == as_json(record(7))
        config.write_text(text.format(postgres.url("second")))
        served.ask("reload")
        wait_for("the other answers", lambda: b"second" in ask(served, "/db/record?id=7").body)
        config.write_text(text.format(postgres.url("second") + "&password=x"))
        assert "a password does not belong here" in served.tell(b"reload\n").decode()
        config.write_text("[server]\nprocesses = 1\n")
        served.ask("reload")
        wait_for("none does", lambda: ask(served, "/db/record?id=7").status == 404)
    finally:
        served.finish()
