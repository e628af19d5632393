"""The part of the Open Data Contract Standard v3.1.0 that our files use, as a JSON schema written from the standard.

Stricter than the standard where we rely on more: a description on each column, a unit on each number, a retention.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}

CUSTOM_PROPERTIES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["property", "value"],
        "properties": {"property": TEXT, "value": {}, "description": TEXT},
        "additionalProperties": False,
    },
}

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)

QUALITY = {
    "type": "object",
    "required": ["name", "dimension"],
    "properties": {
        "name": TEXT,
        "type": {"enum": ["text", "library", "sql", "custom"]},
        "description": TEXT,
        "dimension": {
            "enum": ["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]
        },
        "severity": TEXT,
        "metric": {"enum": ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]},
        "arguments": {"type": "object"},
        "unit": TEXT,
        "engine": TEXT,
        "implementation": {"type": ["string", "object"]},
        **{name: {"type": "number"} for name in OPERATORS if not name.endswith("Between")},
        **{name: {"type": "array", "minItems": 2, "maxItems": 2} for name in OPERATORS if name.endswith("Between")},
    },
    "oneOf": [
        {
            "required": ["metric"],
            "not": {"required": ["engine"]},
            "oneOf": [{"required": [name]} for name in OPERATORS],
        },
        {
            "required": ["type", "engine", "implementation", "description"],
            "properties": {"type": {"const": "custom"}},
            "not": {"anyOf": [{"required": ["metric"]}, *({"required": [name]} for name in OPERATORS)]},
        },
    ],
    "additionalProperties": False,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "string": {
        "minLength": {"type": "integer", "minimum": 0},
        "maxLength": {"type": "integer", "minimum": 0},
        "pattern": TEXT,
        "format": TEXT,
    },
    "date": {},
    "timestamp": {"timezone": {"type": "boolean"}, "defaultTimezone": TEXT, "minimum": TEXT},
    "integer": {name: {"type": "number"} for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
    "number": {name: {"type": "number"} for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
    "array": {"minItems": {"type": "integer"}, "maxItems": {"type": "integer"}, "uniqueItems": {"type": "boolean"}},
    "boolean": {},
}

PROPERTY: dict[str, Any] = {
    "type": "object",
    "required": ["name", "logicalType", "physicalType", "required", "classification", "description"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "logicalType": {"enum": list(OPTIONS)},
        "physicalType": TEXT,
        "primaryKey": {"type": "boolean"},
        "primaryKeyPosition": {"type": "integer", "minimum": 1},
        "required": {"type": "boolean"},
        "unique": {"type": "boolean"},
        "classification": {"enum": ["public", "internal", "pseudonym", "personal"]},
        "description": TEXT,
        "logicalTypeOptions": {"type": "object"},
        "items": {
            "type": "object",
            "required": ["logicalType"],
            "properties": {
                "logicalType": {"const": "string"},
                "logicalTypeOptions": {
                    "type": "object",
                    "properties": OPTIONS["string"],
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        "quality": {"type": "array", "items": QUALITY},
        "relationships": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["to"],
                "properties": {
                    "to": {"type": "string", "pattern": r"^[a-z_]+\.[a-z_]+$"},
                    "type": {"const": "foreignKey"},
                    "customProperties": CUSTOM_PROPERTIES,
                },
                "additionalProperties": False,
            },
        },
        "customProperties": CUSTOM_PROPERTIES,
    },
    "allOf": [
        {
            "if": {"properties": {"logicalType": {"const": kind}}},
            "then": {"properties": {"logicalTypeOptions": {"properties": options, "additionalProperties": False}}},
        }
        for kind, options in OPTIONS.items()
    ],
    "additionalProperties": False,
}

COMMON_PART = {
    "type": "object",
    "required": ["properties", "quality"],
    "properties": {
        "properties": {"type": "array", "minItems": 1, "items": PROPERTY},
        "quality": {"type": "array", "items": QUALITY},
    },
    "additionalProperties": False,
}

SLA = {
    "type": "object",
    "required": ["property", "value", "unit", "element"],
    "properties": {
        "property": TEXT,
        "value": {"type": ["string", "number", "boolean"]},
        "unit": TEXT,
        "element": {"type": "string", "pattern": r"^[a-z_]+\.[a-z_]+$"},
        "driver": {"enum": ["regulatory", "analytics", "operational"]},
        "description": TEXT,
    },
    "additionalProperties": False,
}

CONTRACT = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "required": ["apiVersion", "kind", "id", "name", "version", "status", "description", "schema", "slaProperties"],
    "properties": {
        "apiVersion": {"const": "v3.1.0"},
        "kind": {"const": "DataContract"},
        "id": TEXT,
        "name": TEXT,
        "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "status": {"enum": ["proposed", "draft", "active", "deprecated", "retired"]},
        "domain": TEXT,
        "dataProduct": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "description": {
            "type": "object",
            "required": ["purpose", "usage", "limitations"],
            "properties": {"purpose": TEXT, "usage": TEXT, "limitations": TEXT},
            "additionalProperties": False,
        },
        "schema": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "logicalType", "physicalName", "description", "properties", "quality"],
                "properties": {
                    "name": TEXT,
                    "logicalType": {"const": "object"},
                    "physicalType": TEXT,
                    "physicalName": TEXT,
                    "description": TEXT,
                    "dataGranularityDescription": TEXT,
                    "properties": {"type": "array", "minItems": 1, "items": PROPERTY},
                    "quality": {"type": "array", "items": QUALITY},
                },
                "additionalProperties": False,
            },
        },
        "slaProperties": {
            "type": "array",
            "contains": {"properties": {"property": {"const": "retention"}}},
            "items": SLA,
        },
    },
    "additionalProperties": False,
}
