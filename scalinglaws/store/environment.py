"""What a result was made with: versions of the software, and the machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

# Packages whose versions can change a number, and so belong to every result.
NUMERICAL = ("numpy", "scipy", "torch", "pandas", "scikit-learn")


def software_versions():
    """Versions of Python and of the numerical packages, without local build tags; None for one that is not there."""
    return {"python": platform.python_version()} | {name: _version(name) for name in NUMERICAL}


def installed_versions():
    """Versions of Python and of every package that is installed, by name, sorted."""
    found = {package.name: package.version for package in distributions()}
    return {"python": platform.python_version()} | {name: found[name] for name in sorted(found, key=str.lower)}


def machine():
    """The machine that computes: processor, architecture, system, cores, memory in GB, and the BLAS that numpy chose.

    Nothing in it changes from one run to the next on the same machine.
    """
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.libc_ver()[0]} {platform.libc_ver()[1]}".strip(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "blas": _blas(),
    }


def _version(name):
    try:
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return None


def _processor():
    """The processor's name, as Linux tells it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory_gb():
    """Installed memory in GB, or None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9)
    except (ValueError, OSError, AttributeError):
        return None


def _blas():
    """Name, version and processor kernels of each BLAS that numpy has loaded: other kernels, other last bits."""
    import numpy  # noqa: F401  (loads its BLAS, which is then asked)
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    named = [(pool["internal_api"], pool["version"], pool.get("architecture", "")) for pool in pools]
    return sorted({" ".join(map(str, names)).strip() for names in named})
