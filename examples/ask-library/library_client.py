"""Ask the library of a hub from Python: sign in, say what for, get Arrow tables or Polars frames.

This is one file to copy beside your own program. It needs httpx and pyarrow; Polars only for `frame`.

    with Library("https://hub.example", "analyst", password) as library:
        print(library.mine())
        table = library.ask("SELECT street_code, count(*) AS n FROM residents GROUP BY ALL", purpose="elderly_care")
"""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import pyarrow as pa

API = "/api/v1"
SYNTHETIC = b"provenance"  # in the metadata of every table: b"synthetic" or b"real"


class Refused(Exception):
    """The hub did not answer: `key` says why to programs, the message to people."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Library:
    """A session with a hub. Close it, or use it in a `with`: the session ends with it."""

    def __init__(self, url: str, user: str, password: str, *, verify: Any = True, lang: str = "en") -> None:
        """Sign in. `verify` as in httpx, for hubs with a certificate of their own. Raises Refused."""
        headers = {"origin": url.rstrip("/"), "accept-language": lang}
        self._http = httpx.Client(base_url=url, headers=headers, verify=verify, timeout=130)
        try:
            self._send("POST", "/session", json={"user": user, "password": password})
        except BaseException:
            self._http.close()
            raise

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sign out."""
        self.close()

    def close(self) -> None:
        """Sign out."""
        if not self._http.is_closed:
            try:
                self._http.delete(f"{API}/session")
            finally:
                self._http.close()

    def mine(self) -> list[dict[str, Any]]:
        """Return what may be read now: one entry a share, with dataset, columns and masks, rows, purpose, end."""
        shares: list[dict[str, Any]] = self._send("GET", "/library/mine").json()["shares"]
        return shares

    def ask(self, sql: str, purpose: str, *, limit: int = 100_000) -> pa.Table:
        """Return the answer of one SELECT. Its metadata say whether it is synthetic. Raises Refused."""
        answer = self._send("POST", "/library/ask/arrow", json={"sql": sql, "purpose": purpose, "limit": limit})
        with pa.ipc.open_stream(answer.content) as reader:
            return reader.read_all()

    def frame(self, sql: str, purpose: str, *, limit: int = 100_000) -> Any:
        """Return the answer of one SELECT as a Polars frame. Raises Refused."""
        import polars as pl  # noqa: PLC0415 - only who wants frames needs Polars

        return pl.from_arrow(self.ask(sql, purpose, limit=limit))

    def pages(
        self, dataset: str, purpose: str, columns: Sequence[str] = (), *, limit: int = 5_000
    ) -> Iterator[pa.Table]:
        """Yield a dataset page by page, for shares that are given by API. Raises Refused."""
        asked: dict[str, str | int] = {"purpose": purpose, "columns": ",".join(columns), "limit": limit}
        after: str | None = ""
        while after is not None:
            told = self._send("GET", f"/library/data/{dataset}", params={**asked, "after": after}).json()
            names = [column["name"] for column in told["page"]["columns"]]
            rows = [dict(zip(names, row, strict=True)) for row in told["page"]["rows"]]
            mark = "synthetic" if told["page"]["synthetic"] else "real"
            yield pa.Table.from_pylist(rows).replace_schema_metadata({SYNTHETIC: mark.encode()})
            after = told["next"]

    def save(self, sql: str, purpose: str, path: str, *, form: str = "csv", bom: bool = False) -> int:
        """Write the answer of one SELECT to a file ("csv", "xlsx", "parquet"); return its rows. Raises Refused."""
        body = {"sql": sql, "purpose": purpose, "format": form, "bom": bom}
        answer = self._send("POST", "/library/ask/file", json=body)
        with open(path, "wb") as file:
            file.write(answer.content)
        return int(answer.headers["x-hubtwin-rows"])

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._http.request(method, f"{API}{path}", **options)
        if answer.status_code >= 400:
            told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            raise Refused(told.get("key", str(answer.status_code)), told.get("message", answer.reason_phrase))
        return answer
