-- Tokens and codes are found in memory; in the file each has a number within its world. New ones are written one after
-- another, where a hash would put each on a page of its own.

create table numbered_tokens (
    sandbox text not null,
    number integer not null,
    hash blob not null,
    kind text not null check (kind in ('access', 'refresh')),
    client_id text not null,
    user_id integer not null,
    scope integer not null,
    issued_at integer not null,
    expires_at integer not null,
    primary key (sandbox, number)
) strict, without rowid;

insert into numbered_tokens
select sandbox, row_number() over (partition by sandbox order by issued_at, hash),
       hash, kind, client_id, user_id, scope, issued_at, expires_at
from tokens;

drop table tokens;
alter table numbered_tokens rename to tokens;

create table numbered_codes (
    sandbox text not null,
    number integer not null,
    hash blob not null,
    client_id text not null,
    user_id integer not null,
    scope integer not null,
    redirect_uri text not null,
    challenge text not null,
    nonce text,
    issued_at integer not null,
    expires_at integer not null,
    kept_until integer not null,
    primary key (sandbox, number)
) strict, without rowid;

insert into numbered_codes
select sandbox, row_number() over (partition by sandbox order by issued_at, hash),
       hash, client_id, user_id, scope, redirect_uri, challenge, nonce, issued_at, expires_at, kept_until
from codes;

drop table codes;
alter table numbered_codes rename to codes;
