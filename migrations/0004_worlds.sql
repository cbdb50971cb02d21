-- A sandbox's rows are kept under the key of a world, not under its name: a reset and a restore begin a new world, so
-- that whatever began in the old one writes where nobody looks any more. Old worlds are emptied bit by bit.

create table worlds (
    -- Never used twice.
    id integer primary key autoincrement,
    -- What the column `sandbox` of the other tables holds.
    key text not null unique,
    retired integer not null default 0
) strict;

-- A snapshot is a world too, and so is the seed of a sandbox that has one of its own.
alter table sandboxes add column world text not null default '';
alter table sandboxes add column seed_world text;
-- The settings that the sandbox was made with, as the patch that was sent.
alter table sandboxes add column settings text;
alter table snapshots add column world text not null default '';

update sandboxes set world = name;
update snapshots set world = sandbox || '@' || name;
insert into worlds (key) select world from sandboxes;
insert into worlds (key) select world from snapshots;
