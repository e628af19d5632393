"""An empty MLflow database to copy: its migrations cost seconds, and a test needs none of them to happen again."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from training.registry import DATABASE, MlflowRegistry


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="parley-mlflow-template-"))
    MlflowRegistry(folder).prepare()
    return folder / DATABASE


def prepared(folder: Path) -> MlflowRegistry:
    """A registry in `folder` with its database in place and nothing in it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_template(), folder / DATABASE)
    return MlflowRegistry(folder)
