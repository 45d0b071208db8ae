"""The embedded cluster, on a real PostgreSQL: leftovers, neighbours, crashes and what is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pdm.errors import ClusterError
from pdm.store.cluster import places
from pdm.store.cluster.embedded import EmbeddedCluster

pytestmark = pytest.mark.xdist_group("alone")

SMALL = {"shared_buffers": "32MB", "timescaledb.max_background_workers": "0"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    made = EmbeddedCluster("first", checkout=tmp_path, settings=SMALL)
    yield made
    made.destroy()


def _ask(dsn: str, question: str) -> str:
    with psycopg.connect(dsn) as conn:
        row = conn.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def test_a_started_cluster_has_timescaledb_keeps_its_promises_and_listens_on_no_port(cluster: EmbeddedCluster) -> None:
    dsn = cluster.start()
    assert _ask(dsn, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").startswith("2.")
    for promise in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert _ask(dsn, f"SHOW {promise}") == "on"
    assert _ask(dsn, "SHOW listen_addresses") == ""
    assert _ask(dsn, "SHOW shared_buffers") == "32MB"
    assert cluster.data.stat().st_mode & 0o077 == 0


def test_data_survive_a_stop_and_go_with_destroy(cluster: EmbeddedCluster) -> None:
    with psycopg.connect(cluster.start()) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS value")
    cluster.stop()
    assert not cluster.is_running
    assert _ask(cluster.start(), "SELECT value FROM kept") == "7"
    cluster.destroy()
    assert not cluster.data.parent.exists(), "something of the cluster was left behind"
    assert _ask(cluster.start(), "SELECT count(*) FROM pg_class WHERE relname = 'kept'") == "0"


def test_a_killed_server_recovers_what_it_committed(cluster: EmbeddedCluster) -> None:
    with psycopg.connect(cluster.start()) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS value")
    cluster.kill()
    assert cluster.postmaster_pid is None
    assert (cluster.data / "postmaster.pid").exists()
    assert _ask(cluster.start(), "SELECT value FROM kept") == "7"


def test_a_frozen_server_answers_nothing_until_it_is_thawed(cluster: EmbeddedCluster) -> None:
    dsn = cluster.start()
    cluster.freeze()
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn, connect_timeout=2)
    assert time.monotonic() - began >= 1.5
    cluster.thaw()
    assert _ask(dsn, "SELECT 1") == "1"


def test_a_cluster_in_use_is_refused_to_a_second_user_with_the_name_of_the_first(
    cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    dsn = cluster.start()
    second = EmbeddedCluster("first", checkout=tmp_path, settings=SMALL)
    for refused in (second.start, second.stop, second.destroy):
        with pytest.raises(ClusterError, match=f"in use by process {os.getpid()}"):
            refused()
    assert _ask(dsn, "SELECT 1") == "1"


def test_what_a_killed_run_left_running_is_replaced_even_when_frozen(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:  # a run that starts the cluster, freezes it and dies without any clean-up
        leftover = EmbeddedCluster("first", checkout=tmp_path, settings=SMALL)
        leftover.start()
        leftover.freeze()
        os._exit(0)
    os.waitpid(child, 0)
    orphan = cluster.postmaster_pid
    assert orphan is not None
    assert _ask(cluster.start(), "SELECT 1") == "1"
    assert cluster.postmaster_pid not in (None, orphan)


def test_a_stale_pid_file_that_names_an_innocent_process_does_no_harm(cluster: EmbeddedCluster) -> None:
    cluster.start()
    innocent = os.fork()
    if innocent == 0:
        time.sleep(60)
        os._exit(0)
    cluster.kill()
    pid_file = cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(innocent), *lines[1:]]) + "\n")
    assert _ask(cluster.start(), "SELECT 1") == "1"
    assert os.waitpid(innocent, os.WNOHANG) == (0, 0), "the innocent process was ended"
    os.kill(innocent, 9)
    os.waitpid(innocent, 0)


def test_two_checkouts_and_two_names_run_side_by_side(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    neighbours = [
        EmbeddedCluster("first", checkout=elsewhere, settings=SMALL),
        EmbeddedCluster("second", checkout=tmp_path, settings=SMALL),
    ]
    try:
        systems = {
            _ask(each.start(), "SELECT system_identifier FROM pg_control_system()") for each in [cluster, *neighbours]
        }
        assert len(systems) == 3
        cluster.destroy()
        assert all(_ask(each.dsn, "SELECT 1") == "1" for each in neighbours)
    finally:
        for each in neighbours:
            each.destroy()


def test_a_setting_the_server_refuses_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = EmbeddedCluster("first", checkout=tmp_path, settings={"shared_buffers": "nonsense"})
    try:
        with pytest.raises(ClusterError, match="shared_buffers"):
            broken.start()
        assert not broken.is_running
    finally:
        broken.destroy()


@pytest.mark.parametrize("name", ["", "Demo", "../x", "a" * 25])
def test_a_name_that_is_no_folder_name_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cluster name"):
        EmbeddedCluster(name)


def test_a_machine_without_postgresql_gives_an_error_that_names_setup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "_INSTALLATIONS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="make setup"):
        EmbeddedCluster("first", checkout=tmp_path).start()


def test_a_server_without_timescaledb_gives_an_error_that_names_setup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "16" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch()
    monkeypatch.setattr(places, "_INSTALLATIONS", (str(tmp_path / "*" / "bin"),))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"16 is installed without TimescaleDB.*make setup"):
        EmbeddedCluster("first", checkout=tmp_path).start()
