"""The bucket that holds every raw answer, the symbol catalogue and the fetchers' state."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.retention import removal_policy
from cdk.stages import Stage

# Glacier Instant Retrieval reads in milliseconds, as a replay and a query need, and bills at least 128 KB an object.
STEPS = ((s3.StorageClass.INFREQUENT_ACCESS, 30), (s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, 90))
SMALLEST_MOVED = 128 * 1024


class DataBucket(Construct):
    """Private, encrypted, TLS only, versioned: what is overwritten or deleted by mistake is still there for a month."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=stage.tls_only,
            versioned=True,
            removal_policy=removal_policy(stage),
            lifecycle_rules=[
                _cheaper("raw-gets-cheaper", "raw/"),
                _cheaper("history-gets-cheaper", "history/"),
                s3.LifecycleRule(id="errors-expire", prefix="errors/", expiration=Duration.days(90)),
                s3.LifecycleRule(id="commands-expire", prefix="tasks/", expiration=Duration.days(30)),
                s3.LifecycleRule(id="query-results-expire", prefix="athena/", expiration=Duration.days(7)),
                s3.LifecycleRule(id="old-versions-expire", noncurrent_version_expiration=Duration.days(30)),
                s3.LifecycleRule(id="uploads-abort", abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
        )


def _cheaper(rule: str, prefix: str) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=rule,
        prefix=prefix,
        object_size_greater_than=SMALLEST_MOVED,
        transitions=[
            s3.Transition(storage_class=storage, transition_after=Duration.days(days)) for storage, days in STEPS
        ],
    )
