"""The export as tables of Athena. Partitions follow from the names of folders: nothing has to be added or found."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_glue as glue
from constructs import Construct

from cdk.stages import Stage

FIRST_MONTH = "2017-01"
"""No source gives minutes from before."""

NUMBER, MOMENT = "decimal(38,18)", "timestamp"
_NAMES = {"symbol": "string", "source": "string"}
_VALUES = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), NUMBER)
_ANSWER = {"observed_at": MOMENT, "raw_key": "string"}

TABLES = {
    "candles": {
        **_NAMES,
        "open_time": MOMENT,
        **_VALUES,
        "trades": "bigint",
        "final": "boolean",
        "held": "boolean",
        **_ANSWER,
    },
    "prices": {**_NAMES, "as_of": MOMENT, "price": NUMBER, "held": "boolean", **_ANSWER},
    "revisions": {**_NAMES, "open_time": MOMENT, **_VALUES, "trades": "bigint", **_ANSWER},
}
"""The columns of each table; a test compares them with what the function writes (marketflow.domain.retention)."""

WITH_INTERVAL = ("candles", "revisions")
PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


class HistoryTables(Construct):
    """A Glue database with an external table for each folder below `history/` in `bucket`."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, bucket: str) -> None:
        super().__init__(scope, construct_id)
        self.name = stage.resource("history").replace("-", "_")
        account = Stack.of(self).account
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.name, description=f"What MarketFlow {stage.name} no longer keeps in its database"
            ),
        )
        for table, columns in TABLES.items():
            made = glue.CfnTable(
                self,
                table.capitalize(),
                catalog_id=account,
                database_name=self.name,
                table_input=_table(table, columns, f"s3://{bucket}/history/{table}"),
            )
            made.add_resource_dependency(database)


def _table(name: str, columns: dict[str, str], location: str) -> glue.CfnTable.TableInputProperty:
    keys = ["interval", "month"] if name in WITH_INTERVAL else ["month"]
    folders = "/".join(f"{key}=${{{key}}}" for key in keys)
    parameters = {
        "classification": "parquet",
        "projection.enabled": "true",
        "projection.month.type": "date",
        "projection.month.range": f"{FIRST_MONTH},NOW",
        "projection.month.format": "yyyy-MM",
        "projection.month.interval": "1",
        "projection.month.interval.unit": "MONTHS",
        "storage.location.template": f"{location}/{folders}/",
    }
    if name in WITH_INTERVAL:
        parameters |= {"projection.interval.type": "enum", "projection.interval.values": "1m"}
    return glue.CfnTable.TableInputProperty(
        name=name,
        table_type="EXTERNAL_TABLE",
        parameters=parameters,
        partition_keys=[glue.CfnTable.ColumnProperty(name=key, type="string") for key in keys],
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=[glue.CfnTable.ColumnProperty(name=column, type=kind) for column, kind in columns.items()],
            location=f"{location}/",
            input_format=f"{PARQUET}.MapredParquetInputFormat",
            output_format=f"{PARQUET}.MapredParquetOutputFormat",
            serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=f"{PARQUET}.serde.ParquetHiveSerDe"),
        ),
    )
