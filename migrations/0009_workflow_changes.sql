-- A workflow can be listed, canceled, and given tags and metadata.

-- A JSON array of texts.
alter table workflows add column tags text not null default '[]';
-- A JSON object.
alter table workflows add column metadata text not null default '{}';
-- Workflows of before are listed by the time when they finished.
alter table workflows add column submitted_at integer not null default 0;
alter table workflows add column canceled_at integer;

update workflows set submitted_at = finishes_at;
