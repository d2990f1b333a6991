"""The real build of layers and functions, with uv and without Docker: what ships, and that it is always the same."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from cdk.bundling import EPOCH, KEPT_BUILDS, PACKAGE, BundlingError, UvBundler, find_interpreter, prune, tree_hash
from cdk.stages import ARCHITECTURE, PYTHON

pytestmark = pytest.mark.cdk

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
AARCH64 = 183
"""The processor's number in an ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""

Make = Callable[[Path], UvBundler]


@pytest.fixture(scope="module")
def lambda_bundler(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Builds what goes to AWS, from a copy of the package: it may be edited while the tests run."""
    package = tmp_path_factory.mktemp("package") / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    return lambda builds: UvBundler(python=PYTHON, architecture=ARCHITECTURE, builds=builds, package=package)


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the builds that this module looks at."""
    return tmp_path_factory.mktemp("builds")


@pytest.fixture(scope="module")
def layer(builds: Path, lambda_bundler: Make) -> Path:
    """The layer of most functions, for AWS."""
    return lambda_bundler(builds).layer("dependencies")


@pytest.fixture(scope="module")
def core(builds: Path, lambda_bundler: Make) -> Path:
    """The slim layer, for AWS."""
    return lambda_bundler(builds).layer("core")


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time and content of every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, int(path.stat().st_mtime), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def zipped_bytes(folder: Path) -> int:
    """How large `folder` is as the zip file that the CDK uploads."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return len(buffer.getvalue())


def test_the_same_input_gives_the_same_files(layer: Path, lambda_bundler: Make, tmp_path: Path) -> None:
    """Byte for byte, with the same times and modes, in another folder: the asset's hash is not the builder's."""
    again = lambda_bundler(tmp_path / "some" / "where").layer("dependencies")
    assert again.name == layer.name
    assert everything(again) == everything(layer)
    assert {time for _, time, _ in everything(layer).values()} == {EPOCH}


def test_a_build_is_made_once(builds: Path, layer: Path, lambda_bundler: Make) -> None:
    """The second synth finds it, and does not even look for a compiler."""

    def refuse(version: str) -> str:
        raise AssertionError(version)

    assert replace(lambda_bundler(builds), interpreter=refuse).layer("dependencies") == layer


@pytest.mark.parametrize("name", ["core", "dependencies"])
def test_every_library_is_for_the_processor_of_the_functions(name: str, builds: Path, lambda_bundler: Make) -> None:
    """A shared object of the machine that built would fail at the first import in AWS."""
    libraries = list(lambda_bundler(builds).layer(name).rglob("*.so"))
    assert libraries
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {AARCH64}


def test_the_layer_holds_the_package_and_what_it_needs_and_nothing_else(layer: Path) -> None:
    """No tests, no scripts, no record of the installation, and no second botocore beside Lambda's."""
    top = {path.name for path in (layer / "python").iterdir()}
    assert {"marketflow", "pydantic", "aws_lambda_powertools", "sqlalchemy", "alembic", "pg8000", "httpx"} <= top
    assert not top & {"boto3", "botocore", "s3transfer", "urllib3", "bin", ".lock"}
    names = {path.name for path in layer.rglob("*")}
    assert not names & {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "tests"}
    assert (layer / "python" / "marketflow" / "persistence" / "migrations").is_dir()


def test_the_slim_layer_has_what_the_hot_paths_use_and_nothing_else(core: Path) -> None:
    """Whatever else is in it takes its part of every cold start and upload: a new package is a decision."""
    packages = {path.name for path in (core / "python").iterdir()}
    assert packages == {
        "marketflow",
        *("aws_lambda_powertools", "jmespath"),
        *("pydantic", "pydantic_core", "annotated_types", "typing_extensions.py", "typing_inspection"),
        *("pg8000", "scramp", "asn1crypto", "dateutil", "six.py"),
        "tzdata",
        "__pycache__",
        *(name for name in packages if name.endswith(".dist-info")),
    }


def test_a_function_with_its_slim_layer_is_small(core: Path, builds: Path, lambda_bundler: Make) -> None:
    """At most 8 MB zipped, bytecode included: what a cold start has to fetch and unpack."""
    for name in ("api", "etl"):
        assert zipped_bytes(core) + zipped_bytes(lambda_bundler(builds).function(name)) <= 8_000_000, name


def test_every_module_is_compiled_and_never_checked_against_its_source(layer: Path) -> None:
    """Lambda mounts code read-only: a module without bytecode is compiled at each cold start."""
    if find_interpreter(PYTHON) is None:
        pytest.skip(f"no Python {PYTHON} on this machine, and none to download: the sources ship alone")
    tag = f"cpython-{PYTHON.replace('.', '')}"
    modules = list((layer / "python" / "marketflow").rglob("*.py"))
    assert modules
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
        # The flags of PEP 552: 1 is "a hash of the source, not to be checked".
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, module
        assert str(layer).encode() not in compiled.read_bytes()


def test_without_a_compiler_the_sources_ship_with_a_warning(lambda_bundler: Make, tmp_path: Path) -> None:
    """And the next synth tries again: such a build is not kept for the compiled one."""
    poor = UvBundler(python=PYTHON, architecture=ARCHITECTURE, builds=tmp_path, interpreter=lambda _: None)
    with pytest.warns(UserWarning, match=rf"No Python {PYTHON}"):
        built = poor.function("api")
    assert not list(built.rglob("*.pyc"))
    if find_interpreter(PYTHON) is not None:
        assert list(lambda_bundler(tmp_path).function("api").rglob("*.pyc"))


def test_a_missing_layer_is_named(lambda_bundler: Make, tmp_path: Path) -> None:
    """Before anything is built."""
    with pytest.raises(BundlingError, match=r"layers/parquets/requirements\.txt is missing"):
        lambda_bundler(tmp_path).layer("parquets")


def test_a_missing_function_is_named(lambda_bundler: Make, tmp_path: Path) -> None:
    """Before anything is built."""
    with pytest.raises(BundlingError, match=r"functions/report/handler\.py is missing"):
        lambda_bundler(tmp_path).function("report")


def test_old_builds_are_forgotten(tmp_path: Path) -> None:
    """A layer is large, and every change of the package makes a new one."""
    for number in range(KEPT_BUILDS + 2):
        (tmp_path / f"function-api-{HERE}-host-{number:016d}").mkdir()
    built = UvBundler(python=HERE, architecture="x86_64", host=True, builds=tmp_path).function("api")
    left = list(tmp_path.iterdir())
    assert built in left
    assert len(left) == KEPT_BUILDS


def test_a_tree_hash_is_of_names_and_contents(tmp_path: Path) -> None:
    """Neither the folder's place nor its times nor what Python leaves behind change it; a name and a content do."""
    one, two = tmp_path / "a" / "code", tmp_path / "b" / "code"
    for folder in (one, two):
        folder.mkdir(parents=True)
        (folder / "module.py").write_text("x = 1\n")
    os.utime(two / "module.py", (1, 1))
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "module.pyc").write_bytes(b"compiled")
    assert tree_hash([one]) == tree_hash([two])
    (two / "module.py").rename(two / "other.py")
    assert tree_hash([one]) != tree_hash([two])


def test_the_layers_of_the_function_that_writes_parquet_fit(builds: Path, core: Path, lambda_bundler: Make) -> None:
    """Lambda takes 250 MB unzipped: pyarrow ships without what its unused.txt names, and with what it has to load."""
    parquet = lambda_bundler(builds).layer("parquet")
    names = {path.name.partition(".")[0] for path in (parquet / "python" / "pyarrow").glob("*.so*")}
    assert {"lib", "_parquet", "_csv", "libarrow", "libparquet", "libarrow_python", "libarrow_compute"} <= names
    assert not names & {"_flight", "_s3fs", "libarrow_flight", "libarrow_s3"}
    size = sum(path.stat().st_size for layer in (core, parquet) for path in layer.rglob("*") if path.is_file())
    assert size < 125_000_000


def test_what_a_layer_does_not_use_is_left_out(tmp_path: Path) -> None:
    """Comments are none of it; a folder and a file go."""
    for name in ("kept.py", "gone.so", "include/gone.h"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    prune(tmp_path, "# kept.py", "", "*.so", "include")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept.py"]
