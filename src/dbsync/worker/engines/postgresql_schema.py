"""What makes up a schema on PostgreSQL: statements that give one line an object, the version table left out."""

from __future__ import annotations

USER_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%'"
_TABLE = "n.nspname || '.' || c.relname"
_FROM = (
    f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {USER_SCHEMAS} AND c.relname <> :version_table"
)
# `:version_table` stands for its name, quoted.
SCHEMA = (
    f"SELECT 'table ' || {_TABLE} {_FROM} WHERE c.relkind IN ('r', 'p')",
    f"SELECT 'sequence ' || {_TABLE} {_FROM} WHERE c.relkind = 'S'",
    f"SELECT 'view ' || {_TABLE} || ': ' || pg_get_viewdef(c.oid) {_FROM} WHERE c.relkind IN ('v', 'm')",
    (
        f"SELECT 'column ' || {_TABLE} || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)"
        " || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || a.attidentity::text || a.attgenerated::text"
        " || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')"
        f" {_FROM} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'p')"
    ),
    (
        f"SELECT 'constraint ' || {_TABLE} || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)"
        f" {_FROM} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n'"
    ),
    f"SELECT 'index ' || pg_get_indexdef(i.indexrelid) {_FROM} JOIN pg_index i ON i.indrelid = c.oid",
    (
        "SELECT 'enum ' || n.nspname || '.' || t.typname || ' ' || string_agg(e.enumlabel, ', '"
        " ORDER BY e.enumsortorder)"
        f" FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND {USER_SCHEMAS}"
        " JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY n.nspname, t.typname"
    ),
    (
        f"SELECT 'trigger ' || pg_get_triggerdef(t.oid) {_FROM}"
        " JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal"
    ),
)
