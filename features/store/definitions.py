"""The services of `features.store.services` as Feast objects: plain views over Parquet files, nothing that is code.

On-demand and stream views would store pickled functions in the registry, so there are none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.store.services import SERVICES, View, refuse_changed


def feast_objects(sources: Path) -> list[Any]:
    """Entities, views and services over the Parquet files in folder `sources` (absolute: DuckDB reads them by path)."""
    from feast import FeatureService

    by_name = {view.name: view for service in SERVICES.values() for view in service.views}
    entities = {name: _entity(view) for name, view in by_name.items()}
    views = {name: _feature_view(view, entities[name], sources.resolve()) for name, view in by_name.items()}
    services = []
    for service in SERVICES.values():
        refuse_changed(service)
        tags = {"digest": service.digest()}
        services.append(FeatureService(name=service.name, features=[views[v.name] for v in service.views], tags=tags))
    return [*entities.values(), *views.values(), *services]


def _entity(view: View) -> Any:
    from feast import Entity, ValueType

    return Entity(name=view.entity, join_keys=[view.join_key], value_type=ValueType.STRING)


def _feature_view(view: View, entity: Any, sources: Path) -> Any:
    from feast import FeatureView, Field, FileSource
    from feast.types import Float64

    source = FileSource(
        name=f"{view.name}_source",
        path=str(sources / f"{view.name}.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    return FeatureView(
        name=view.name,
        entities=[entity],
        schema=[Field(name=name, dtype=Float64, description=meaning) for name, meaning in view.fields.items()],
        source=source,
        online=True,
    )
