"""Devices by name: NumPy on the CPU, torch on a GPU, or any library of the array API on either."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from array_api_compat import array_namespace

from polyspike.errors import ArgumentError, MissingPackageError
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST, HostArrays

__all__ = ["DTYPES", "LIBRARIES", "arrays_on"]

DTYPES = ("float64", "float32")

LIBRARIES = ("numpy", "torch", "jax", "array_api_strict")


def arrays_on(device: str = "cpu", dtype: str = "float64") -> Arrays:
    """The arrays of a device in a working precision.

    Parameters
    ----------
    device : str
        ``"cpu"`` is NumPy; ``"cuda"`` and ``"cuda:1"`` are torch's. ``"torch:cpu"``, ``"jax:cpu"``, ``"jax:gpu"`` and
        ``"array_api_strict"`` name the library first.
    dtype : {"float64", "float32"}

    Raises
    ------
    ArgumentError
        Unknown names, a device that is not there.
    MissingPackageError
        A library that is not installed.
    """
    if dtype not in DTYPES:
        raise ArgumentError("dtype", dtype, "give 'float64' or 'float32'")
    if not isinstance(device, str):
        raise ArgumentError("device", device, "give a name such as 'cpu', 'cuda' or 'torch:cpu'")
    library, _, place = _full_name(device).partition(":")
    if library not in LIBRARIES or (library in ("numpy", "array_api_strict") and place not in ("", "cpu")):
        names = "'cpu', 'cuda', 'cuda:1', 'torch:cpu', 'jax:cpu', 'jax:gpu' or 'array_api_strict'"
        raise ArgumentError("device", device, f"give {names}")
    if library == "numpy":
        return HOST if dtype == "float64" else HostArrays(dtype=dtype)
    if find_spec(library) is None:
        package, extra = _PACKAGES[library]
        raise MissingPackageError("device", device, package, extra, "use device 'cpu'")
    return _MAKERS[library](device, place or "cpu", dtype)


def _full_name(device: str) -> str:
    if device.split(":")[0] == "cuda":
        return f"torch:{device}"
    return "numpy" if device == "cpu" else device


_PACKAGES: dict[str, tuple[str, str | None]] = {
    "torch": ("torch", "torch"),
    "jax": ("jax", None),
    "array_api_strict": ("array-api-strict", None),
}
"""Library to the package that brings it, and the extra that brings the package."""


def _torch(device: str, place: str, dtype: str) -> Arrays:
    torch = import_module("torch")
    try:
        target = torch.device(place)
    except RuntimeError as error:
        raise ArgumentError("device", device, f"torch does not know {place!r}; give 'torch:cpu' or 'cuda'") from error
    if target.type == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", device, "this torch finds no CUDA device; use device='cpu'")
    if target.type == "cuda" and (target.index or 0) >= torch.cuda.device_count():
        raise ArgumentError("device", device, f"there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    if target.type not in ("cpu", "cuda"):
        raise ArgumentError("device", device, "sums need float64, which only 'cpu' and 'cuda' have in torch")
    return Arrays(array_namespace(torch.empty(0)), dtype, target, device)


def _jax(device: str, place: str, dtype: str) -> Arrays:
    jax, xp = import_module("jax"), import_module("jax.numpy")
    if not jax.config.jax_enable_x64:
        remedy = "call jax.config.update('jax_enable_x64', True) before, or set JAX_ENABLE_X64=1 (for a sweep)"
        raise ArgumentError("device", device, f"JAX has only float32 as it is set; {remedy}")
    kind, _, index = place.partition(":")
    try:
        target = jax.devices(kind)[int(index or 0)]
    except (RuntimeError, ValueError, IndexError) as error:
        raise ArgumentError("device", device, f"JAX finds no such device ({error}); use device='cpu'") from error
    if dtype == "float32" and target.platform != "cpu":
        raise ArgumentError("dtype", dtype, "JAX rounds float32 products on such a device further; use torch for it")
    return Arrays(xp, dtype, target, device)


def _strict(device: str, place: str, dtype: str) -> Arrays:
    del place
    return Arrays(import_module("array_api_strict"), dtype, None, device)


_MAKERS: dict[str, Any] = {"torch": _torch, "jax": _jax, "array_api_strict": _strict}
