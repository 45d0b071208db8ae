"""An acknowledgement waits for the disk: what kill -9 cannot show, system calls do."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.fault.load import acquisition, machines

pytestmark = pytest.mark.xdist_group("alone")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_acknowledged_batch_was_flushed_to_disk_first(tmp_path: Path) -> None:
    with Stack(own_name("fsync"), workers=0, fresh=True, log_folder=tmp_path) as stack:
        with Client(stack.url, stack.admin_key) as client:
            client.register(machines(1))
            client.send([acquisition("load-00", 0)])
            trace = tmp_path / "trace"
            command = ["strace", "-f", "-ttt", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
            postmaster = str(stack.cluster.postmaster_pid)
            children = subprocess.run(["pgrep", "-P", postmaster], capture_output=True, text=True, check=True)
            attached = [part for pid in [postmaster, *children.stdout.split()] for part in ("-p", pid)]
            tracer = subprocess.Popen([*command, *attached], stderr=subprocess.DEVNULL)
            try:
                time.sleep(1.0)
                windows = []
                for index in range(1, 11):
                    began = time.time()
                    receipt = client.send([acquisition("load-00", index)])
                    windows.append((began, time.time()))
                    assert receipt["stored"] == 1
                    time.sleep(0.2)
            finally:
                tracer.terminate()
                tracer.wait()
        flushed = [float(line.split()[1]) for line in trace.read_text().splitlines() if "sync(" in line]
        for began, ended in windows:
            assert any(began <= at <= ended for at in flushed), f"no flush between {began} and {ended}"
    stack.cluster.destroy()
