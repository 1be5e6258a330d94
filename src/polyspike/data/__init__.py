"""Real data: lazy loaders of sets that ship inside packages, readers of CSV and Parquet files, whitening, targets.

Nothing is downloaded; a loader whose package is missing says which one to install.
"""

from polyspike.data.dataset import Dataset
from polyspike.data.loaders import DATASETS, load, load_images
from polyspike.data.rescale import rescale
from polyspike.data.tables import read_csv, read_parquet, read_table
from polyspike.data.targets import label_target
from polyspike.data.whiten import Whitening, fit_whitening, whiten

__all__ = [
    "DATASETS",
    "Dataset",
    "Whitening",
    "fit_whitening",
    "label_target",
    "load",
    "load_images",
    "read_csv",
    "read_parquet",
    "read_table",
    "rescale",
    "whiten",
]
