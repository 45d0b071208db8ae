"""Open and close work orders as alerts come and go: a small receiver of pdm's webhooks to start from.

Settings: PDM_SECRET (of the subscription), PDM_URL, PDM_KEY (role operate), PORT, ORDERS (a folder).
"""

from __future__ import annotations

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

OPENS, CLOSES = {"alert.opened", "alert.escalated"}, {"alert.cleared"}


class MaintenanceSystem:
    """Stands for yours: a work order is a file, found again by the alert that it is for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, alert_id: str, title: str) -> str:
        """Return the reference of the alert's work order, made now if there is none."""
        for path in self.folder.glob("*.json"):
            if json.loads(path.read_text())["alert_id"] == alert_id:
                return path.stem
        reference = f"WO-{len(list(self.folder.iterdir())) + 1}"
        self._write(reference, {"alert_id": alert_id, "title": title, "status": "open"})
        return reference

    def close(self, reference: str) -> None:
        """Close a work order."""
        self._write(reference, json.loads((self.folder / f"{reference}.json").read_text()) | {"status": "done"})

    def _write(self, reference: str, order: dict[str, Any]) -> None:
        (self.folder / f"{reference}.json").write_text(json.dumps(order))


class Pdm:
    """The two calls back to pdm."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key

    def work_orders(self, alert_id: str) -> list[dict[str, Any]]:
        """Return the work orders that an alert has."""
        found: list[dict[str, Any]] = self._call(f"/v1/alerts/{alert_id}/work-orders")
        return found

    def link(self, alert_id: str, reference: str, status: str) -> None:
        """Tell pdm of a work order."""
        self._call(f"/v1/alerts/{alert_id}/work-order", {"reference": reference, "status": status})

    def _call(self, path: str, document: dict[str, Any] | None = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=5) as answer:
            return json.load(answer)


def handle(event: dict[str, Any], maintenance: MaintenanceSystem, pdm: Pdm) -> None:
    """Do what an event asks for; doing it twice does no harm."""
    alert = event["data"]
    if event["type"] in OPENS:
        title = f"{alert['severity']}: {alert['machine']} {alert['message']}"
        if not pdm.work_orders(alert["alert_id"]):
            pdm.link(alert["alert_id"], maintenance.open(alert["alert_id"], title), "open")
    elif event["type"] in CLOSES:
        for order in pdm.work_orders(alert["alert_id"]):
            maintenance.close(order["reference"])
            pdm.link(alert["alert_id"], order["reference"], "done")


def serve(port: int, secret: str, maintenance: MaintenanceSystem, pdm: Pdm) -> ThreadingHTTPServer:
    """Return a server of webhooks; 2xx only when the work order stands as it should."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                event = Webhook(secret).verify(body, dict(self.headers.items()))
            except Exception:  # a forgery, an old message, no signature
                return self._answer(401)
            try:
                handle(event, maintenance, pdm)
            except OSError:  # pdm or the maintenance system is away: the event will come again
                return self._answer(503)
            return self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *values: Any) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    serve(
        int(os.environ.get("PORT", "8099")),
        os.environ["PDM_SECRET"],
        MaintenanceSystem(Path(os.environ.get("ORDERS", "work_orders"))),
        Pdm(os.environ.get("PDM_URL", "http://127.0.0.1:8000"), os.environ["PDM_KEY"]),
    ).serve_forever()
