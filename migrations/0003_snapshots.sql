-- Named copies of a sandbox: its rows are kept under the sandbox name "{sandbox}@{snapshot}", which no path can
-- name; clock, settings and faults are kept here.

create table snapshots (
    sandbox text not null,
    name text not null,
    state text not null,
    taken_at integer not null,
    primary key (sandbox, name)
) strict, without rowid;
