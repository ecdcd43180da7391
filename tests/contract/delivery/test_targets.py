"""What every place for archives has to keep to: everything arrives, once, and who looks on is told the truth."""

from pathlib import Path

import pytest

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError, Retry
from tests.contract.delivery.conftest import JOB, OTHER_JOB, Place, contents, make_parcel


async def test_everything_arrives_as_it_is(place: Place, parcel: Parcel) -> None:
    assert await place.target.deliver(parcel, JOB) is None
    assert place.stored() == [contents(parcel)]


async def test_a_repeated_delivery_is_no_second_copy(place: Place, parcel: Parcel) -> None:
    for _ in range(3):
        await place.target.deliver(parcel, JOB)
    assert place.stored() == [contents(parcel)]


async def test_archives_of_one_name_are_all_there(place: Place, parcel: Parcel, tmp_path: Path) -> None:
    """Of another job, and of the same job when it was made again."""
    again = make_parcel(tmp_path / "again", seed=2)
    for job_id, one in ((JOB, parcel), (OTHER_JOB, parcel), (JOB, again)):
        await place.target.deliver(one, job_id)
    stored = place.stored()
    assert len(stored) == 3
    assert [stored.count(contents(one)) for one in (parcel, again)] == [2, 1]


async def test_a_damaged_archive_does_not_arrive(place: Place, parcel: Parcel) -> None:
    data = bytearray(parcel.file.read_bytes())
    data[-1] ^= 1
    parcel.file.write_bytes(data)
    with pytest.raises(DeliveryError, match="its SHA-256 differs") as caught:
        await place.target.deliver(parcel, JOB)
    assert caught.value.retry is Retry.NEVER
    assert place.stored() == []


async def test_a_shortened_archive_does_not_arrive(place: Place, parcel: Parcel) -> None:
    parcel.file.write_bytes(parcel.file.read_bytes()[:-1])
    with pytest.raises(DeliveryError, match=r"SHA-256 differs|bytes instead of"):
        await place.target.deliver(parcel, JOB)
    assert place.stored() == []


async def test_a_place_that_is_away_may_be_there_later(place: Place, parcel: Parcel) -> None:
    place.lose()
    with pytest.raises(DeliveryError, match=r"look whether that is mounted|check that it is up") as caught:
        await place.target.deliver(parcel, JOB)
    assert caught.value.retry is Retry.LATER
    with pytest.raises(DeliveryError, match=r"look whether that is mounted|check that it is up"):
        await place.target.check()


async def test_a_refusal_is_final(place: Place, parcel: Parcel) -> None:
    place.refuse(parcel)
    with pytest.raises(DeliveryError, match=r"move it away|compare the secrets") as caught:
        await place.target.deliver(parcel, JOB)
    assert caught.value.retry is Retry.NEVER


async def test_a_look_brings_nothing(place: Place, parcel: Parcel) -> None:
    seen, doubt = await place.target.check()
    assert seen
    assert doubt in ("", "archives go there in clear text")
    assert place.stored() == []


async def test_nobody_sees_a_secret(place: Place) -> None:
    assert place.target.name in ("directory", "webhook", "s3")
    for shown in (repr(place.target), *(str(vars(place.target).get(name, "")) for name in ("_options", "_store"))):
        assert "made-up" not in shown
