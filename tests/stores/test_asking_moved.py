"""Files that a question was to read are replaced before it reads them: it is asked anew, and never answered in part."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Retry
from hubtwin.library.asking import AskDesk, Asked, ask
from hubtwin.library.views import Source
from hubtwin.model.sharing import Delivery
from hubtwin.stores.asking import Engine
from hubtwin.wiring.pieces import Pieces
from tests.asking_kit import ANN, GRANTEES, NOW, Kit, Noted, make_kit, make_share, salt_of
from tests.stores.test_quality import CERTS, NOW_MIN, Library, _person


def _desk(library: Library, engine: Engine, source: Source) -> AskDesk:
    catalogue = replace(library.catalogue, purposes={"care": {"zh": "关怀", "en": "care"}})
    share = make_share(dataset="residents", columns="person_no")
    share = replace(share, dataset="people", digest=catalogue.get("people").digest)
    return AskDesk(
        catalogue=lambda: catalogue,
        shares=lambda grantee: [share] if grantee == share.grantee else [],
        source=lambda _: source,
        engine=engine,
        trail=Noted(),
        now_min=lambda: NOW,
        salt_of=salt_of,
    )


def test_a_question_beside_a_fold_of_colours_is_asked_anew(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    library.load("streets", {"code": "a", "title": "A"})
    library.load("people", _person(1, cert_no=CERTS[0], confirmed_min=NOW_MIN - 5))
    library.load("people", *(_person(100 + n, cert_no=None) for n in range(300)), part="b")
    library.govern()
    pieces = Pieces(library.shelves, library.quality.settled)
    listed = pieces("people")
    library.load("people", _person(1, cert_no=CERTS[0]), part="c")
    assert library.govern().changed == 1
    folded = pieces("people")  # another question puts the changes into the files of colours
    assert not listed.pieces[0].colours.exists()  # type: ignore[union-attr]
    asked = Asked(ANN, GRANTEES, "care", "SELECT count(*) FROM people", Delivery.QUERY)
    with closing(Engine([library.shelves.directory])) as engine:
        with pytest.raises(Retry):
            ask(_desk(library, engine, listed), asked)
        assert ask(_desk(library, engine, folded), asked).table.column(0).to_pylist() == [302]
    library.quality.close()
    library.shelves.close()


@pytest.mark.parametrize("gone", ["path", "colours"])
def test_a_file_that_is_gone_is_not_left_out(tmp_path: Path, gone: str) -> None:
    kit: Kit = make_kit(tmp_path, make_share(columns="id"))
    getattr(kit.sources["residents"].pieces[1], gone).rename(tmp_path / "elsewhere.parquet")
    with pytest.raises(Retry):
        ask(kit.desk, kit.asked("SELECT id FROM residents"))
    kit.engine.close()
