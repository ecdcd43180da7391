"""Archives in an object store: in parts, locked, and a delivery that goes on where a crash left it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from archiveworker.delivery.s3 import ObjectLock, ObjectStoreTarget, object_stores
from archiveworker.domain.errors import DeliveryError, SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.object_store import ObjectStore
from archiveworker.runtime.object_store_url import parse_store_url
from tests.contract.delivery.conftest import JOB, contents, make_parcel
from tests.fakes.s3 import KEY, S3Server


def target_in(s3: S3Server, bucket: str, lock: ObjectLock | None = None) -> ObjectStoreTarget:
    store = ObjectStore(parse_store_url(s3.url(bucket), "S3"), KEY, part_bytes=5 * 1024**2)
    return ObjectStoreTarget("vault", store, lock)


async def test_what_is_locked_cannot_be_deleted(s3: S3Server, tmp_path: Path) -> None:
    bucket, parcel = s3.make_bucket(lock=True), make_parcel(tmp_path / "spool")
    target = target_in(s3, bucket, ObjectLock("compliance", 30))
    seen, _ = await target.check()
    assert "locked for 30 days (compliance)" in seen
    await target.deliver(parcel, JOB)
    versions = s3.client.list_object_versions(Bucket=bucket)["Versions"]
    assert len(versions) == len(contents(parcel))
    for version in versions:
        kept = s3.client.head_object(Bucket=bucket, Key=version["Key"])
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        left = kept["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert timedelta(days=29) < left <= timedelta(days=30)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    await target.deliver(parcel, JOB)
    assert len(s3.client.list_object_versions(Bucket=bucket)["Versions"]) == len(versions), "no second version"


async def test_a_bucket_that_cannot_lock_is_found_before_the_first_archive(s3: S3Server) -> None:
    with pytest.raises(DeliveryError, match="object lock|InvalidRequest"):
        await target_in(s3, s3.make_bucket(), ObjectLock("governance", 1)).check()


async def test_a_delivery_goes_on_where_a_crash_left_it(s3: S3Server, tmp_path: Path) -> None:
    """Some companions are there, and parts of the archive that were never put together."""
    bucket, parcel = s3.make_bucket(), make_parcel(tmp_path / "spool")
    target = target_in(s3, bucket)
    await target.deliver(parcel, JOB)
    whole = s3.objects(bucket)
    archive = next(key for key in whole if key.endswith(".tar.gz"))
    s3.client.delete_object(Bucket=bucket, Key=archive)
    s3.client.delete_object(Bucket=bucket, Key=f"{archive}.sha256")
    upload = s3.client.create_multipart_upload(Bucket=bucket, Key=archive)["UploadId"]
    s3.client.upload_part(Bucket=bucket, Key=archive, UploadId=upload, PartNumber=1, Body=b"half")
    kept = {key: s3.client.head_object(Bucket=bucket, Key=key)["LastModified"] for key in s3.objects(bucket)}
    await target.deliver(parcel, JOB)
    assert s3.objects(bucket) == whole
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=bucket)
    for key, at in kept.items():
        assert s3.client.head_object(Bucket=bucket, Key=key)["LastModified"] == at, "not sent again"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/srv/archives", "must be s3://"),
        ("s3://UPPER/x", "must be s3://"),
        ("s3://key:secret@bucket/x", "must be s3://"),
        ("s3://bucket/a/../b", "prefix"),
        ("s3://bucket/x?endpoint=minio:9000", "endpoint must be"),
        ("s3://bucket/x?endpoint=http://a:b@minio", "endpoint must be"),
        ("s3://bucket/x?lok=compliance", "'lok' is no option"),
        ("s3://bucket/x?lock=compliance", "together with lock_days"),
        ("s3://bucket/x?lock=legal&lock_days=3", "together with lock_days"),
        ("s3://bucket/x?lock=governance&lock_days=0", "together with lock_days"),
        ("s3://bucket/x?path_style=yes", "path_style must be"),
    ],
)
def test_a_place_that_cannot_be_one_is_named(place: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        object_stores([place], [KEY], ca_bundle=None)


def test_a_key_that_is_none_is_named_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="ACCESS_KEY_ID:SECRET_ACCESS_KEY") as caught:
        object_stores(["s3://bucket/x"], [Secret("made-up")], ca_bundle=None)
    assert "made-up" not in str(caught.value)
