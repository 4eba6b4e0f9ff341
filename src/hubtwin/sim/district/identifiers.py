"""Numbers that look right and belong to nobody: right check digits over parts that nobody issues.

Citizen numbers and credit codes begin with the province of the district and 99, an area that GB/T 2260 does not use;
telephones with 154, plates with the letter Y of the province, as far as is known in no public use. All is made from a
number alone: the same number gives the same identifier, and two numbers give two as long as there are enough.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.rules.identifiers import CREDIT_CHARACTERS
from hubtwin.sim.recipe import Ints

Letters = npt.NDArray[np.uint8]
FIRST_BIRTH, BIRTH_DAYS = np.datetime64("1930-01-01"), 32_000  # until August 2017
SEQUENCES = 1000
AREAS = 10  # 339990 to 339999
_EAST = (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46)
_WEST = (50, 51, 52, 53, 54, 61, 62, 63, 64, 65)
_SIGNS = dict(
    zip(
        (*_EAST, *_WEST),
        "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新",
        strict=True,
    )
)
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
MOST = AREAS * BIRTH_DAYS * SEQUENCES  # as many persons as there are numbers


def _digits(numbers: Ints, width: int) -> Letters:
    """Return numbers as decimal digits, one column a digit."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10).astype(np.uint8) + ord("0")


def _text(letters: Letters) -> pa.Array:
    """Return rows of ASCII letters as an Arrow column of strings."""
    width = letters.shape[1]
    packed = np.ascontiguousarray(letters).view(f"S{width}").ravel()
    return pa.array(packed).cast(pa.string())


def citizen_ids(numbers: Ints, province: int) -> pa.Array:
    """Return citizen numbers (GB 11643-1999): area, birth, sequence, check digit. `numbers` lie below `MOST`."""
    order, day = np.divmod(numbers, BIRTH_DAYS)
    area, sequence = np.divmod(order, SEQUENCES)
    births = (FIRST_BIRTH + day.astype("timedelta64[D]")).astype("datetime64[D]")
    months = births.astype("datetime64[M]")
    year = births.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day_of = (births - months).astype(np.int64) + 1
    parts = [
        _digits(np.full(len(numbers), province * 10_000 + 9_990, dtype=np.int64) + area, 6),
        _digits(year * 10_000 + month * 100 + day_of, 8),
        _digits(sequence, 3),
    ]
    body = np.concatenate(parts, axis=1)
    weights = np.array([pow(2, 17 - place, 11) for place in range(17)])
    rest = ((body - ord("0")).astype(np.int64) @ weights) % 11
    check = np.frombuffer(b"10X98765432", dtype=np.uint8)[rest]
    return _text(np.concatenate([body, check[:, None]], axis=1))


def credit_codes(numbers: Ints, province: int) -> pa.Array:
    """Return unified social credit codes (GB 32100-2015) of enterprises, with their check character."""
    signs = np.frombuffer(CREDIT_CHARACTERS.encode(), dtype=np.uint8)
    powers = 31 ** np.arange(6, -1, -1, dtype=np.int64)
    organisation = numbers[:, None] // powers % 31
    ones = np.ones(len(numbers), dtype=np.int64)
    head = [9, 1, *map(int, f"{province}9999"), 21, 10]  # an enterprise, its area, MA: the serials of new entities
    body = np.concatenate([ones[:, None] * np.array(head), organisation], axis=1)
    weights = np.array([pow(3, place, 31) for place in range(17)])
    check = -(body @ weights) % 31
    return _text(signs[np.concatenate([body, check[:, None]], axis=1)])


def phones(numbers: Ints, _: int) -> pa.Array:
    """Return mobile numbers of a block in no public use."""
    return _text(_digits(15_400_000_000 + numbers % 100_000_000, 11))


def landlines(numbers: Ints, _: int) -> pa.Array:
    """Return landline numbers of one block of ten thousand."""
    serial = _text(_digits(numbers % 10_000, 4))
    return pc.binary_join_element_wise("0999-2999", serial, "")


def plates(numbers: Ints, province: int) -> pa.Array:
    """Return plates of five places (GA 36-2018) with a letter in no public use."""
    signs = np.frombuffer(_PLATE_LETTERS.encode(), dtype=np.uint8)
    base = len(_PLATE_LETTERS)
    powers = base ** np.arange(4, -1, -1, dtype=np.int64)
    serial = _text(signs[numbers[:, None] % base**5 // powers % base])
    return pc.binary_join_element_wise(f"{_SIGNS.get(province, '浙')}Y", serial, "")


MAKERS: Mapping[str, Callable[[Ints, int], pa.Array]] = {
    "citizen_id": citizen_ids,
    "social_credit_code": credit_codes,
    "phone": phones,
    "mobile": phones,
    "landline": landlines,
    "plate": plates,
}
