"""The rules of the settings."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketflow.config import AwsCredentials, EtlSettings, FetchSettings, RetireSettings
from marketflow.domain.moves import BOUNDS
from marketflow.domain.symbol import AssetType
from marketflow.errors import ConfigurationError

pytestmark = pytest.mark.unit

FETCH = {
    "MARKETFLOW_STAGE": "test",
    "SOURCE": "binance",
    "DATA_BUCKET": "bucket",
    "PAYLOAD_QUEUE_URL": "https://queue",
    "TASK_QUEUE_URL": "https://tasks",
}


def test_settings_come_from_the_environment() -> None:
    """Every setting has one variable; what is optional may be missing or empty."""
    settings = FetchSettings.load({**FETCH, "SOURCE_BASE_URLS": " http://a , http://b,", "SOURCE_SECRET_ID": ""})
    assert settings.base_urls == ("http://a", "http://b")
    assert settings.secret_id is None
    assert (settings.stage, settings.source, settings.data_bucket) == ("test", "binance", "bucket")


@pytest.mark.parametrize("name", FETCH)
def test_a_missing_setting_is_named_with_the_place_to_set_it(name: str) -> None:
    """A process without one of its settings says which one and where it is set, and does nothing else."""
    without = {key: value for key, value in FETCH.items() if key != name}
    with pytest.raises(ConfigurationError, match=rf"{name}: Field required.*CDK app.*docs/configuration"):
        FetchSettings.load(without)


def test_an_empty_setting_is_a_missing_one() -> None:
    """An empty variable is refused like an absent one."""
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        EtlSettings.load({"MARKETFLOW_STAGE": "test", "DATA_BUCKET": "bucket", "DATABASE_URL": ""})


def test_credentials_never_show_in_messages() -> None:
    """Neither the error nor the representation of credentials holds one."""
    with pytest.raises(ConfigurationError) as caught:
        AwsCredentials.load({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hush"})
    assert "AWS_REGION" in str(caught.value)
    assert "hush" not in str(caught.value)
    known = AwsCredentials.load(
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "psst", "AWS_REGION": "x"}
    )
    assert "hush" not in repr(known)
    assert "psst" not in repr(known)


def test_the_bounds_of_moves_are_exact_and_above_one() -> None:
    """Each kind of market has its own, as JSON; without the setting there are defaults; what holds all is refused."""
    etl = {"MARKETFLOW_STAGE": "test", "DATA_BUCKET": "bucket", "DATABASE_URL": "postgresql://x@/y"}
    assert EtlSettings.load(etl).max_moves == BOUNDS
    settings = EtlSettings.load({**etl, "MAX_MOVES": '{"crypto": 2.5}'})
    assert settings.max_moves == {AssetType.CRYPTO: Decimal("2.5")}
    for wrong in ('{"crypto": 1}', '{"bonds": 5}', "5", "{"):
        with pytest.raises(ConfigurationError, match="MAX_MOVES"):
            EtlSettings.load({**etl, "MAX_MOVES": wrong})


def test_two_months_are_the_fewest_that_stay() -> None:
    """What is newest may still be corrected; without the setting every month stays."""
    retire = {"MARKETFLOW_STAGE": "test", "DATA_BUCKET": "bucket", "DATABASE_URL": "postgresql://x@/y"}
    assert RetireSettings.load(retire).history_months is None
    assert RetireSettings.load({**retire, "HISTORY_MONTHS": "2"}).history_months == 2
    for wrong in ("1", "-3", "two"):
        with pytest.raises(ConfigurationError, match="HISTORY_MONTHS"):
            RetireSettings.load({**retire, "HISTORY_MONTHS": wrong})
